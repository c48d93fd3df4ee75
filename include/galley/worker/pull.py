"""The command ``pull``: the one place that asks a hub for anything, and only when a person says so."""

from __future__ import annotations

from collections.abc import Sequence

from galley.errors import ModelNotFound
from galley.items import Kind
from galley.model_files import ADAPTER_FILE, inspect, inspect_adapter
from galley.models import Located, LocatedAdapter, Models
from galley.settings import Settings

PATTERNS = (
    "*.json",
    "*.txt",
    "*.jinja",
    "*.model",
    "model.safetensors",
    "*/model.safetensors",
    "*model-*-of-*.safetensors",
    "*diffusion_pytorch_model.safetensors",
)
"""What loaders read; not the pickles, half-precision variants and ONNX copies that repositories also hold."""
LEFT_OUT = ("safety_checker/*", "*.fp16*", "*.bf16*", "*.non_ema*", "onnx/*", "openvino/*", "*/openvino_*", "flax*")


def pull(settings: Settings, name: str, kind: Kind | None = None) -> None:
    """Fetch a hub model's files at its commit, check them, and record their digest.

    Raises:
        ModelNotFound: the name is unknown, or the hub cannot be reached and the cache has not everything.
        ModelRefused: what came is not safe to load, or not what was recorded before.
    """
    models = Models.from_settings(settings)
    if name in models.registry.adapters:
        _pull_adapter(settings, models.adapter(name))
        return
    found = models.locate(name, kind)
    if found.entry.is_directory:
        files = inspect(found.directory)
        print(f"{found.name}: a directory here, nothing to pull; digest {files.digest}")
        return
    _fetch(settings, found, PATTERNS)
    files = inspect(found.directory, boundary=found.boundary)
    models.pin(found, files)
    print(f"{found.name}: {files.size / 2**20:.0f} MiB, digest {files.digest}")


def _pull_adapter(settings: Settings, found: LocatedAdapter) -> None:
    if not found.entry.is_directory:
        _fetch(settings, found, (ADAPTER_FILE,))
    adapter = inspect_adapter(found.directory, boundary=found.boundary)
    print(f"{found.name}: {adapter.path.stat().st_size / 2**20:.0f} MiB, sha256 {adapter.sha256}")


def _fetch(settings: Settings, found: Located | LocatedAdapter, patterns: Sequence[str]) -> None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    arguments = {
        "repo_id": found.entry.source,
        "revision": found.entry.revision,
        "cache_dir": settings.hub_cache,
        "allow_patterns": list(patterns),
        "ignore_patterns": list(LEFT_OUT),
    }
    try:
        snapshot_download(**arguments)
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ModelNotFound(
            f'model "{found.name}" ({found.entry.source} at {found.entry.revision}) cannot be fetched: {error}; '
            "pulling needs the network and, for some models, a login at the hub"
        ) from error
