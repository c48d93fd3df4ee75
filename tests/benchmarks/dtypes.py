"""Which dtypes a machine can be measured in: without instructions for one, forwards are emulated and tell nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping

import torch

from galley.model_files import ModelFiles
from tests.benchmarks import texts
from tests.benchmarks.harness import Say

DTYPES = ("float32", "bfloat16", "int8")
ROWS = 16
SLOW = 1.5
"""Times as long as in float32 that a forward may take: beyond, the processor has no instructions for the dtype."""


def seconds(files: ModelFiles, say: Say) -> dict[str, float]:
    """Seconds of a stock forward of 16 rows of one token, by dtype; the best of three."""
    return {dtype: _forward(files, dtype, say) for dtype in DTYPES}


def served(taken: Mapping[str, float]) -> tuple[str, ...]:
    """Dtypes that the machine has instructions for, float32 first."""
    return tuple(dtype for dtype in DTYPES if taken[dtype] <= SLOW * taken["float32"])


def fastest(taken: Mapping[str, float]) -> str:
    """Float32 or bfloat16, whichever is faster: what a benchmark of one dtype uses."""
    return min(("float32", "bfloat16"), key=taken.__getitem__)


@torch.inference_mode()
def _forward(files: ModelFiles, dtype: str, say: Say) -> float:
    model = texts.load(files, dtype)
    ids = torch.full((ROWS, 1), 97, device=model.device)
    taken = []
    for _ in range(4):
        began = time.perf_counter()
        model(ids, use_cache=False).logits.sum().item()
        taken.append(time.perf_counter() - began)
    say(f"a forward of {ROWS} rows in {dtype}: {1000 * min(taken[1:]):.0f} ms")
    return min(taken[1:])
