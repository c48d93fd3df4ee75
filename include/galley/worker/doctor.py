"""The command ``doctor``: whether this environment can run jobs, and what mends it where it cannot."""

from __future__ import annotations

import importlib
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version

from galley.errors import GalleyError
from galley.models import Models
from galley.settings import Settings
from galley.storage import Zones

LEAST = {
    "torch": (2, 10),
    "transformers": (5, 5),
    "diffusers": (0, 42),
    "safetensors": (0, 6),
    "pillow": (12, 0),
}
"""Least versions: below them known ways around safe loading are open, or names used here do not exist."""


def doctor(settings: Settings) -> int:
    """Print one line per check; 0 where all are well, 1 where something must be mended."""
    checks: list[tuple[str, Callable[[], str]]] = [
        *((f"library {name}", partial(_library, name)) for name in LEAST),
        ("device", _device),
        ("store", partial(_store, settings)),
        *_model_checks(settings),
    ]
    bad = 0
    for name, check in checks:
        try:
            print(f"ok    {name}: {check()}", flush=True)
        except Exception as error:
            bad += 1
            print(f"FAIL  {name}: {error}", flush=True)
    return 1 if bad else 0


def _library(name: str) -> str:
    try:
        found = version(name)
    except PackageNotFoundError:
        raise RuntimeError("is not installed in this environment; run: make setup") from None
    parts = tuple(int(part) for part in found.split(".")[:2] if part.isdigit())
    if parts < LEAST[name]:
        raise RuntimeError(f"{found} is older than {'.'.join(map(str, LEAST[name]))}; run: make setup")
    importlib.import_module({"pillow": "PIL"}.get(name, name))
    return found


def _device() -> str:
    from galley.engines.numerics import measure

    numerics = measure("text", "float32")
    return f"{numerics.device} {numerics.isa}, {numerics.threads} threads"


def _digest(models: Models, name: str) -> str:
    return models.source(name).digest


def _store(settings: Settings) -> str:
    store = Zones.from_settings(settings).work
    key = f"doctor/{uuid.uuid4().hex}"
    store.put_if_absent(key, b"doctor")
    try:
        if store.get(key) != b"doctor":
            raise RuntimeError(f"{store.url} does not return what was written")
    finally:
        store.delete(key)
    return store.url


def _model_checks(settings: Settings) -> Iterator[tuple[str, Callable[[], str]]]:
    try:
        models = Models.from_settings(settings)
    except GalleyError as error:
        text = str(error)

        def broken() -> str:
            raise RuntimeError(text)

        yield "models.yaml", broken
        return
    for kind, name in models.registry.defaults.items():
        yield f"default {kind} model", partial(_digest, models, name)
