"""The state of an item, from all that is recorded of it. A release alone publishes; everything else falls closed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, case, exists, or_, select, update

from galley.catalog.columns import LEFT
from galley.catalog.models import GenerationRow, ItemRow, ReviewRow, Run, VerdictRow


def settle(connection: Connection, run: str) -> None:
    """Give every item of a run that no release lists the state its review, verdicts and generation say.

    What left the run is ``withdrawn``. A reviewer's reject is ``blocked``; then holds what the publisher said, where
    it did. Without its word, in this order: a blocked prompt is ``blocked``; a failed generation is ``failed``; a
    blocked artifact is ``blocked``; a verdict of hold is ``held``. What is left when the run has finished was either
    never made (``failed``) or made and not published (``held``); before that it keeps the state it has.
    """
    generation = (
        select(GenerationRow.status)
        .where(GenerationRow.item_id == ItemRow.item_id)
        .correlate(ItemRow)
        .scalar_subquery()
    )
    review = (
        select(ReviewRow.action)
        .where(ReviewRow.item_id == ItemRow.item_id)
        .order_by(ReviewRow.release.desc())
        .limit(1)
        .correlate(ItemRow)
        .scalar_subquery()
    )

    def decided(column: Any, decision: str) -> ColumnElement[bool]:
        return exists().where(VerdictRow.verdict_id == column, VerdictRow.decision == decision).correlate(ItemRow)

    finished = connection.execute(select(Run.finished).where(Run.run == run)).scalar_one_or_none() is not None
    held = or_(decided(ItemRow.prompt_verdict_id, "hold"), decided(ItemRow.artifact_verdict_id, "hold"))
    state = case(
        (ItemRow.disposition == LEFT, "withdrawn"),
        (review == "reject", "blocked"),
        (ItemRow.disposition.in_(("held", "blocked", "failed")), ItemRow.disposition),
        (decided(ItemRow.prompt_verdict_id, "block"), "blocked"),
        (generation == "failed", "failed"),
        (generation.is_(None), "failed" if finished else ItemRow.state),
        (decided(ItemRow.artifact_verdict_id, "block"), "blocked"),
        (held, "held"),
        else_="held" if finished else ItemRow.state,
    )
    connection.execute(
        update(ItemRow)
        .where(ItemRow.run == run, ItemRow.state.not_in(("published", "withdrawn")), ItemRow.state != state)
        .values(state=state)
        .execution_options(synchronize_session=False)
    )
