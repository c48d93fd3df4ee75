"""Statistics against direct computation and published vectors."""

from __future__ import annotations

import math
import statistics as standard

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from galley.experiments.statistics import (
    Moments,
    paired_difference,
    sample_ratio,
    t_quantile,
    welch_difference,
)

numbers = st.floats(-1e6, 1e6, allow_nan=False)
samples = st.lists(numbers, min_size=2, max_size=50)

# Student (1908), "The probable error of a mean": extra hours of sleep of ten patients under two drugs.
SLEEP = (
    (0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0),
    (1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4),
)


@pytest.mark.parametrize(("p", "degrees", "value"), [(0.975, 1, 12.706), (0.975, 9, 2.262), (0.995, 30, 2.750)])
def test_t_quantiles_as_printed_in_tables(p: float, degrees: int, value: float) -> None:
    assert t_quantile(p, degrees) == pytest.approx(value, abs=5e-4)


def test_students_sleep_data_paired_and_unpaired() -> None:
    control, treatment = SLEEP
    pairs = paired_difference(Moments(b - a for a, b in zip(control, treatment, strict=True)))
    assert pairs is not None
    # R: t.test(extra ~ group, sleep, paired = TRUE) gives mean 1.58, interval 0.7001142 to 2.4598858, df 9.
    assert (pairs.difference, pairs.low, pairs.high) == pytest.approx((1.58, 0.7001142, 2.4598858), abs=1e-6)
    welch = welch_difference(Moments(control), Moments(treatment))
    assert welch is not None
    # R: t.test(extra ~ group, sleep) gives the interval -0.2054832 to 3.3654832, df 17.776.
    assert (welch.low, welch.high, welch.degrees) == pytest.approx((-0.2054832, 3.3654832, 17.776474), abs=1e-5)


@given(samples)
def test_moments_are_those_of_direct_computation(values: list[float]) -> None:
    moments = Moments(values)
    assert moments.n == len(values)
    assert moments.mean == pytest.approx(standard.fmean(values), rel=1e-9, abs=1e-6)
    assert moments.variance == pytest.approx(standard.variance(values), rel=1e-6, abs=1e-4)


@given(samples, st.floats(0.5, 0.999))
def test_paired_agrees_with_scipy(values: list[float], confidence: float) -> None:
    found = paired_difference(Moments(values), confidence=confidence)
    assert found is not None
    assume(standard.variance(values) > 1e-6)
    expected = stats.ttest_1samp(values, 0).confidence_interval(confidence)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-6, abs=1e-6)


@given(samples, samples)
def test_welch_agrees_with_scipy(control: list[float], treatment: list[float]) -> None:
    assume(standard.variance(control) > 1e-6 and standard.variance(treatment) > 1e-6)
    found = welch_difference(Moments(control), Moments(treatment))
    assert found is not None
    test = stats.ttest_ind(treatment, control, equal_var=False)
    expected = test.confidence_interval(0.95)
    assert found.degrees == pytest.approx(test.df, rel=1e-6)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-6, abs=1e-6)


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=30))
def test_swapping_the_arms_mirrors_the_interval(pairs: list[tuple[float, float]]) -> None:
    there = paired_difference(Moments(b - a for a, b in pairs))
    back = paired_difference(Moments(a - b for a, b in pairs))
    assert there is not None and back is not None
    assert there.low is not None and there.high is not None
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(-1, 1)), min_size=3, max_size=30))
def test_common_random_numbers_narrow_the_interval(rows: list[tuple[float, float]]) -> None:
    control, treatment = [base for base, _ in rows], [base + effect for base, effect in rows]
    assume(standard.variance(control) > 10)
    paired = paired_difference(Moments(b - a for a, b in zip(control, treatment, strict=True)))
    welch = welch_difference(Moments(control), Moments(treatment))
    assert paired and welch and paired.low is not None and paired.high is not None
    assert welch.low is not None and welch.high is not None
    assert paired.difference == pytest.approx(welch.difference, abs=1e-9)
    # With at least three pairs and effects far smaller than the spread the error shrinks by more than t grows.
    assume(standard.variance([effect for _, effect in rows]) * 20 < standard.variance(control))
    assert paired.high - paired.low < welch.high - welch.low


def test_too_few_units_give_a_difference_without_an_interval() -> None:
    assert paired_difference(Moments()) is None
    single = paired_difference(Moments([2.5]))
    assert single is not None and (single.difference, single.low, single.high) == (2.5, None, None)
    assert welch_difference(Moments([1.0]), Moments()) is None
    lone = welch_difference(Moments([1.0]), Moments([4.0, 6.0]))
    assert lone is not None and (lone.difference, lone.low) == (4.0, None)


def test_arms_that_do_not_vary_have_an_interval_of_width_zero() -> None:
    found = welch_difference(Moments([1.0, 1.0]), Moments([3.0, 3.0]))
    assert found is not None and (found.low, found.high) == (2.0, 2.0)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        Moments([value])


def test_sample_ratio_of_a_known_case() -> None:
    # 821,588 against 815,482 at 50:50: the example of Kohavi, Tang and Xu, "Trustworthy Online Controlled
    # Experiments" (2020), chapter 21, p = 1.8e-6.
    found = sample_ratio({"a": 821_588, "b": 815_482}, {"a": 1, "b": 1})
    assert found.p == pytest.approx(1.8e-6, rel=0.05)
    assert found.mismatch


@given(st.lists(st.tuples(st.integers(20, 10_000), st.floats(0.5, 2)), min_size=2, max_size=5))
def test_sample_ratio_agrees_with_scipy(arms: list[tuple[int, float]]) -> None:
    observed = {str(i): count for i, (count, _) in enumerate(arms)}
    weights = {str(i): weight for i, (_, weight) in enumerate(arms)}
    found = sample_ratio(observed, weights)
    assume(found.p is not None)
    expected = stats.chisquare(list(observed.values()), list(found.expected.values()), sum_check=False)
    assert found.chi_square == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue)


def test_sample_ratio_says_nothing_of_small_counts_or_a_single_arm() -> None:
    assert sample_ratio({"a": 4, "b": 0}, {"a": 1, "b": 1}).p is None
    assert not sample_ratio({"a": 4, "b": 0}, {"a": 1, "b": 1}).mismatch
    assert sample_ratio({"a": 1000}, {"a": 1}).p is None


def test_an_arm_left_out_counts_nothing_and_a_fair_split_passes() -> None:
    assert sample_ratio({"a": 1000}, {"a": 1, "b": 1}).mismatch
    assert sample_ratio({"a": 668, "b": 332}, {"a": 2, "b": 1}).p == pytest.approx(0.9287, abs=1e-3)


def test_sample_ratio_refuses_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="have no weight"):
        sample_ratio({"c": 1}, {"a": 1, "b": 1})
    with pytest.raises(ValueError, match="must be positive"):
        sample_ratio({"a": 1}, {"a": 0, "b": 1})
    with pytest.raises(ValueError, match="must not be negative"):
        sample_ratio({"a": -1}, {"a": 1, "b": 1})
