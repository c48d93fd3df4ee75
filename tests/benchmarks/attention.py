"""attention: the attention of one token a row, ours against transformers' two, own keys and shared ones."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.models.llama.modeling_llama import eager_attention_forward

from galley.engines.text.attention import grouped
from tests.benchmarks.harness import Measured, Peer, Report, Say, Target, machine, race, ratio

ROWS, KEYS, LAYERS, HEADS, SIZE = 32, 256, 4, 12, 64
SHARES = {"own keys": HEADS, "four heads share": HEADS // 4}
WAYS: dict[str, Callable[..., tuple[Tensor, Any]]] = {
    "grouped": grouped,
    "eager": eager_attention_forward,
    "sdpa": sdpa_attention_forward,
}


def run(say: Say, *, rounds: int, threads: int, quick: bool) -> Report:
    """Ticks of attention alone."""
    measured: list[Measured] = []
    targets: list[Target] = []
    for dtype in (torch.float32, torch.bfloat16):
        for name, groups in SHARES.items():
            what = f"{str(dtype).removeprefix('torch.')}, {name}"
            found = race(_peers(what, dtype, groups, 3 if quick else 100), rounds, say)
            measured += found
            for other in found[1:]:
                targets.append(ratio(f"{found[0].name} / {other.name}", found[0], other, least=0.95))
    return Report(
        "attention",
        f"{ROWS} rows, one query of {HEADS} heads each, {KEYS} keys of size {SIZE}, {LAYERS} layers",
        "ticks",
        tuple(measured),
        tuple(targets),
        {},
        machine(),
    )


def _peers(what: str, dtype: torch.dtype, groups: int, ticks: int) -> list[Peer]:
    random = torch.Generator().manual_seed(0)

    def drawn(heads: int, tokens: int) -> Tensor:
        return torch.randn((ROWS, heads, tokens, SIZE), generator=random).to(dtype)

    # As the cache gives them: the first keys of longer rows.
    layers = [
        (drawn(HEADS, 1), drawn(groups, 2 * KEYS)[:, :, :KEYS], drawn(groups, 2 * KEYS)[:, :, :KEYS])
        for _ in range(LAYERS)
    ]
    mask = torch.zeros(ROWS, 1, 1, KEYS, dtype=dtype)
    mask[: ROWS // 2, :, :, KEYS // 2 :] = torch.finfo(dtype).min
    module = SimpleNamespace(num_key_value_groups=HEADS // groups, training=False, is_causal=False)
    expected = eager_attention_forward(module, *layers[0], mask, scaling=SIZE**-0.5)[0]

    def peer(name: str, way: Callable[..., tuple[Tensor, Any]]) -> Peer:
        def tick() -> float:
            with torch.inference_mode():
                for _ in range(ticks):
                    for query, key, value in layers:
                        way(module, query, key, value, mask, scaling=SIZE**-0.5)
            return ticks

        found = way(module, *layers[0], mask, scaling=SIZE**-0.5)[0]
        torch.testing.assert_close(found, expected, atol=0.02, rtol=0.02)  # the same attention, up to rounding
        return Peer(f"{name}, {what}", tick)

    return [peer(name, way) for name, way in WAYS.items()]
