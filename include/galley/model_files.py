"""What a model directory holds: the files a loader would read, whether they are safe to load, and their digest.

Nothing here imports a machine-learning library. A model is a directory in the layout of diffusers (``model_index.json``
and one directory per component) or of transformers (``config.json`` beside weights and tokenizer). Only files that
`from_pretrained` reads count: a README, an ONNX copy or half-precision variants lying beside them change nothing.

The rules (trust no flag of a loader alone; CVE-2026-4372, CVE-2026-44513 went around them): weights are safetensors;
no Python file anywhere in the directory; no JSON key that names code to fetch; nothing reached by a symbolic link that
leaves the directory.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from galley.atomic_file import write_atomically
from galley.errors import ModelNotFound, ModelRefused
from galley.items import Kind, digest

UNREAD_COMPONENTS = frozenset({"safety_checker", "feature_extractor", "image_encoder"})
"""Parts of a pipeline the engines never load; screening has its own checkers, with digests of their own."""
LIBRARIES = frozenset({"diffusers", "transformers"})
CODE_KEYS = frozenset({"auto_map", "custom_pipeline", "custom_generate", "_attn_implementation_internal"})
ELSEWHERE_KEYS = frozenset({"transformers_weights", "fast_tokenizer_files"})
"""Name other files than those that are looked at here."""
WEIGHTS = ("diffusion_pytorch_model", "model")
ADAPTER_FILE = "pytorch_lora_weights.safetensors"
"""What diffusers calls the weights of a LoRA."""
PICKLES = frozenset({".bin", ".ckpt", ".pt", ".pth", ".pkl", ".pickle", ".msgpack", ".h5"})
TOKENIZER_FILES = frozenset(
    {
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "vocab.json",
        "vocab.txt",
        "merges.txt",
        "tokenizer.model",
        "spiece.model",
        "sentencepiece.bpe.model",
        "chat_template.jinja",
        "chat_template.json",
    }
)
VOCABULARIES = (
    "tokenizer.json",
    "vocab.json",
    "vocab.txt",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class AdapterFile:
    """A LoRA's weights.

    Attributes:
        path: the safetensors file.
        sha256: of its bytes.
        weight: how much of it is added to the model.
    """

    path: Path
    sha256: str
    weight: float = 1.0


@dataclass(frozen=True)
class ModelFiles:
    """What a loader reads of one model.

    Attributes:
        directory: where they lie.
        kind: ``image`` for a diffusers pipeline, ``text`` for a causal language model.
        files: path relative to the directory (with ``/``) to the sha256 of the bytes.
        size: bytes in all.
        weight_bytes: bytes of weights alone.
        adapters: LoRAs to add to it, in order.
    """

    directory: Path
    kind: Kind
    files: Mapping[str, str]
    size: int
    weight_bytes: int
    adapters: tuple[AdapterFile, ...] = ()

    @property
    def digest(self) -> str:
        """The model digest of request keys: sha256 over paths and contents, adapters and their weights included."""
        return adapted_digest(digest(dict(self.files)), self.adapters)


def inspect(directory: Path, *, boundary: Path | None = None, cache: Path | None = None) -> ModelFiles:
    """Look at a model directory, refuse what is unsafe, and digest what a loader would read.

    Args:
        directory: the model.
        boundary: symbolic links may lead anywhere below it; default the directory itself. A hub snapshot's links lead
            to the blobs beside it, so its boundary is the repository's cache directory.
        cache: where sha256 of unchanged files are remembered; None reads every byte, as a worker must.

    Raises:
        ModelNotFound: no such directory, or a file the layout promises is missing.
        ModelRefused: it is not safe to load.
    """
    if not directory.is_dir():
        raise ModelNotFound(f'model directory "{directory}" does not exist; check the path, or pull or train the model')
    kind = kind_of(directory)
    _refuse_code(directory)
    paths = list(_pipeline_files(directory) if kind == "image" else _transformer_files(directory, ""))
    paths += _tokenizer_files(directory, "") if kind == "text" else []
    fence = (boundary or directory).resolve()
    hashes, size, weight_bytes = {}, 0, 0
    for path in sorted(set(paths)):
        file = directory / path
        real = file.resolve()
        if not real.is_relative_to(fence):
            raise ModelRefused(f'model "{directory}", {path}: leads out of the directory to "{real}"; copy the file in')
        if path.endswith(".json"):
            _refuse_keys(directory, path)
        length = real.stat().st_size
        size += length
        weight_bytes += length if path.endswith(".safetensors") else 0
        hashes[path] = file_sha256(real, cache)
    return ModelFiles(directory, kind, hashes, size, weight_bytes)


def adapted_digest(model: str, adapters: Sequence[AdapterFile]) -> str:
    """The digest of a model of this digest with these adapters, which make another model of it."""
    return digest([model, [[each.sha256, each.weight] for each in adapters]]) if adapters else model


def inspect_adapter(
    directory: Path, *, weight: float = 1.0, boundary: Path | None = None, cache: Path | None = None
) -> AdapterFile:
    """Look at the directory of a LoRA, which has one safetensors file; arguments and errors as of `inspect`."""
    if not directory.is_dir():
        raise ModelNotFound(f'adapter directory "{directory}" does not exist; check the path, or pull the adapter')
    found = sorted(path for path in directory.iterdir() if path.suffix == ".safetensors")
    named = [path for path in found if path.name == ADAPTER_FILE]
    if len(named or found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise ModelRefused(
            f'adapter "{directory}": which file is it? There is {names}; leave one, or call it {ADAPTER_FILE}'
        )
    (path,) = named or found
    if not path.resolve().is_relative_to((boundary or directory).resolve()):
        raise ModelRefused(f'adapter "{directory}", {path.name}: leads out of the directory; copy the file in')
    return AdapterFile(path, file_sha256(path.resolve(), cache), weight)


def kind_of(directory: Path) -> Kind:
    """``image`` where there is a ``model_index.json``, ``text`` where there is a ``config.json`` alone."""
    if (directory / "model_index.json").is_file():
        return "image"
    if (directory / "config.json").is_file():
        return "text"
    raise ModelNotFound(
        f'model directory "{directory}" has neither model_index.json (diffusers) nor config.json (transformers); '
        "give the directory that from_pretrained would be given"
    )


def file_sha256(path: Path, cache: Path | None = None) -> str:
    """sha256 of a file; with a cache directory, of an unchanged file (path, size, times, inode) without reading it."""
    before = path.stat()
    identity = [str(path), before.st_size, before.st_mtime_ns, before.st_ctime_ns, before.st_ino]
    entry = cache / f"{hashlib.sha256(str(path).encode()).hexdigest()[:32]}.json" if cache else None
    if entry is not None:
        try:
            known = json.loads(entry.read_bytes())
            if known["identity"] == identity:
                return str(known["sha256"])
        except (OSError, ValueError, KeyError, TypeError):
            pass  # an absent or torn entry costs one reading of the file
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    # A file written a moment ago may change again within one tick of its timestamps (git calls such entries racy).
    settled = time.time_ns() - max(before.st_mtime_ns, before.st_ctime_ns) > 2_000_000_000
    if entry is not None and settled:
        entry.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(entry, json.dumps({"identity": identity, "sha256": found}).encode())
    return found


def _pipeline_files(directory: Path) -> Iterator[str]:
    index = _json(directory, "model_index.json")
    name = index.get("_class_name")
    if not isinstance(name, str) or not _IDENTIFIER.fullmatch(name):
        raise ModelRefused(
            f'model "{directory}", model_index.json: _class_name {name!r} is not a diffusers class; pipelines that '
            "bring their own code are not loaded"
        )
    yield "model_index.json"
    for component, value in sorted(index.items()):
        if component.startswith("_") or not isinstance(value, list) or component in UNREAD_COMPONENTS:
            continue
        library, kind = [*value, None, None][:2]
        if library is None and kind is None:
            continue
        if library not in LIBRARIES or not isinstance(kind, str) or not _IDENTIFIER.fullmatch(kind):
            raise ModelRefused(
                f'model "{directory}", model_index.json: component {component} is {value!r}; only classes of '
                f"{' and '.join(sorted(LIBRARIES))} are loaded"
            )
        if not _IDENTIFIER.fullmatch(component) or not (directory / component).is_dir():
            raise ModelNotFound(
                f'model "{directory}": its directory {component}/ is missing; the copy is incomplete, make it again'
            )
        where = directory / component
        scheduler = (where / "scheduler_config.json").is_file()
        if scheduler:
            yield f"{component}/scheduler_config.json"
        if (where / "config.json").is_file():
            # Beside a scheduler's there may be a stray one; what has weights is a model, whatever else lies there.
            bare = scheduler and not any(where.glob("*.safetensors"))
            yield from [f"{component}/config.json"] if bare else _transformer_files(directory, f"{component}/")
        elif not scheduler:
            yield from _tokenizer_files(directory, f"{component}/")


def _transformer_files(directory: Path, prefix: str) -> Iterator[str]:
    """Configuration and all weights under any name that a loader knows: which it prefers is none of our business."""
    found = False
    yield f"{prefix}config.json"
    if (directory / prefix / "generation_config.json").is_file():
        yield f"{prefix}generation_config.json"
    for stem in WEIGHTS:
        if (directory / prefix / f"{stem}.safetensors").is_file():
            yield f"{prefix}{stem}.safetensors"
            found = True
        index = f"{prefix}{stem}.safetensors.index.json"
        if (directory / index).is_file():
            yield index
            shards = _json(directory, index).get("weight_map")
            if not isinstance(shards, dict) or not shards:
                raise ModelRefused(f'model "{directory}", {index}: has no weight_map; the file is damaged')
            for shard in sorted(set(map(str, shards.values()))):
                if Path(shard).name != shard or not shard.endswith(".safetensors"):
                    raise ModelRefused(
                        f'model "{directory}", {index}: names {shard!r}; shards are safetensors beside it'
                    )
                if not (directory / prefix / shard).is_file():
                    raise ModelNotFound(
                        f'model "{directory}": its shard {prefix}{shard} is missing; copy or pull it again'
                    )
                yield f"{prefix}{shard}"
            found = True
    if found:
        return
    where = directory / prefix
    pickles = sorted(p.name for p in where.iterdir() if p.suffix in PICKLES)
    if pickles:
        raise ModelRefused(
            f'model "{directory}": the only weights in {prefix or "./"} are {", ".join(pickles)}, which can run code '
            "when loaded; convert them to safetensors first, in a sandbox without network"
        )
    raise ModelNotFound(
        f'model "{directory}": no weights in {prefix or "./"} ({" or ".join(f"{s}.safetensors" for s in WEIGHTS)}); '
        "the copy is incomplete, make it again"
    )


def _tokenizer_files(directory: Path, prefix: str) -> list[str]:
    present = sorted(p.name for p in (directory / prefix).iterdir() if p.name in TOKENIZER_FILES and p.is_file())
    if not any(name in present for name in VOCABULARIES):
        raise ModelNotFound(
            f'model "{directory}": no tokenizer in {prefix or "./"} (one of {", ".join(VOCABULARIES)}); '
            "the copy is incomplete, make it again"
        )
    templates = sorted((directory / prefix / "additional_chat_templates").glob("*.jinja"))
    present += [f"{path.parent.name}/{path.name}" for path in templates]
    return [f"{prefix}{name}" for name in present]


def _json(directory: Path, path: str) -> dict[str, Any]:
    try:
        value = json.loads((directory / path).read_bytes())
    except (OSError, ValueError) as error:
        raise ModelRefused(
            f'model "{directory}", {path}: is not readable JSON ({error}); the file is damaged'
        ) from error
    if not isinstance(value, dict):
        raise ModelRefused(f'model "{directory}", {path}: is not a JSON object; the file is damaged')
    return value


def _refuse_code(directory: Path) -> None:
    for folder, _, names in os.walk(directory):
        for name in names:
            found = (Path(folder) / name).relative_to(directory)
            if name == "adapter_config.json":
                raise ModelRefused(
                    f'model "{directory}" holds an adapter ({found}), which transformers would add without a word; '
                    "merge it into the weights, or give it a directory of its own under adapters"
                )
            if name.endswith((".py", ".pyc", ".so", ".dll", ".dylib")):
                raise ModelRefused(f'model "{directory}" holds code ({found}); models here are data only, remove it')


def _refuse_keys(directory: Path, path: str) -> None:
    def keys(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            for key, inner in value.items():
                yield key
                yield from keys(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from keys(inner)

    name = Path(path).name
    if name in {"vocab.json", "tokenizer.json", "added_tokens.json"} or name.endswith(".index.json"):
        return  # their keys are words or tensor names
    present = set(keys(_json(directory, path)))
    if elsewhere := ELSEWHERE_KEYS & present:
        raise ModelRefused(
            f'model "{directory}", {path}: has {", ".join(sorted(elsewhere))}, which makes a loader read other files '
            "than those whose digests are taken; give them their usual names, and remove the key"
        )
    found = CODE_KEYS & present
    if found:
        raise ModelRefused(
            f'model "{directory}", {path}: has {", ".join(sorted(found))}, which makes a loader fetch and run code; '
            "use a model that its library knows, or remove the key if the library does"
        )
