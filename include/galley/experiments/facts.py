"""What is known of each item of an experiment, as numbers, a page at a time and ordered by unit and arm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import aliased

from galley.catalog.database import reading
from galley.catalog.facade import Catalog
from galley.catalog.models import (
    ArtifactRow,
    AssignmentRow,
    ExposureRow,
    GenerationRow,
    ItemRow,
    OutcomeRow,
    VerdictRow,
)

FUNNEL = ("assigned", "generated", "allowed", "published", "exposed", "outcome")
"""Steps of an item's way, in order."""

SOURCES = ("funnel", "generation", "verdict", "outcome")
"""Where numeric columns come from, in the order they are shown."""

Column = tuple[str, str, str]
"""(source, metric, denominator): see `report.Comparison`."""

PAGE = 1000
"""Items of one transaction."""


@dataclass(frozen=True)
class ItemFacts:
    """One item as the report counts it.

    Attributes:
        brief: with `unit` what was assigned to a variant.
        unit: content date and row, or custom_id.
        variant: the arm.
        state: where the item stands.
        steps: step of `FUNNEL` to whether the item came to it. ``allowed``: both verdicts allow it or a person did;
            ``published``: it is now; ``exposed`` and ``outcome``: at least one was reported.
        seconds: of making it, 0 where it was not made.
        reused: its artifact was there already.
        numbers: every numeric column the item has. Outcomes appear twice: their mean (``measured``), and their sum
            (``assigned``), which is 0 for items without one.
    """

    brief: str
    unit: str
    variant: str
    state: str
    steps: Mapping[str, bool]
    seconds: float
    reused: bool
    numbers: Mapping[Column, float]


def item_facts(catalog: Catalog, experiment: str) -> Iterator[ItemFacts]:
    """All items of an experiment, by brief, unit, variant and item id."""
    prompt, artifact = aliased(VerdictRow), aliased(VerdictRow)
    order = (AssignmentRow.brief, AssignmentRow.unit, AssignmentRow.variant, AssignmentRow.item_id)
    query = (
        select(
            *order,
            ItemRow.state,
            ItemRow.approved_by,
            GenerationRow.status,
            GenerationRow.seconds,
            GenerationRow.evaluations,
            GenerationRow.batch_size,
            GenerationRow.reused,
            ArtifactRow.size,
            prompt.decision.label("prompt_decision"),
            artifact.decision.label("artifact_decision"),
            artifact.scores,
        )
        .select_from(AssignmentRow)
        .join(ItemRow, ItemRow.item_id == AssignmentRow.item_id)
        .outerjoin(GenerationRow, GenerationRow.item_id == ItemRow.item_id)
        .outerjoin(
            ArtifactRow,
            (ArtifactRow.request_key == ItemRow.request_key) & (ArtifactRow.numerics_digest == ItemRow.numerics_digest),
        )
        .outerjoin(prompt, prompt.verdict_id == ItemRow.prompt_verdict_id)
        .outerjoin(artifact, artifact.verdict_id == ItemRow.artifact_verdict_id)
        .where(AssignmentRow.experiment == experiment)
        .order_by(*order)
        .limit(PAGE)
    )
    metrics = _metrics(catalog, experiment)
    after: tuple[Any, ...] | None = None
    while True:
        page = query if after is None else query.where(tuple_(*order) > tuple_(*after))
        with reading(catalog.engine) as connection:
            rows = connection.execute(page).all()
            ids = [row.item_id for row in rows]
            exposed = set(
                connection.execute(select(ExposureRow.item_id).where(ExposureRow.item_id.in_(ids)).distinct()).scalars()
            )
            sums = select(OutcomeRow.item_id, OutcomeRow.metric, func.sum(OutcomeRow.value), func.count())
            outcomes: dict[str, dict[str, tuple[float, int]]] = {}
            for item_id, metric, total, count in connection.execute(
                sums.where(OutcomeRow.item_id.in_(ids)).group_by(OutcomeRow.item_id, OutcomeRow.metric)
            ):
                outcomes.setdefault(item_id, {})[metric] = (total, count)
        for row in rows:
            yield _facts(row, row.item_id in exposed, outcomes.get(row.item_id, {}), metrics)
        if len(rows) < PAGE:
            return
        last = rows[-1]
        after = (last.brief, last.unit, last.variant, last.item_id)


def _metrics(catalog: Catalog, experiment: str) -> list[str]:
    """Metrics that any item of the experiment has an outcome of."""
    query = (
        select(OutcomeRow.metric)
        .join(AssignmentRow, AssignmentRow.item_id == OutcomeRow.item_id)
        .where(AssignmentRow.experiment == experiment)
        .distinct()
    )
    with reading(catalog.engine) as connection:
        return sorted(connection.execute(query).scalars())


def _facts(row: Any, exposed: bool, outcomes: Mapping[str, tuple[float, int]], metrics: list[str]) -> ItemFacts:
    made = row.status == "ok"
    allowed = row.prompt_decision == row.artifact_decision == "allow" or bool(row.approved_by)
    steps = {
        "assigned": True,
        "generated": made,
        "allowed": allowed or row.state == "published",
        "published": row.state == "published",
        "exposed": exposed,
        "outcome": bool(outcomes),
    }
    numbers: dict[Column, float] = {
        ("funnel", step, "assigned"): float(came) for step, came in steps.items() if step != "assigned"
    }
    if made:
        for name in ("seconds", "evaluations", "batch_size"):
            numbers["generation", name, "measured"] = float(row._mapping[name])
    if row.size is not None:
        numbers["generation", "size_bytes", "measured"] = float(row.size)
    for name, score in (row.scores or {}).items():
        numbers["verdict", name, "measured"] = float(score)
    for metric in metrics:
        total, count = outcomes.get(metric, (0.0, 0))
        numbers["outcome", metric, "assigned"] = total
        if count:
            numbers["outcome", metric, "measured"] = total / count
    return ItemFacts(
        brief=row.brief,
        unit=row.unit,
        variant=row.variant,
        state=row.state,
        steps=steps,
        seconds=row.seconds or 0.0,
        reused=bool(row.reused),
        numbers=numbers,
    )
