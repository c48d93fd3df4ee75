"""What `galley experiment` says, against numbers counted by hand."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from galley.catalog.facade import Catalog
from galley.errors import CatalogError
from galley.experiments.exposures import add_exposure
from galley.experiments.outcomes import add_outcome
from galley.experiments.report import Comparison, ExperimentReport, report
from galley.experiments.statistics import Moments, paired_difference, welch_difference
from galley.items import Item
from tests.catalog.samples import item, release, result, run_info, verdict

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def arm_item(row: int, variant: str, number: int = 0) -> Item:
    seed = 1000 + row * 10 + number + (0 if variant == "ten" else 500_000)
    return item(row, variant=variant, experiment="steps", number=number, seed=seed)


def record(catalog: Catalog, items: list[Item], seconds: dict[str, float], published: list[Item]) -> None:
    catalog.record_finished(
        run_info(),
        items=items,
        results=[result(each, seconds=seconds[each.item_id]) for each in items if each.item_id in seconds],
        verdicts=[
            verdict(each, subject, "allow" if each in published else "hold" if subject == "artifact" else "allow")
            for each in items
            for subject in ("prompt", "artifact")
        ],
        release=release(1, published),
        arms={"steps": {"ten": 1.0, "thirty": 1.0}},
    )


def comparison(found: ExperimentReport, metric: str, denominator: str = "measured") -> Comparison:
    (one,) = [each for each in found.comparisons if (each.metric, each.denominator) == (metric, denominator)]
    return one


def test_the_funnel_is_counted_on_the_assigned_denominator(catalog: Catalog) -> None:
    items = [arm_item(row, variant) for row in range(4) for variant in ("ten", "thirty")]
    ten = [each for each in items if each.variant == "ten"]
    seconds = {each.item_id: 2.0 for each in items if each is not ten[3]}
    record(catalog, items, seconds, [*ten[:2], *(each for each in items if each.variant == "thirty")])
    add_exposure(catalog, "ann", NOON, ten[0].item_id)
    add_exposure(catalog, "bob", NOON, ten[0].item_id)
    add_outcome(catalog, ten[0].item_id, "click", 1)
    arm = report(catalog, "steps").arms[0]
    assert arm.counts == {"assigned": 4, "generated": 3, "allowed": 2, "published": 2, "exposed": 1, "outcome": 1}
    assert [arm.share(step) for step in ("assigned", "generated", "published", "outcome")] == [1, 0.75, 0.5, 0.25]
    assert (arm.states["published"], arm.states["held"], arm.states["failed"]) == (2, 1, 1)
    assert arm.seconds_per_published == 3 * 2.0 / 2
    assert (arm.variant, arm.weight, arm.units, arm.users) == ("ten", 1.0, 4, 2)


def test_paired_rows_are_compared_in_pairs(catalog: Catalog) -> None:
    rng = random.Random(7)
    items = [arm_item(row, variant) for row in range(12) for variant in ("ten", "thirty")]
    seconds = {each.item_id: rng.uniform(1, 9) for each in items}
    record(catalog, items, seconds, items)
    one = comparison(report(catalog, "steps"), "seconds")
    per_arm = {name: [seconds[each.item_id] for each in items if each.variant == name] for name in ("ten", "thirty")}
    expected = paired_difference(Moments(b - a for a, b in zip(per_arm["ten"], per_arm["thirty"], strict=True)))
    assert one.difference is not None and expected is not None
    assert one.difference.method == "paired" and one.difference.n == 12
    assert (one.difference.low, one.difference.high) == pytest.approx((expected.low, expected.high))
    assert one.control_mean == pytest.approx(sum(per_arm["ten"]) / 12)


def test_units_in_one_arm_each_are_compared_by_welch(catalog: Catalog) -> None:
    rng = random.Random(8)
    items = [arm_item(row, "ten" if row % 3 else "thirty") for row in range(30)]
    seconds = {each.item_id: rng.uniform(1, 9) for each in items}
    record(catalog, items, seconds, items)
    one = comparison(report(catalog, "steps"), "seconds")
    arms = [Moments(seconds[each.item_id] for each in items if each.variant == name) for name in ("ten", "thirty")]
    expected = welch_difference(*arms)
    assert one.difference is not None and expected is not None
    assert one.difference.method == "welch"
    assert (one.difference.low, one.difference.high) == pytest.approx((expected.low, expected.high))


def test_several_items_of_one_unit_count_as_one(catalog: Catalog) -> None:
    items = [arm_item(row, variant, number) for row in range(3) for variant in ("ten", "thirty") for number in (0, 1)]
    seconds = {each.item_id: 1.0 + 4 * (each.variant == "thirty") + position % 2 for position, each in enumerate(items)}
    record(catalog, items, seconds, items)
    found = report(catalog, "steps")
    one = comparison(found, "seconds")
    assert (found.arms[0].units, found.arms[0].counts["assigned"]) == (3, 6)
    assert (one.control_n, one.control_mean, one.treatment_mean) == (3, 1.5, 5.5)
    assert one.difference is not None and (one.difference.n, one.difference.low) == (3, 4.0)


def test_an_outcome_counts_per_assigned_item_and_per_item_that_has_one(catalog: Catalog) -> None:
    items = [arm_item(row, variant) for row in range(4) for variant in ("ten", "thirty")]
    record(catalog, items, {each.item_id: 1.0 for each in items}, items)
    first_ten, first_thirty = items[0], items[1]
    add_outcome(catalog, first_ten.item_id, "rating", 4, NOON, "ann")
    add_outcome(catalog, first_ten.item_id, "rating", 2, NOON, "bob")
    add_outcome(catalog, first_thirty.item_id, "rating", 5)
    found = report(catalog, "steps")
    per_assigned, measured = comparison(found, "rating", "assigned"), comparison(found, "rating")
    assert (per_assigned.control_n, per_assigned.control_mean, per_assigned.treatment_mean) == (4, 1.5, 1.25)
    assert (measured.control_n, measured.control_mean, measured.treatment_mean) == (1, 3.0, 5.0)


def test_scores_sizes_and_evaluations_are_numeric_columns(catalog: Catalog) -> None:
    items = [arm_item(row, variant) for row in range(2) for variant in ("ten", "thirty")]
    record(catalog, items, {each.item_id: 1.0 for each in items}, items)
    found = {(each.source, each.metric): each.control_mean for each in report(catalog, "steps").comparisons}
    assert found["verdict", "detoxify/toxicity"] == 0.125
    assert found["generation", "evaluations"] == 8
    assert found["generation", "size_bytes"] == 7
    assert found["funnel", "published"] == 1


def test_the_control_is_the_briefs_first_arm_or_the_one_asked_for(catalog: Catalog) -> None:
    items = [arm_item(row, variant) for row in range(2) for variant in ("ten", "thirty")]
    record(catalog, items, {}, [])
    assert report(catalog, "steps").control == "ten"
    turned = report(catalog, "steps", control="thirty")
    assert [arm.variant for arm in turned.arms] == ["thirty", "ten"]
    with pytest.raises(CatalogError, match=r"has no arm 'fifty'; its arms are ten, thirty"):
        report(catalog, "steps", control="fifty")
    with pytest.raises(CatalogError, match=r"no assignments of an experiment 'step' .*known are steps"):
        report(catalog, "step")


def exposed(catalog: Catalog, ten: int, thirty: int) -> ExperimentReport:
    items = [arm_item(row, variant) for row in range(12) for variant in ("ten", "thirty")]
    record(catalog, items, {}, [])
    for user in range(ten):
        add_exposure(catalog, f"a{user}", NOON, items[0].item_id)
    for user in range(thirty):
        add_exposure(catalog, f"b{user}", NOON, items[1].item_id)
    return report(catalog, "steps")


def test_an_uneven_split_of_exposures_is_called_out(catalog: Catalog) -> None:
    found = exposed(catalog, 60, 10)
    assert found.exposure_ratio is not None and found.exposure_ratio.mismatch
    assert found.warnings[0].startswith("sample ratio mismatch: exposures are split ten 60 (expected 35), thirty 10")


def test_an_even_split_and_repeated_views_are_not(catalog: Catalog) -> None:
    found = exposed(catalog, 20, 22)
    assert found.exposure_ratio is not None and not found.exposure_ratio.mismatch
    assert found.warnings == ()
    for minute in range(30):
        add_exposure(catalog, "a1", NOON.replace(minute=minute), arm_item(0, "ten").item_id)
    assert report(catalog, "steps").exposure_ratio == found.exposure_ratio


def test_people_who_saw_both_arms_are_counted(catalog: Catalog) -> None:
    exposed(catalog, 10, 10)
    add_exposure(catalog, "a1", NOON, arm_item(0, "thirty").item_id)
    found = report(catalog, "steps")
    assert found.users_in_several_arms == 1
    assert found.warnings == ("1 people were exposed to more than one arm; what they did may belong to either",)


def test_few_units_are_warned_of_and_every_line_is_plain_data(catalog: Catalog) -> None:
    items = [arm_item(row, variant) for row in range(2) for variant in ("ten", "thirty")]
    record(catalog, items, {each.item_id: 1.0 for each in items}, items)
    lines = list(report(catalog, "steps").lines())
    assert {line["type"] for line in lines} == {"arm", "comparison", "warning"}
    assert lines[0]["shares"]["published"] == 1.0
    assert "below 10 an interval says little" in lines[-1]["message"]
