"""Row counts that memory has room for: never others than those certified, halved where memory runs out after all."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from galley.engines.certificate import RowCounts
from galley.engines.image.room import Overhead, Room

counts = st.lists(st.integers(1, 32), min_size=1, max_size=6, unique=True).map(
    lambda each: RowCounts(tuple(sorted(each)))
)
sizes = st.tuples(st.integers(1, 64), st.integers(1, 64)).map(lambda each: (8 * each[0], 8 * each[1]))


@pytest.fixture(scope="module", autouse=True)
def no_collecting():
    """There is nothing to free here, and collecting garbage takes long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("galley.engines.image.room.free_memory", lambda: None)
        yield


def room_of(certified, budget, pixel_bytes=10.0):
    room = Room(certified, pixel_bytes, Overhead(1000, 1.25))
    room.open(budget)
    return room


@given(counts, sizes, st.integers(0, 10**9))
def test_only_certified_counts_are_allowed_and_they_fit_but_for_the_smallest(certified, size, budget):
    allowed = room_of(certified, budget).at(size)
    assert set(allowed.counts) <= set(certified.counts)
    room = room_of(certified, budget)
    assert allowed.counts == certified.counts[:1] or room.reckon(size, allowed.most) <= budget
    larger = [count for count in certified.counts if count > allowed.most]
    assert all(room.reckon(size, count) > budget * (1 - 1e-9) for count in larger)


@given(counts, st.integers(1, 80), st.integers(1, 40))
def test_every_row_is_computed_once_in_order_whatever_memory_does(certified, number, real):
    room = room_of(certified, 10**12)
    done = []

    def forward(rows, count):
        assert count in certified.counts and len(rows) <= count
        if count > max(real, certified.counts[0]):
            raise MemoryError
        done.append(count)
        return torch.tensor(list(rows))

    assert room.run((8, 8), list(range(number)), forward).tolist() == list(range(number))
    assert max(done) <= max(real, certified.counts[0])


def test_other_sizes_keep_their_counts_where_one_runs_out():
    room = room_of(RowCounts((2, 4, 8)), 10**12)

    def forward(rows, count):
        if count > 2:
            raise MemoryError
        return torch.tensor(list(rows))

    room.run((64, 64), [1, 2, 3], forward)
    assert room.at((64, 64)).most == 2
    assert room.at((8, 8)).most == 8
    room.open(10**12)
    assert room.at((64, 64)).most == 8, "another time there may be more"


def test_what_the_smallest_count_cannot_do_is_raised():
    def forward(rows, count):
        raise MemoryError

    with pytest.raises(MemoryError):
        room_of(RowCounts((2, 4)), 10**12).run((8, 8), [1], forward)


def test_other_errors_are_not_taken_for_a_want_of_memory():
    def forward(rows, count):
        raise ValueError("no such words")

    with pytest.raises(ValueError, match="no such words"):
        room_of(RowCounts((2, 4)), 10**12).run((8, 8), [1], forward)
