"""Fields that exposures and outcomes share, from text as people and other systems write it."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from datetime import UTC, datetime

from galley.complaints import did_you_mean, printable
from galley.errors import InputError

_ITEM_ID = re.compile(r"[0-9a-f]{16}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_METRIC = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,62}")
MAX_USER_ID = 256
"""Characters."""


def check_columns(source: str, columns: Collection[str], required: Collection[str], known: Collection[str]) -> None:
    """Raise `InputError` for the first missing or, where ``known`` is not empty, unknown column."""
    for name in required:
        if name not in columns:
            given = ", ".join(columns)
            hint = "; columns are parted by commas" if ";" in given or "\t" in given else ""
            raise InputError(source, name, "", f"is missing among the columns {printable(given)}{hint}", line=1)
    for name in columns:
        if known and name not in known:
            raise InputError(source, name, "", "is not a column here" + did_you_mean(name, known), line=1)


def item_id(text: str) -> str:
    """A whole item id."""
    if not _ITEM_ID.fullmatch(text):
        raise InputError("", "item_id", printable(text), "is not an item id: 16 hex digits, as galley items shows them")
    return text


def user_id(text: str) -> str:
    """Anything that tells one person from another; `InputError` where it is empty or too long."""
    if not text:
        raise InputError("", "user_id", "", "is required: anything that tells one person from another")
    if len(text) > MAX_USER_ID:
        raise InputError("", "user_id", printable(text), f"is longer than {MAX_USER_ID} characters")
    return text


def timestamp(text: str) -> datetime:
    """An ISO 8601 time, in UTC; one without an offset is read as UTC."""
    rule = "is not a time as ISO 8601 writes it, for example 2026-11-01T06:30:00Z (without an offset: UTC)"
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError("", "timestamp", printable(text), rule) from error
    if "T" not in text.upper() and " " not in text:
        raise InputError("", "timestamp", printable(text), "is a date without a time; " + rule.partition("is not ")[2])
    try:
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except OverflowError as error:
        raise InputError("", "timestamp", printable(text), rule) from error


def metric(text: str) -> str:
    """The name of an outcome."""
    if not _METRIC.fullmatch(text):
        rule = "is not a metric name: a letter, then letters, digits and _ . : - (63 at most)"
        raise InputError("", "metric", printable(text), rule)
    return text


def number(text: str, field: str) -> float:
    """A finite decimal number."""
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise InputError("", field, printable(text), "is not a number, for example 1, 0.25 or -3e2")
    return float(text)
