"""The policy: no item lost, none twice, rows without gaps, a chunk of delay at most once half of the rows are taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galley.engines.certificate import RowCounts
from galley.engines.text.slots import Slots, admission


@given(
    lengths=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 6)), max_size=40),
    most=st.integers(1, 6),
)
def test_every_item_is_read_whole_says_all_its_tokens_and_ends_once(lengths, most):
    """``lengths``: chunks of the prompt, and tokens after the first, of each item."""
    slots = Slots(range(len(lengths)), most)
    read = dict.fromkeys(range(len(lengths)), 0)
    said = dict.fromkeys(range(len(lengths)), 0)
    store: dict[int, int] = {}  # row to the item whose keys lie there, as the cache would have it
    ended = []
    decode_waited = 0
    while (forward := slots.next()) != "end":
        assert len(slots.rows) <= most
        if forward == "prefill":
            item = slots.reading
            decode_waited += len(slots.rows) >= max(1, most // 2)
            assert decode_waited <= 1
            read[item] += 1
            if read[item] < lengths[item][0]:
                continue
            if lengths[item][1] == 0:
                slots.drop()
                ended.append(item)
            else:
                row = slots.join()
                assert row == len(slots.rows) - 1
                store[row] = item
            continue
        decode_waited = 0
        assert [store[row] for row in range(len(slots.rows))] == slots.rows
        gone = []
        for row, item in enumerate(slots.rows):
            said[item] += 1
            if said[item] == lengths[item][1]:
                gone.append(row)
                ended.append(item)
        for source, target in slots.release(gone):
            store[target] = store[source]
    assert sorted(ended) == list(range(len(lengths)))
    assert read == {item: chunks for item, (chunks, _) in enumerate(lengths)}
    assert said == {item: tokens for item, (_, tokens) in enumerate(lengths)}


def test_items_are_admitted_in_their_order():
    slots = Slots("abc", 2)
    seen = []
    for _ in range(2):
        while slots.next() == "decode":
            pass
        seen.append(slots.reading)
        slots.join()
    assert seen == ["a", "b"]
    assert slots.next() == "decode"
    slots.release([0])
    assert slots.rows == ["b"]
    assert slots.next() == "prefill"
    assert slots.reading == "c"


def test_half_of_the_rows_are_filled_before_any_says_a_word_and_a_copied_chunk_delays_nobody():
    slots = Slots("abcdef", 4)
    for item in "ab":
        assert slots.next() == "prefill"
        assert slots.reading == item
        slots.join()
    assert slots.next() == "decode"
    assert slots.next() == "prefill"
    slots.copied()
    slots.join()
    assert slots.next() == "prefill"
    slots.join()
    assert slots.next() == "decode"


@given(st.lists(st.one_of(st.none(), st.integers(1, 50)), max_size=20))
def test_the_longest_goes_first_where_all_lengths_are_known_and_else_who_came_first(lengths):
    items = list(enumerate(lengths))
    order = admission(items, lambda item: item[1])
    assert sorted(order, key=lambda item: item[0]) == items
    if None in lengths:
        assert order == items
    else:
        assert order == sorted(items, key=lambda item: (-item[1], item[0]))


@given(
    counts=st.sets(st.integers(1, 64), min_size=1).map(lambda found: RowCounts(tuple(sorted(found)))),
    rows=st.integers(1, 64),
)
def test_a_count_is_the_smallest_that_holds_the_rows(counts, rows):
    if rows > counts.most:
        with pytest.raises(ValueError, match=f"{rows} rows do not fit"):
            counts.fit(rows)
        return
    found = counts.fit(rows)
    assert found in counts.counts
    assert found >= rows
    assert not [count for count in counts.counts if rows <= count < found]


@given(counts=st.sets(st.integers(1, 64), min_size=1).map(lambda found: RowCounts(tuple(sorted(found)))))
def test_halving_stays_within_the_counts_and_ends_at_the_smallest(counts):
    rows, seen = counts.most, counts
    while (smaller := seen.halved(rows)) is not None:
        assert set(smaller.counts) < set(seen.counts)
        assert smaller.most <= max(seen.fit(min(rows, seen.most)) // 2, counts.counts[0])
        seen = smaller
    assert seen.counts == counts.counts[:1] or seen.fit(min(rows, seen.most)) == counts.counts[0]


def test_a_limit_below_the_smallest_count_names_it():
    assert RowCounts((4, 8, 16)).below(12).counts == (4, 8)
    with pytest.raises(ValueError, match="max_batch_size 3 is below 4, the smallest row count certified"):
        RowCounts((4, 8, 16)).below(3)


@pytest.mark.parametrize("counts", [(), (0, 4), (8, 4), (4, 4)])
def test_counts_that_do_not_ascend_are_refused(counts):
    with pytest.raises(ValueError, match="positive and ascend"):
        RowCounts(counts)
