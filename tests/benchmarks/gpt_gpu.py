"""gpt-gpu: GPT-2 124M in bfloat16 on a GPU, against transformers, and against what reading its weights must take.

The roofline of a decode step is the time that its weights and its rows' keys and values take to be read, at the rate
at which the card copies within its memory, measured in the same run.
"""

from __future__ import annotations

import time

import torch

from galley.engines.text.engine import SlotTextEngine
from galley.items import TextParams
from tests.benchmarks import texts
from tests.benchmarks.harness import Report, Say, Target, machine, race, ratio
from tests.benchmarks.models import gpt2

DTYPE, ROWS, KEYS = "bfloat16", 256, 256


def run(say: Say, *, rounds: int, threads: int, quick: bool) -> Report:
    """Useful tokens a second, and the share of the roofline of a step of 256 rows."""
    if not torch.cuda.is_available():
        raise SystemExit(
            "gpt-gpu measures a CUDA GPU, and torch finds none here; run `make bench-gpu` where there is one, with a "
            "CUDA build of torch in .venv-worker"
        )
    files = gpt2(2, 64) if quick else gpt2()
    asked = texts.mixed(32 if quick else 1024)
    greedy = TextParams(temperature=0)
    grid = texts.GRID[:1] if quick else tuple({**each, "max_batch_tokens": 4096} for each in texts.GRID[-2:])
    ours, engine = texts.slots("slots", files, DTYPE, threads, asked, say, temperature=0)
    fast, _ = texts.slots("slots-fast", files, DTYPE, threads, asked, say, exact=False, temperature=0)
    continuous = texts.continuous("continuous", files, DTYPE, asked, greedy, say, grid)
    alone = texts.one_by_one("one by one", files, DTYPE, asked[:6], greedy)
    found = race([ours, fast, continuous, alone], rounds, say)
    best = max(found[:2], key=lambda each: each.rate)
    step, least = _step(engine), _roofline(engine)
    return Report(
        "gpt-gpu",
        f"{len(asked)} texts as in gpt-mixed, {DTYPE}",
        "useful tokens",
        found,
        (
            ratio(f"{best.name} / one by one", best, found[3], least=100.0),
            ratio(f"{best.name} / continuous", best, found[2], least=1.2),
            Target(f"share of the roofline, a step of {ROWS} rows and {KEYS} keys", least / step, least=0.5),
        ),
        {
            "seconds of a step": step,
            "seconds at the roofline": least,
            "useful rows / computed rows": engine.figures.useful_rows / engine.figures.computed_rows,
            "seconds by phase": engine.figures.phases,
        },
        machine(),
    )


def _step(engine: SlotTextEngine, times: int = 50) -> float:
    """Seconds of a decode forward, without sampling."""
    forward = engine._forward
    forward.open(ROWS, KEYS)
    try:
        for number in range(times + 5):
            if number == 5:
                torch.cuda.synchronize()
                began = time.perf_counter()
            forward.step(0, ROWS, [0] * ROWS, [KEYS - 1] * ROWS)
        torch.cuda.synchronize()
        return (time.perf_counter() - began) / times
    finally:
        forward.close()


def _roofline(engine: SlotTextEngine) -> float:
    """Seconds that reading weights, keys and values once takes."""
    model = engine._language.model
    weights = sum(each.nbytes for each in model.parameters())
    return (weights + ROWS * KEYS * engine._forward.position_bytes) / _bytes_a_second()


def _bytes_a_second(size: int = 2**30, times: int = 20) -> float:
    """What the card reads and writes when it copies."""
    source, target = (torch.empty(size, dtype=torch.uint8, device="cuda") for _ in range(2))
    target.copy_(source)
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(times):
        target.copy_(source)
    torch.cuda.synchronize()
    return 2 * size * times / (time.perf_counter() - began)
