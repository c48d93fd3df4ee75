"""Room for rows: what is counted, and that a budget is kept whatever the rows and positions."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from galley.engines.certificate import RowCounts
from galley.engines.text.attention import register
from galley.engines.text.forward import CHUNK, SlotForward
from galley.engines.text.language_model import LanguageModel
from galley.engines.text.room import GROWTH, Allocations, Room, probed
from galley.engines.toys import build_text
from galley.model_files import inspect

MIB = 2**20
COUNTS = st.sets(st.integers(1, 64), min_size=1).map(lambda found: RowCounts(tuple(sorted(found))))


def test_what_is_held_at_once_is_counted_once():
    there = torch.zeros(MIB // 4)
    with Allocations() as seen:
        first = there + 1
        assert seen.peak == MIB
        view = first.view(2, -1)[1]
        first.add_(1)
        assert seen.peak == MIB
        second = torch.cat([view, view])
        assert seen.peak == 2 * MIB
        del first, view, second
        for _ in range(5):
            there * 2
        assert seen.peak == 2 * MIB


@given(counts=COUNTS, positions=st.integers(1, 4096), budget=st.integers(0, 10**9))
def test_a_budget_is_kept_by_the_most_rows_that_keep_it(counts, positions, budget):
    room = Room(1000, (5000.0, 70_000.0, 30.0), (900_000.0, 500.0))
    chosen = room.within(counts, positions, budget)
    if room.need(counts.counts[0], positions) > budget:
        assert chosen == RowCounts(counts.counts[:1])  # the fewest there are; memory itself will tell
    else:
        assert room.need(chosen.most, positions) <= budget
        assert not [count for count in counts.counts if count > chosen.most and room.need(count, positions) <= budget]


def test_a_miss_asks_for_more():
    room = Room(0, (0.0, 1000.0, 0.0), (0.0, 0.0))
    before = room.need(8, 64)
    room.missed()
    assert room.need(8, 64) == pytest.approx(before * GROWTH)


def test_few_forwards_foretell_what_larger_ones_take(tmp_path):
    register()
    forward = SlotForward(LanguageModel(inspect(build_text(tmp_path / "toy")), "float32", attention="eager"))
    room = probed(forward)
    forward.open(17, 2 * CHUNK)
    forward.step(0, 16, [0] * 16, [100] * 16)
    with Allocations() as seen:
        forward.step(0, 16, [0] * 16, [100] * 16)
    fixed, each, cell = room.decode
    assert seen.peak <= fixed + each * 16 + cell * 16 * 2 * CHUNK
    assert each > 257 * 4  # at least the scores
