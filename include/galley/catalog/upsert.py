"""Inserting rows that may be there already, the same way on SQLite and PostgreSQL."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase

from galley.items import canonical_json

CHUNK = 500
"""Rows of one transaction: a kill loses at most these, and memory holds no more."""

T = TypeVar("T")


def chunks(rows: Iterable[T]) -> Iterator[list[T]]:
    """Lists of at most `CHUNK` rows; reads no further than the list it gives."""
    iterator = iter(rows)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def upsert(
    connection: Connection,
    table: type[DeclarativeBase],
    rows: Sequence[Mapping[str, Any]],
    *,
    keep: Iterable[str] | None = None,
) -> None:
    """Insert ``rows``; where the primary key is there already, overwrite all columns but those in ``keep``.

    With ``keep=None`` a row that is there stays wholly as it is. All rows must have the same columns.
    """
    if not rows:
        return
    target: Any = table.__table__
    insert: Any = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert
    statement = insert(target)
    primary = [column.name for column in target.primary_key]
    if keep is None:
        statement = statement.on_conflict_do_nothing(index_elements=primary)
    else:
        kept = {*primary, *keep}
        changed = {name: statement.excluded[name] for name in rows[0] if name not in kept}
        statement = statement.on_conflict_do_update(index_elements=primary, set_=changed)
    connection.execute(statement, [dict(row) for row in rows])


def derived_key(*parts: object) -> str:
    """A primary key of 32 hex digits (128 bits of sha256) from the fields that make a row the same row."""
    return hashlib.sha256(canonical_json(list(parts))).hexdigest()[:32]


def storable(text: str) -> str:
    """The text as every database takes it: PostgreSQL refuses NUL, and lone surrogates are not UTF-8."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
