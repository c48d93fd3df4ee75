"""Assignment to variants: its hash is pinned, its shares are right, and nothing but names and weights matters."""

from __future__ import annotations

import doctest
import hashlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galley import variants
from galley.variants import Split, assign, fraction

WEIGHTS = st.dictionaries(st.text(min_size=1, max_size=8), st.floats(0.001, 1), min_size=1, max_size=8)


def test_the_vectors_in_the_documentation_hold() -> None:
    found = doctest.testmod(variants)
    assert (found.attempted, found.failed) == (3, 0)


def test_the_hash_is_the_documented_one() -> None:
    number = int.from_bytes(hashlib.sha256('["steps","贺卡/0"]'.encode()).digest(), "big")
    assert fraction("steps", "贺卡/0") == (number >> (256 - 53)) / 2**53


@given(st.text(), st.text())
def test_fractions_are_in_the_unit_interval(experiment: str, unit: str) -> None:
    assert 0 <= fraction(experiment, unit) < 1


@given(WEIGHTS, st.randoms(), st.text())
def test_the_order_and_the_scale_of_weights_do_not_matter(weights: dict[str, float], rng: object, unit: str) -> None:
    names = list(weights)
    rng.shuffle(names)  # type: ignore[attr-defined]
    arm = assign("e", unit, weights)
    assert arm in weights
    assert assign("e", unit, {name: weights[name] for name in names}) == arm
    assert assign("e", unit, {name: weight * 4 for name, weight in weights.items()}) == arm


@given(st.text(min_size=1), st.lists(st.text(), unique=True, max_size=50), st.floats(0.01, 0.4), st.floats(0.41, 0.99))
def test_a_growing_share_keeps_its_units(experiment: str, units: list[str], less: float, more: float) -> None:
    for unit in units:
        if assign(experiment, unit, {"a": less, "b": 1 - less}) == "a":
            assert assign(experiment, unit, {"a": more, "b": 1 - more}) == "a"


@pytest.mark.parametrize("weights", [{"a": 0.5, "b": 0.5}, {"a": 0.1, "b": 0.9}, {"a": 1, "b": 2, "c": 3, "d": 4}])
def test_weights_are_respected(weights: dict[str, float]) -> None:
    units, total = 20_000, sum(weights.values())
    counts = dict.fromkeys(weights, 0)
    for unit in range(units):
        counts[assign("shares", f"2026-11-23/{unit}", weights)] += 1
    # Pearson's statistic; 27.9 is the 10^-5 quantile of chi-squared with 4 degrees of freedom.
    expected = {name: units * weight / total for name, weight in weights.items()}
    assert sum((counts[name] - expected[name]) ** 2 / expected[name] for name in weights) < 27.9


def test_experiments_are_independent_of_each_other() -> None:
    units = 20_000
    weights = {"a": 0.5, "b": 0.5}
    both = sum(
        assign("one", str(unit), weights) == "a" and assign("two", str(unit), weights) == "a" for unit in range(units)
    )
    assert abs(both / units - 0.25) < 5 * math.sqrt(0.25 * 0.75 / units)


@pytest.mark.parametrize("weights", [{}, {"a": 0.0}, {"a": -1.0}, {"a": math.nan}, {"a": math.inf}])
def test_weights_that_mean_nothing_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        Split.of(weights)
