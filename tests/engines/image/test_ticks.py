"""Ticks: nobody lost, nobody twice, no size waits for another."""

from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from galley.engines.image.ticks import Ticks


@dataclass(eq=False)
class Wanted:
    number: int
    size: int
    rows: int
    steps: int


wanted = st.lists(
    st.builds(Wanted, st.just(0), st.integers(0, 2), st.integers(1, 2), st.integers(1, 7)), max_size=30
).map(lambda items: [Wanted(number, each.size, each.rows, each.steps) for number, each in enumerate(items)])


def ticks_of(items, most):
    return Ticks(items, group=lambda item: item.size, rows=lambda item: item.rows, most=lambda size: most)


def played(items, most):
    """All forwards; every item ends after its steps."""
    ticks, left, forwards = ticks_of(items, most), {item.number: item.steps for item in items}, []
    while served := ticks.next():
        forwards.append(list(served))
        for item in served:
            left[item.number] -= 1
        ticks.done([item for item in served if left[item.number] == 0])
        assert len(forwards) < 1000
    return forwards


@given(wanted, st.integers(2, 9))
def test_every_item_is_served_exactly_its_steps(items, most):
    served = Counter(item.number for forward in played(items, most) for item in forward)
    assert served == Counter({item.number: item.steps for item in items})


@given(wanted, st.integers(2, 9))
def test_a_forward_has_one_size_and_rows_that_fit_and_no_room_for_the_next(items, most):
    left = {item.number: item.steps for item in items}
    for forward in played(items, most):
        size, used = forward[0].size, sum(item.rows for item in forward)
        assert {item.size for item in forward} == {size}
        assert used <= most
        waiting = [item for item in items if item.size == size and left[item.number] == item.steps > 0]
        waiting = [item for item in waiting if item not in forward]
        assert not waiting or used + waiting[0].rows > most
        for item in forward:
            left[item.number] -= 1


@given(wanted, st.integers(2, 9))
def test_items_of_a_size_begin_in_the_order_they_came(items, most):
    begun = list(dict.fromkeys(item.number for forward in played(items, most) for item in forward))
    for size in range(3):
        own = [number for number in begun if items[number].size == size]
        assert own == sorted(own)


@given(wanted, st.integers(2, 9))
def test_sizes_take_turns(items, most):
    forwards = [forward[0].size for forward in played(items, most)]
    for size in set(forwards):
        first, last = forwards.index(size), len(forwards) - 1 - forwards[::-1].index(size)
        between = Counter()
        for other in forwards[first + 1 : last + 1]:
            if other == size:
                between.clear()
            else:
                between[other] += 1
                assert between[other] == 1  # never twice before it is this one's turn again


@given(wanted, st.integers(2, 9))
def test_nobody_waits_longer_than_its_turn_and_the_steps_of_those_before_it(items, most):
    forwards = played(items, most)
    sizes = len({item.size for item in items})
    for item in items:
        first = next(at for at, forward in enumerate(forwards) if item in forward)
        before = [other for other in items if other.size == item.size and other.number < item.number]
        assert first < sizes * (1 + sum(other.steps for other in before))


@given(wanted, st.integers(2, 9), st.randoms(use_true_random=False))
def test_what_is_given_up_is_served_no_more_and_costs_the_others_nothing(items, most, random):
    ticks, left, given_up = ticks_of(items, most), {item.number: item.steps for item in items}, set()
    while served := ticks.next():
        if random.random() < 0.2:
            given_up.update(item.number for item in ticks.drop(served[0].size))
            continue
        for item in served:
            assert item.number not in given_up
            left[item.number] -= 1
        ticks.done([item for item in served if left[item.number] == 0])
    assert {number for number, steps in left.items() if steps} == given_up


@given(wanted, st.integers(2, 9), st.integers(1, 8))
def test_a_forward_that_gets_smaller_loses_nobody(items, most, later):
    now = [most]
    ticks = Ticks(items, group=lambda item: item.size, rows=lambda item: item.rows, most=lambda size: now[0])
    left = {item.number: item.steps for item in items}
    while served := ticks.next():
        now[0] = min(most, later)
        for item in served:
            left[item.number] -= 1
        ticks.done([item for item in served if left[item.number] == 0])
    assert not any(left.values())


def test_an_item_wider_than_a_forward_has_one_to_itself():
    assert [[item.number for item in forward] for forward in played([Wanted(0, 0, 2, 1), Wanted(1, 0, 2, 1)], 1)] == [
        [0],
        [1],
    ]


def test_nothing_to_do_ends_at_once():
    assert played([], 4) == []
