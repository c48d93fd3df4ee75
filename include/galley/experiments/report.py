"""What an experiment shows: per arm the way from assigned to outcome, and how the arms differ in every number.

The unit of analysis is what was assigned to a variant, (brief, unit): a date and row, or a custom_id. Items of one unit
in one arm (``n`` > 1, repeated requests) are averaged first, so that they do not count as independent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import func, select

from galley.catalog.database import reading
from galley.catalog.facade import Catalog
from galley.catalog.models import STATES, ArmRow, AssignmentRow, ExposureRow
from galley.errors import CatalogError
from galley.experiments.facts import FUNNEL, SOURCES, Column, ItemFacts, item_facts
from galley.experiments.statistics import (
    SRM_THRESHOLD,
    Difference,
    Moments,
    SampleRatio,
    paired_difference,
    sample_ratio,
    welch_difference,
)

MIN_UNITS = 10
"""Units of an arm below which the report warns."""


@dataclass(frozen=True)
class Arm:
    """One variant's way through the funnel.

    Attributes:
        variant: its name.
        weight: intended share of traffic, None where the brief's weights are not recorded.
        units: assigned units.
        counts: step of `FUNNEL` to items; shares are taken of ``assigned``, whatever was lost on the way.
        states: every state to its items.
        seconds_per_published: seconds of making all of the arm's items, divided by those published; None without any.
        reused: items whose artifact was there already; their seconds are those of its making.
        users: people exposed.
    """

    variant: str
    weight: float | None
    units: int
    counts: Mapping[str, int]
    states: Mapping[str, int]
    seconds_per_published: float | None
    reused: int
    users: int

    def share(self, step: str) -> float:
        """Items that came to a step, of those assigned."""
        return self.counts[step] / self.counts["assigned"] if self.counts["assigned"] else 0.0


@dataclass(frozen=True)
class Comparison:
    """One numeric column in the control and in one other arm.

    Attributes:
        source: ``funnel``, ``generation``, ``verdict`` or ``outcome``.
        metric: column name.
        denominator: ``assigned`` (every assigned item counts, 0 where nothing came) or ``measured`` (those with a
            number only: what is compared may then differ between arms in more than the variant).
        control: name of the control.
        treatment: name of the other arm.
        control_n: units with a number.
        control_mean: mean over units.
        treatment_n: units with a number.
        treatment_mean: mean over units.
        difference: treatment minus control with its interval, None where an arm has no numbers.
    """

    source: str
    metric: str
    denominator: str
    control: str
    treatment: str
    control_n: int
    control_mean: float | None
    treatment_n: int
    treatment_mean: float | None
    difference: Difference | None


@dataclass(frozen=True)
class ExperimentReport:
    """Everything `galley experiment` shows.

    Attributes:
        experiment: its name.
        control: the arm the others are compared with.
        arms: control first.
        comparisons: by treatment, then column.
        exposure_ratio: people exposed per arm against the intended shares; None where nobody was exposed.
        users_in_several_arms: people exposed to more than one.
        warnings: what stands in the way of believing the comparison, in words.
    """

    experiment: str
    control: str
    arms: tuple[Arm, ...]
    comparisons: tuple[Comparison, ...]
    exposure_ratio: SampleRatio | None
    users_in_several_arms: int
    warnings: tuple[str, ...]

    def lines(self) -> Iterator[dict[str, Any]]:
        """The objects of ``--format jsonl``: ``type`` is arm, comparison, exposure_ratio or warning."""
        for arm in self.arms:
            shares = {step: arm.share(step) for step in FUNNEL}
            yield {"type": "arm", "experiment": self.experiment, **asdict(arm), "shares": shares}
        for comparison in self.comparisons:
            yield {"type": "comparison", "experiment": self.experiment, **asdict(comparison)}
        if self.exposure_ratio is not None:
            yield {
                "type": "exposure_ratio",
                "experiment": self.experiment,
                **asdict(self.exposure_ratio),
                "mismatch": self.exposure_ratio.mismatch,
                "users_in_several_arms": self.users_in_several_arms,
            }
        for warning in self.warnings:
            yield {"type": "warning", "experiment": self.experiment, "message": warning}


@dataclass
class _Tally:
    """What is counted of one arm while units go by."""

    units: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FUNNEL, 0))
    states: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATES, 0))
    seconds: float = 0.0
    reused: int = 0

    def take(self, items: Iterable[ItemFacts]) -> None:
        """Count the items of one unit."""
        self.units += 1
        for item in items:
            for step in FUNNEL:
                self.counts[step] += item.steps[step]
            self.states[item.state] += 1
            self.seconds += item.seconds
            self.reused += item.reused


def report(catalog: Catalog, experiment: str, *, control: str = "") -> ExperimentReport:
    """Compare the arms of an experiment over all runs; memory holds sums only, not units.

    Args:
        catalog: where from.
        experiment: its name.
        control: the arm to compare with; default the first of the brief, else the one named ``control``, else the
            first by name.

    Raises `CatalogError` for an experiment or arm without assignments.
    """
    weights, names = _names(catalog, experiment, control)
    control = names[0]
    tallies = {name: _Tally() for name in names}
    moments: dict[tuple[str, Column], Moments] = {}
    pairs: dict[tuple[str, Column], Moments] = {}
    for _, unit in groupby(item_facts(catalog, experiment), key=lambda facts: (facts.brief, facts.unit)):
        means: dict[str, dict[Column, float]] = {}
        for variant, items in groupby(unit, key=lambda facts: facts.variant):
            members = list(items)
            tallies[variant].take(members)
            means[variant] = _unit_means(members)
            for column, value in means[variant].items():
                moments.setdefault((variant, column), Moments()).add(value)
        base = means.pop(control, {})
        for variant, other in means.items():
            for column in base.keys() & other.keys():
                pairs.setdefault((variant, column), Moments()).add(other[column] - base[column])
    users, several = _users(catalog, experiment)
    arms = tuple(_arm(name, weights.get(name), tallies[name], users.get(name, 0)) for name in names)
    columns = sorted({column for _, column in moments}, key=lambda column: (SOURCES.index(column[0]), *column[1:]))
    comparisons = tuple(
        _comparison(column, control, treatment, moments, pairs) for treatment in names[1:] for column in columns
    )
    ratio = _exposure_ratio(arms)
    return ExperimentReport(
        experiment, control, arms, comparisons, ratio, several, tuple(_warnings(arms, ratio, several))
    )


def _names(catalog: Catalog, experiment: str, control: str) -> tuple[dict[str, float], list[str]]:
    """Weights as recorded, and the arms' names, control first."""
    recorded = select(ArmRow.variant, ArmRow.weight).where(ArmRow.experiment == experiment).order_by(ArmRow.position)
    assigned = select(AssignmentRow.variant).where(AssignmentRow.experiment == experiment).distinct()
    with reading(catalog.engine) as connection:
        weights: dict[str, float] = dict(connection.execute(recorded).all())
        present = set(connection.execute(assigned).scalars())
        if not present:
            known = list(connection.execute(select(AssignmentRow.experiment).distinct().limit(20)).scalars())
            listed = f"; known are {', '.join(sorted(known))}" if known else "; no run has been recorded yet"
            raise CatalogError(f"no assignments of an experiment {experiment!r} in the catalog{listed}")
    names = [*weights, *sorted(present - weights.keys())]
    if control and control not in names:
        raise CatalogError(f"experiment {experiment!r} has no arm {control!r}; its arms are {', '.join(names)}")
    first = control or (names[0] if weights else "control" if "control" in names else names[0])
    return weights, [first, *(name for name in names if name != first)]


