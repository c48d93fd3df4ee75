"""Which keys a query may see, per layer type, and which models a slot engine can serve.

Supported are decoders whose layers attend to everything before them or to a window of it, under stock attention that
takes a 4-D mask. Others (ALiBi, local attention as in GPT-Neo, state-space and hybrid layers, encoder-decoders) would
give wrong texts silently or raise, so they are refused by their configuration.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

FULL, SLIDING = "full_attention", "sliding_attention"
_REFUSED = {
    "bloom": "ALiBi",
    "mpt": "ALiBi",
    "gpt_neo": "local attention of its own",
    "gptj": "attention that was never tried in slots",
}


def unsupported(config: Any) -> str:
    """Why a model cannot run in slots, in a few words; empty where it can.

    ``config`` is the model's text configuration. What passes here is still compared with `generate` when it is loaded.
    """
    if getattr(config, "is_encoder_decoder", False):
        return "it is an encoder-decoder"
    if reason := _REFUSED.get(getattr(config, "model_type", "")):
        return reason
    if getattr(config, "alibi", False) or getattr(config, "position_embedding_type", "") == "alibi":
        return "ALiBi"
    kinds = set(getattr(config, "layer_types", None) or (FULL,))
    if other := sorted(kinds - {FULL, SLIDING}):
        return f"layers of type {other[0]}"
    if "longrope" in _rope_types(config):
        return "rotary frequencies that change for all rows with the longest (longrope)"
    if any(getattr(config, name, None) for name in ("num_experts", "num_local_experts", "n_routed_experts")):
        return "a mixture of experts, each of which computes as many rows as company sends it"
    if any(getattr(config, name, None) for name in ("state_size", "mamba_d_state", "ssm_cfg", "conv_L_cache")):
        return "state-space layers"
    return ""


def _rope_types(config: Any) -> set[str]:
    """Kinds of rotary embedding: one, or one for each type of layer."""
    told = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    each = [told, *(value for value in told.values() if isinstance(value, dict))]
    return {str(one.get("rope_type") or one.get("type")) for one in each}


def masks(config: Any, positions: Tensor, length: int, dtype: torch.dtype) -> Tensor | dict[str, Tensor]:
    """Additive masks (rows, 1, queries, length): 0 where a key may be seen, the dtype's least number elsewhere.

    Args:
        config: the model's text configuration.
        positions: (rows, queries), of the queries.
        length: keys that are read, at positions 0 to ``length`` - 1.
        dtype: of the model's activations.

    Returns:
        One mask, or one per layer type where ``layer_types`` mixes kinds.
    """
    kinds = getattr(config, "layer_types", None)
    window = getattr(config, "sliding_window", None)
    if kinds is None:
        # Without a list of layer types, a window is every layer's, unless the model says that it is not used.
        sliding = window is not None and getattr(config, "use_sliding_window", True)
        return _mask(positions, length, dtype, window if sliding else None)
    found = {
        kind: _mask(positions, length, dtype, window if kind == SLIDING else None) for kind in dict.fromkeys(kinds)
    }
    return next(iter(found.values())) if len(found) == 1 else found


def _mask(positions: Tensor, length: int, dtype: torch.dtype, window: int | None) -> Tensor:
    keys = torch.arange(length, device=positions.device)
    behind = positions[:, None, :, None] - keys
    seen = behind >= 0
    if window is not None and length > window:
        seen &= behind < window
    return torch.zeros(seen.shape, dtype=dtype, device=positions.device).masked_fill_(~seen, torch.finfo(dtype).min)
