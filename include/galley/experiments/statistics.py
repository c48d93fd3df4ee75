"""Means, differences with their intervals, and the sample-ratio check. Pure; distributions come from SciPy.

Intervals are for one look at a fixed sample: whoever looks every day and stops at the first interval without 0 is wrong
more often than the interval says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

CONFIDENCE = 0.95
"""Coverage of intervals unless asked otherwise."""

SRM_THRESHOLD = 0.001
"""p-value below which a split is called wrong: the usual threshold of A/B platforms (Fabijan et al., "Diagnosing
Sample Ratio Mismatch in Online Controlled Experiments", KDD 2019, use 0.0005 to 0.01)."""

MIN_EXPECTED = 5.0
"""Expected count per arm below which the chi-square approximation is not used (Cochran 1954)."""


class Moments:
    """Count, mean and variance of a stream of numbers, in constant memory (Welford 1962)."""

    __slots__ = ("_m2", "mean", "n")

    def __init__(self, values: Iterable[float] = ()) -> None:
        self.n = 0
        self.mean = 0.0
        self._m2 = 0.0
        for value in values:
            self.add(value)

    def add(self, value: float) -> None:
        """Take one more finite number; raises `ValueError` for others."""
        if not math.isfinite(value):
            raise ValueError(f"{value!r} is not a finite number")
        self.n += 1
        delta = value - self.mean
        self.mean += delta / self.n
        self._m2 += delta * (value - self.mean)

    @property
    def variance(self) -> float:
        """Unbiased sample variance (denominator n - 1); NaN for fewer than two numbers."""
        return self._m2 / (self.n - 1) if self.n > 1 else math.nan


@dataclass(frozen=True)
class Difference:
    """A difference of means with its interval.

    Attributes:
        method: ``paired`` (Student's t on within-pair differences) or ``welch`` (two independent samples).
        n: pairs, or the units of both arms together.
        difference: treatment minus control, in the metric's unit.
        low: lower end of the interval; None where there are too few units to tell.
        high: upper end.
        degrees: degrees of freedom, None where there is no interval.
    """

    method: str
    n: int
    difference: float
    low: float | None = None
    high: float | None = None
    degrees: float | None = None


def t_quantile(p: float, degrees: float) -> float:
    """The p-quantile of Student's t distribution; degrees need not be whole."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, p))


def _interval(method: str, n: int, difference: float, error: float, degrees: float, confidence: float) -> Difference:
    half = t_quantile((1 + confidence) / 2, degrees) * error
    return Difference(method, n, difference, difference - half, difference + half, degrees)


def paired_difference(differences: Moments, *, confidence: float = CONFIDENCE) -> Difference | None:
    """Student's t interval of the mean within-pair difference (treatment minus control); None without pairs.

    mean ± t(1 - alpha/2, n - 1) · s / sqrt(n). On common random numbers the pairs' shared part cancels, which is
    what makes it narrower than `welch_difference` of the same data.
    """
    n = differences.n
    if n == 0:
        return None
    if n == 1:
        return Difference("paired", 1, differences.mean)
    error = math.sqrt(differences.variance / n)
    return _interval("paired", n, differences.mean, error, n - 1, confidence)


def welch_difference(control: Moments, treatment: Moments, *, confidence: float = CONFIDENCE) -> Difference | None:
    """Welch's interval of the difference of two means (unequal variances); None where an arm is empty.

    Degrees of freedom by Welch–Satterthwaite: (a + b)² / (a²/(n₁ - 1) + b²/(n₂ - 1)) with a = s₁²/n₁, b = s₂²/n₂.
    """
    if control.n == 0 or treatment.n == 0:
        return None
    n = control.n + treatment.n
    difference = treatment.mean - control.mean
    if control.n < 2 or treatment.n < 2:
        return Difference("welch", n, difference)
    a, b = control.variance / control.n, treatment.variance / treatment.n
    if a + b == 0:
        # All numbers of each arm are equal: there is nothing to estimate the error from but nothing that varies either.
        return Difference("welch", n, difference, difference, difference, float(n - 2))
    # Divided by the sum first, so that tiny variances do not underflow when squared.
    share_a, share_b = a / (a + b), b / (a + b)
    degrees = 1 / (share_a**2 / (control.n - 1) + share_b**2 / (treatment.n - 1))
    return _interval("welch", n, difference, math.sqrt(a + b), degrees, confidence)


@dataclass(frozen=True)
class SampleRatio:
    """Whether arms got the shares of traffic they should have.

    Attributes:
        observed: arm to count.
        expected: arm to count under the intended shares.
        chi_square: Pearson's statistic.
        p: probability of a split at least as uneven by chance; None where counts are too small to tell.
        mismatch: p is below `SRM_THRESHOLD`: do not trust the comparison before the cause is found.
    """

    observed: Mapping[str, int]
    expected: Mapping[str, float]
    chi_square: float
    p: float | None

    @property
    def mismatch(self) -> bool:
        """See the class."""
        return self.p is not None and self.p < SRM_THRESHOLD


def sample_ratio(observed: Mapping[str, int], weights: Mapping[str, float]) -> SampleRatio:
    """Pearson's chi-square test of ``observed`` counts against the shares that ``weights`` intend.

    Args:
        observed: arm to count; arms without a weight are an error, arms left out count 0.
        weights: arm to its intended share, any positive unit.

    Raises `ValueError` for an unknown arm, a negative count or a weight that is not positive.
    """
    from scipy.special import chdtrc

    unknown = observed.keys() - weights.keys()
    if unknown:
        raise ValueError(f"arms {sorted(unknown)} have no weight")
    if any(not (weight > 0 and math.isfinite(weight)) for weight in weights.values()):
        raise ValueError(f"weights must be positive: {dict(weights)}")
    counts = {arm: observed.get(arm, 0) for arm in weights}
    if any(count < 0 for count in counts.values()):
        raise ValueError(f"counts must not be negative: {counts}")
    total, weight = sum(counts.values()), math.fsum(weights.values())
    expected = {arm: total * share / weight for arm, share in weights.items()}
    if len(weights) < 2 or min(expected.values()) < MIN_EXPECTED:
        return SampleRatio(counts, expected, 0.0, None)
    statistic = math.fsum((counts[arm] - expected[arm]) ** 2 / expected[arm] for arm in weights)
    return SampleRatio(counts, expected, statistic, float(chdtrc(len(weights) - 1, statistic)))