def _unit_means(members: list[ItemFacts]) -> dict[Column, float]:
    """Every column's mean over a unit's items in one arm, of those items that have the number."""
    sums: dict[Column, float] = {}
    counts: dict[Column, int] = {}
    for member in members:
        for column, value in member.numbers.items():
            sums[column] = sums.get(column, 0.0) + value
            counts[column] = counts.get(column, 0) + 1
    return {column: total / counts[column] for column, total in sums.items()}


def _users(catalog: Catalog, experiment: str) -> tuple[dict[str, int], int]:
    """People exposed per arm, and how many of them to more than one."""
    seen = ExposureRow.experiment_id == experiment
    per_arm = select(ExposureRow.variation_id, func.count(ExposureRow.user_id.distinct())).where(seen)
    several = (
        select(ExposureRow.user_id)
        .where(seen)
        .group_by(ExposureRow.user_id)
        .having(func.count(ExposureRow.variation_id.distinct()) > 1)
        .subquery()
    )
    with reading(catalog.engine) as connection:
        users = dict(connection.execute(per_arm.group_by(ExposureRow.variation_id)).all())
        return users, connection.execute(select(func.count()).select_from(several)).scalar_one()


def _arm(name: str, weight: float | None, tally: _Tally, users: int) -> Arm:
    published = tally.counts["published"]
    return Arm(
        variant=name,
        weight=weight,
        units=tally.units,
        counts=tally.counts,
        states=tally.states,
        seconds_per_published=tally.seconds / published if published else None,
        reused=tally.reused,
        users=users,
    )


def _comparison(
    column: Column,
    control: str,
    treatment: str,
    moments: Mapping[tuple[str, Column], Moments],
    pairs: Mapping[tuple[str, Column], Moments],
) -> Comparison:
    base, other = moments.get((control, column), Moments()), moments.get((treatment, column), Moments())
    paired = pairs.get((treatment, column), Moments())
    # Pairs are used where arms are paired, not where a few units happen to be in both.
    if paired.n >= 2 and paired.n * 2 >= min(base.n, other.n):
        difference = paired_difference(paired)
    else:
        difference = welch_difference(base, other)
    source, metric, denominator = column
    return Comparison(
        source=source,
        metric=metric,
        denominator=denominator,
        control=control,
        treatment=treatment,
        control_n=base.n,
        control_mean=base.mean if base.n else None,
        treatment_n=other.n,
        treatment_mean=other.mean if other.n else None,
        difference=difference,
    )


def _exposure_ratio(arms: tuple[Arm, ...]) -> SampleRatio | None:
    """People exposed against the weights; against assigned units where weights are not recorded for every arm."""
    if not any(arm.users for arm in arms):
        return None
    weights = {arm.variant: arm.weight if arm.weight is not None else 0.0 for arm in arms}
    if not all(weight > 0 for weight in weights.values()):
        weights = {arm.variant: float(arm.units) for arm in arms if arm.units}
    return sample_ratio({arm.variant: arm.users for arm in arms if arm.variant in weights}, weights)


def _warnings(arms: tuple[Arm, ...], ratio: SampleRatio | None, several: int) -> Iterator[str]:
    if ratio is not None and ratio.mismatch:
        split = (f"{arm} {count} (expected {ratio.expected[arm]:.0f})" for arm, count in ratio.observed.items())
        yield (
            f"sample ratio mismatch: exposures are split {', '.join(split)}, p = {ratio.p:.1e} < {SRM_THRESHOLD}. "
            "Do not trust the differences before the cause is found: an arm blocked or withdrawn more often, losses "
            "in reporting, or exposures of one arm imported twice or not at all"
        )
    if several:
        yield f"{several} people were exposed to more than one arm; what they did may belong to either"
    for arm in arms:
        if arm.units < MIN_UNITS:
            yield f"arm {arm.variant} has {arm.units} units; below {MIN_UNITS} an interval says little"
