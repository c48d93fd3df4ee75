"""memory: random rows of random lengths under random budgets; what the engine reckons against what is taken."""

from __future__ import annotations

import random
import statistics

import torch

from galley.engines.certificate import RowCounts
from galley.engines.numerics import settle
from galley.engines.text.attention import GROUPED, register
from galley.engines.text.forward import CHUNK, SlotForward
from galley.engines.text.language_model import LanguageModel
from galley.engines.text.room import HUNGRIEST, probed
from galley.engines.text.sampler import Row, sample
from tests.benchmarks.harness import Report, Say, Target, machine
from tests.benchmarks.models import gpt2
from tests.benchmarks.sd_memory import peak_of

COUNTS = RowCounts(tuple(range(1, 129)))
"""As fine as counts can be: how much of a budget is used is then told of the reckoning, not of the counts."""
MIB = 2**20


def run(say: Say, *, rounds: int, threads: int, quick: bool) -> Report:
    """Peaks against budgets."""
    settle(threads)
    register()
    forward = SlotForward(LanguageModel(gpt2(2, 64) if quick else gpt2(4, 512), "float32", attention=GROUPED))
    room = probed(forward)
    rng = random.Random(0)
    batches = 12 if quick else 1000
    over, used, errors, refused = 0, [], [], 0
    for number in range(batches):
        positions = CHUNK * rng.randint(1, 1024 // CHUNK)
        budget = rng.randint(16, 64 if quick else 512) * MIB
        rows = room.within(COUNTS, positions, budget).most
        if room.need(rows, positions) > budget:
            refused += 1  # not even one row fits: the engine would try it all the same
            continue
        peak = peak_of(lambda rows=rows, positions=positions: _batch(forward, rows, positions))
        forward.close()
        over += peak > budget
        if rows < COUNTS.most:  # else there was more memory than rows
            used.append(peak / budget)
        errors.append(room.need(rows, positions) / max(peak, 1) - 1)
        if number % 100 == 0:
            say(f"{number}: {rows} rows of {positions}: {peak / MIB:.0f} of {budget / MIB:.0f} MiB")
    return Report(
        "memory",
        f"{batches} random batches of texts of 64 to 1024 tokens, budgets of 16 to 512 MiB; float32",
        "batches",
        (),
        (
            Target("batches above their budget", over, most=0),
            Target("share of the budget used, median", statistics.median(used), least=0.7),
        ),
        {
            "reckoned / taken - 1, median": statistics.median(errors),
            "reckoned / taken - 1, least": min(errors),
            "reckoned / taken - 1, most": max(errors),
            "batches that not even one row would fit": refused,
            "bytes of a position": room.position_bytes,
            "bytes of a decode forward, fixed": room.decode[0],
            "bytes of a decode forward, a row": room.decode[1],
            "bytes of a decode forward, a row's position": room.decode[2],
        },
        machine(),
    )


def _batch(forward: SlotForward, rows: int, positions: int) -> None:
    """What takes the most while a batch is made: all slots, the last chunk of the longest prompt, every row's token."""
    forward.open(rows + 1, positions)
    forward.read(rows, [0] * positions, positions - CHUNK)
    scores = forward.step(0, rows, [0] * rows, [positions - 1] * rows)
    sample(torch.cat([scores]), [Row(HUNGRIEST, 0, [0], []) for _ in range(rows)])
