"""Which arm of an experiment a unit is in: a pure function of the experiment's name, the unit and the arms' weights.

The hash (documented because results depend on it for ever)::

    fraction(experiment, unit) = first 53 bits of sha256(canonical_json([experiment, unit])), big-endian, / 2**53

and the arm is the one whose interval of [0, 1) holds the fraction, the arms being laid end to end in the order of their
names, each as long as its weight over the sum of weights. So the order in which arms are written does not matter, and a
unit keeps its arm as long as names and weights stay. Canonical JSON is `galley.items.canonical_json`.

Test vectors::

    >>> f"{fraction('steps', '2026-11-23/0'):.12f}"
    '0.778602734075'
    >>> f"{fraction('steps', '2026-11-23/1'):.12f}"
    '0.853657573168'
    >>> f"{fraction('贺卡', 'row-7'):.12f}"
    '0.280025130303'

The fraction decides the arm and nothing else: the variant never enters a seed, so arms are compared on common random
numbers.
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from galley.items import canonical_json


def fraction(experiment: str, unit: str) -> float:
    """Where the unit falls in [0, 1); see the module's text."""
    head = hashlib.sha256(canonical_json([experiment, unit])).digest()[:8]
    # 53 bits are what a float holds; with more of them the largest hashes would round up to 1.
    return (int.from_bytes(head, "big") >> 11) / 2**53


@dataclass(frozen=True)
class Split:
    """Arms and the right ends of their intervals.

    Attributes:
        names: of the arms, sorted.
        ends: right ends of their intervals, not divided by the sum.
    """

    names: tuple[str, ...]
    ends: tuple[float, ...]

    @staticmethod
    def of(weights: Mapping[str, float]) -> Split:
        """The split for positive weights in any unit; equal weights give equal shares."""
        if not weights or not all(math.isfinite(weight) and weight > 0 for weight in weights.values()):
            raise ValueError(f"weights must be positive numbers, at least one: {dict(weights)}")
        names = tuple(sorted(weights))
        ends = tuple(math.fsum(weights[name] for name in names[: end + 1]) for end in range(len(names)))
        return Split(names, ends)

    def arm(self, experiment: str, unit: str) -> str:
        """The arm of ``unit``."""
        place = bisect_right(self.ends, fraction(experiment, unit) * self.ends[-1])
        return self.names[min(place, len(self.names) - 1)]


def assign(experiment: str, unit: str, weights: Mapping[str, float]) -> str:
    """The arm of ``unit``: `Split.of(weights).arm(experiment, unit)`."""
    return Split.of(weights).arm(experiment, unit)
