"""A registry of two models for tests of intake: a small working `ResolveModel`."""

from __future__ import annotations

import hashlib
from datetime import date

from galley.errors import ModelError, ModelNotFound
from galley.items import Kind, ResolvedModel

DAY = date(2026, 11, 23)
MODELS: dict[str, tuple[Kind, dict[str, object]]] = {
    "painter": ("image", {"width": 64, "height": 64, "num_inference_steps": 20}),
    "other-painter": ("image", {"width": 64, "height": 64, "scheduler": "DDIMScheduler"}),
    "writer": ("text", {"max_new_tokens": 32}),
}
DEFAULTS: dict[Kind, str] = {"image": "painter", "text": "writer"}
ALIASES = {"gpt-4o-mini": "writer", "dall-e-3": "painter"}


def resolve(name: str, kind: Kind) -> ResolvedModel:
    """A `galley.items.ResolveModel` over `MODELS`."""
    name = ALIASES.get(name, name) or DEFAULTS[kind]
    if name not in MODELS:
        raise ModelNotFound(f'no model "{name}"')
    its, defaults = MODELS[name]
    if its != kind:
        raise ModelError(f'model "{name}" makes {its}, not {kind}')
    return ResolvedModel(name=name, kind=kind, digest=hashlib.sha256(name.encode()).hexdigest(), defaults=defaults)
