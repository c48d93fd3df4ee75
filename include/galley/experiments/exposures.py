"""Exposures: that a person saw a variant. Reported to us by whatever shows content to people.

CSV columns: ``user_id``, ``timestamp`` (ISO 8601) and ``item_id``, from which experiment and variation follow; or,
where what was seen is no single item, ``experiment_id`` and ``variation_id`` in its place. All may be there: an empty
cell counts as left out, and what is given twice must agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, select

from galley.catalog.database import writing
from galley.catalog.facade import Catalog
from galley.catalog.models import AssignmentRow, ExposureRow
from galley.catalog.upsert import derived_key, upsert
from galley.errors import InputError
from galley.experiments import fields
from galley.experiments.imports import Imported, arms_of, import_file, unknown_item

COLUMNS = ("user_id", "timestamp", "item_id", "experiment_id", "variation_id")


@dataclass(frozen=True)
class Exposure:
    """One person saw one variant once.

    Attributes:
        user_id: whoever saw it, as the reporting system names them.
        timestamp: when, aware.
        item_id: what was seen, or None.
        experiment_id: needed without an item.
        variation_id: needed without an item.
    """

    user_id: str
    timestamp: datetime
    item_id: str | None = None
    experiment_id: str = ""
    variation_id: str = ""


def import_exposures(catalog: Catalog, path: Path) -> Imported:
    """Record every exposure of a CSV file once; the same person, time and item is the same exposure."""
    return import_file(catalog, path, "exposure", check=_check, read=_read, record=_record)


def add_exposure(
    catalog: Catalog,
    user_id: str,
    timestamp: datetime,
    item_id: str | None = None,
    *,
    experiment_id: str = "",
    variation_id: str = "",
) -> bool:
    """Record one exposure; False where it was known. Raises `InputError` for an item or variant that is not there."""
    exposure = Exposure(fields.user_id(user_id), timestamp, item_id, experiment_id, variation_id)
    with writing(catalog.engine) as connection:
        (became,) = _record(connection, [exposure])
    if isinstance(became, InputError):
        raise InputError("exposure", became.field, became.value, became.rule)
    return became


def _check(source: str, columns: Sequence[str]) -> None:
    fields.check_columns(source, columns, ("user_id", "timestamp"), COLUMNS)
    if "item_id" not in columns:
        fields.check_columns(source, columns, ("experiment_id", "variation_id"), COLUMNS)


def _read(cells: dict[str, str]) -> Sequence[Exposure | InputError]:
    item = cells.get("item_id", "")
    return [
        Exposure(
            user_id=fields.user_id(cells["user_id"]),
            timestamp=fields.timestamp(cells["timestamp"]),
            item_id=fields.item_id(item) if item else None,
            experiment_id=cells.get("experiment_id", ""),
            variation_id=cells.get("variation_id", ""),
        )
    ]


def _record(connection: Connection, exposures: Sequence[Exposure]) -> list[bool | InputError]:
    arms = arms_of(connection, (exposure.item_id for exposure in exposures))
    pairs = {(exposure.experiment_id, exposure.variation_id) for exposure in exposures if exposure.item_id is None}
    existing_arms = {pair for pair in pairs if _arm_exists(connection, *pair)}
    became: list[bool | InputError] = []
    rows: dict[str, dict[str, object]] = {}
    ids: list[str | None] = []
    for exposure in exposures:
        resolved = _arm(exposure, arms, existing_arms)
        if isinstance(resolved, InputError):
            ids.append(None)
            became.append(resolved)
            continue
        experiment, variation = resolved
        key = derived_key(exposure.user_id, exposure.timestamp.isoformat(), exposure.item_id, experiment, variation)
        ids.append(key)
        became.append(key not in rows)
        rows[key] = {
            "exposure_id": key,
            "user_id": exposure.user_id,
            "timestamp": exposure.timestamp,
            "experiment_id": experiment,
            "variation_id": variation,
            "item_id": exposure.item_id,
        }
    known = set(connection.execute(select(ExposureRow.exposure_id).where(ExposureRow.exposure_id.in_(rows))).scalars())
    upsert(connection, ExposureRow, [row for key, row in rows.items() if key not in known])
    return [False if key in known else each for key, each in zip(ids, became, strict=True)]


def _arm(
    exposure: Exposure, arms: dict[str, tuple[str, str]], existing: set[tuple[str, str]]
) -> tuple[str, str] | InputError:
    given = (exposure.experiment_id, exposure.variation_id)
    if exposure.item_id is None:
        if given in existing:
            return given
        if not all(given):
            return InputError("", "item_id", "", "is required, or experiment_id and variation_id in its place")
        return InputError("", "variation_id", "/".join(given), "is no experiment and variation of this catalog")
    arm = arms.get(exposure.item_id)
    if arm is None:
        return unknown_item(exposure.item_id)
    for field, said, assigned in zip(("experiment_id", "variation_id"), given, arm, strict=True):
        if said and said != assigned:
            return InputError("", field, said, f"is not what item {exposure.item_id} was assigned: {assigned}")
    return arm


def _arm_exists(connection: Connection, experiment: str, variant: str) -> bool:
    query = select(AssignmentRow.item_id).where(
        AssignmentRow.experiment == experiment, AssignmentRow.variant == variant
    )
    return connection.execute(query.limit(1)).first() is not None
