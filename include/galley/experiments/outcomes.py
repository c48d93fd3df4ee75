"""Outcomes: numbers that came of an item (a click, a rating, a sum). Reported to us.

CSV columns: ``item_id``, optionally ``timestamp`` and ``user_id``, and either ``metric`` and ``value`` (one number a
line) or one column per metric, named as the metric (an empty cell is no outcome). One item, metric, user and timestamp
have one value: given again it is known, given otherwise it is refused, for what was counted is not rewritten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, select

from galley.catalog.database import writing
from galley.catalog.facade import Catalog
from galley.catalog.models import OutcomeRow
from galley.catalog.upsert import derived_key, upsert
from galley.errors import InputError
from galley.experiments import fields
from galley.experiments.imports import Imported, arms_of, import_file, unknown_item

LONG = ("item_id", "metric", "value", "timestamp", "user_id")
ABOUT = ("item_id", "timestamp", "user_id")
"""Columns of a wide file that are no metrics."""


@dataclass(frozen=True)
class Outcome:
    """One number that came of an item.

    Attributes:
        item_id: of which item.
        metric: what was counted or measured.
        value: finite; in the metric's own unit.
        timestamp: when, aware, or None where it is a total.
        user_id: of whom, or empty.
    """

    item_id: str
    metric: str
    value: float
    timestamp: datetime | None = None
    user_id: str = ""


def import_outcomes(catalog: Catalog, path: Path) -> Imported:
    """Record every outcome of a CSV file once."""
    return import_file(catalog, path, "outcome", check=_check, read=_read, record=_record)


def add_outcome(
    catalog: Catalog,
    item_id: str,
    metric: str,
    value: float,
    timestamp: datetime | None = None,
    user_id: str = "",
) -> bool:
    """Record one outcome; False where it was known. Raises `InputError` where the item is not there, the number is
    none, or another value is recorded for the same item, metric, user and timestamp.
    """
    number = fields.number(repr(float(value)), "value")
    outcome = Outcome(item_id, fields.metric(metric), number, timestamp, fields.user_id(user_id) if user_id else "")
    with writing(catalog.engine) as connection:
        (became,) = _record(connection, [outcome])
    if isinstance(became, InputError):
        raise InputError("outcome", became.field, became.value, became.rule)
    return became


def _check(source: str, columns: Sequence[str]) -> None:
    if "metric" in columns or "value" in columns:
        fields.check_columns(source, columns, ("item_id", "metric", "value"), LONG)
        return
    fields.check_columns(source, columns, ("item_id",), ())
    metrics = [name for name in columns if name not in ABOUT]
    if not metrics:
        rule = "has no outcomes: metric and value, or a column per metric"
        raise InputError(source, "", ",".join(columns), rule, line=1)
    for name in metrics:
        try:
            fields.metric(name)
        except InputError as error:
            raise InputError(source, "", name, error.rule, line=1) from error


def _read(cells: dict[str, str]) -> Sequence[Outcome | InputError]:
    item = fields.item_id(cells["item_id"])
    when = fields.timestamp(cells["timestamp"]) if cells.get("timestamp") else None
    who = fields.user_id(cells["user_id"]) if cells.get("user_id") else ""
    if "metric" in cells:
        return [Outcome(item, fields.metric(cells["metric"]), fields.number(cells["value"], "value"), when, who)]
    found: list[Outcome | InputError] = []
    for name, cell in cells.items():
        if name in ABOUT or not cell:
            continue
        try:
            found.append(Outcome(item, name, fields.number(cell, name), when, who))
        except InputError as error:
            found.append(error)
    return found


def _record(connection: Connection, outcomes: Sequence[Outcome]) -> list[bool | InputError]:
    arms = arms_of(connection, (outcome.item_id for outcome in outcomes))
    keys = [
        derived_key(
            outcome.item_id,
            outcome.metric,
            outcome.user_id,
            outcome.timestamp.isoformat() if outcome.timestamp else None,
        )
        for outcome in outcomes
    ]
    query = select(OutcomeRow.outcome_id, OutcomeRow.value).where(OutcomeRow.outcome_id.in_(keys))
    values: dict[str, float] = dict(connection.execute(query).all())
    rows: list[dict[str, object]] = []
    became: list[bool | InputError] = []
    for key, outcome in zip(keys, outcomes, strict=True):
        if outcome.item_id not in arms:
            became.append(unknown_item(outcome.item_id))
        elif key in values:
            became.append(False if values[key] == outcome.value else _otherwise(outcome, values[key]))
        else:
            values[key] = outcome.value
            rows.append(
                {
                    "outcome_id": key,
                    "item_id": outcome.item_id,
                    "metric": outcome.metric,
                    "value": outcome.value,
                    "user_id": outcome.user_id,
                    "timestamp": outcome.timestamp,
                }
            )
            became.append(True)
    upsert(connection, OutcomeRow, rows)
    return became


def _otherwise(outcome: Outcome, recorded: float) -> InputError:
    rule = (
        f"is recorded as {recorded!r} for the same item, metric, user and timestamp; "
        "a further one needs a timestamp of its own"
    )
    return InputError("", outcome.metric, repr(outcome.value), rule)
