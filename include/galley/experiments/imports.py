"""Importing a file: rows in chunks, each chunk one transaction, what cannot be taken kept with its place and reason."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, delete, select

from galley.catalog.columns import reject_row
from galley.catalog.database import writing
from galley.catalog.facade import Catalog
from galley.catalog.models import AssignmentRow, ImportRejectRow, ImportRow
from galley.catalog.upsert import chunks, derived_key, storable, upsert
from galley.complaints import reject
from galley.errors import InputError
from galley.experiments.csv_rows import CsvRows
from galley.items import Reject


@dataclass(frozen=True)
class Imported:
    """What became of a file or a single call.

    Attributes:
        rows: lines with something on them, the first line left out; or facts given.
        recorded: facts that are new. A line of a wide file may hold several.
        known: facts the catalog had already, or that the file has twice.
        rejected: lines of which nothing or only a part was taken; `Catalog.import_rejects` lists them.
    """

    rows: int
    recorded: int
    known: int
    rejected: int


class Fact(Protocol):
    """One row to be recorded."""

    @property
    def item_id(self) -> str | None:
        """The item it is about, if any."""


F = TypeVar("F", bound=Fact)
Read = Callable[[dict[str, str]], Sequence["F | InputError"]]
Record = Callable[[Connection, "Sequence[F]"], "Sequence[bool | InputError]"]


def import_file(
    catalog: Catalog,
    path: Path,
    kind: str,
    *,
    check: Callable[[str, Sequence[str]], None],
    read: Read[F],
    record: Record[F],
) -> Imported:
    """Record every fact of a CSV file once. The same file again, or after a kill, records what is missing.

    Args:
        catalog: where to.
        path: of the file, which is read twice: for its sha256 and for its rows.
        kind: ``exposure`` or ``outcome``.
        check: raises `InputError` for columns (source, columns) that cannot be what is meant.
        read: cells of a line to facts, or errors without a source.
        record: what became of each fact: True where it is new, False where it was known, or why it was refused.

    Raises `InputError` where nothing of the file can be read.
    """
    source = str(path)
    try:
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            stream.seek(0)
            rows = CsvRows(stream, source)
            check(source, rows.columns)
            target = _Target(catalog, kind, source, sha256)
            for chunk in chunks(rows):
                target.take(chunk, read, record)
            return target.finish()
    except OSError as error:
        raise InputError(source, "", "", f"cannot be read: {error.strerror}") from error


class _Target:
    """Where a file's rows go, and the count of them."""

    def __init__(self, catalog: Catalog, kind: str, source: str, sha256: str) -> None:
        self.engine = catalog.engine
        self.import_id = derived_key(kind, source, sha256)
        self.source = source
        self.row = {"import_id": self.import_id, "kind": kind, "source": storable(source), "sha256": sha256}
        self.rows = self.recorded = self.known = self.rejected = 0
        self._store(0)

    def take(self, chunk: Iterable[tuple[int, dict[str, str] | InputError]], read: Read[F], record: Record[F]) -> None:
        lines: list[int] = []
        facts: list[F] = []
        wrong: dict[int, InputError] = {}
        for line, cells in chunk:
            self.rows += 1
            for fact in [cells] if isinstance(cells, InputError) else _read(read, cells):
                if isinstance(fact, InputError):
                    wrong.setdefault(line, fact)
                else:
                    lines.append(line)
                    facts.append(fact)
        with writing(self.engine) as connection:
            for line, became in zip(lines, record(connection, facts), strict=True):
                if isinstance(became, InputError):
                    wrong.setdefault(line, became)
                elif became:
                    self.recorded += 1
                else:
                    self.known += 1
            rejects = [reject(self.source, line, error) for line, error in sorted(wrong.items())]
            self._keep(connection, rejects)

    def finish(self) -> Imported:
        with writing(self.engine) as connection:
            connection.execute(
                delete(ImportRejectRow).where(
                    ImportRejectRow.import_id == self.import_id, ImportRejectRow.position >= self.rejected
                )
            )
        self._store(self.rows)
        return Imported(self.rows, self.recorded, self.known, self.rejected)

    def _keep(self, connection: Connection, rejects: Sequence[Reject]) -> None:
        kept = [
            {"import_id": self.import_id, "position": position, **reject_row(each)}
            for position, each in enumerate(rejects, start=self.rejected)
        ]
        upsert(connection, ImportRejectRow, kept, keep=())
        self.rejected += len(rejects)

    def _store(self, rows: int) -> None:
        row: dict[str, Any] = {**self.row, "rows": rows, "rejected": self.rejected, "at": datetime.now(UTC)}
        with writing(self.engine) as connection:
            upsert(connection, ImportRow, [row], keep=())


def _read(read: Read[F], cells: dict[str, str]) -> Sequence[F | InputError]:
    try:
        return read(cells)
    except InputError as error:
        return [error]


def arms_of(connection: Connection, item_ids: Iterable[str | None]) -> dict[str, tuple[str, str]]:
    """Item id to (experiment, variant), for those the catalog knows."""
    wanted = {item_id for item_id in item_ids if item_id}
    query = select(AssignmentRow.item_id, AssignmentRow.experiment, AssignmentRow.variant).where(
        AssignmentRow.item_id.in_(wanted)
    )
    return {item_id: (experiment, variant) for item_id, experiment, variant in connection.execute(query)}


def unknown_item(item_id: str) -> InputError:
    """The error for an item the catalog does not have."""
    return InputError("", "item_id", item_id, "is no item of this catalog; galley items --run RUN lists them")
