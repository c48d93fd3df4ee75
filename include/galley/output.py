"""Answers of the command line: a table for people, JSON Lines for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

MAX_TABLE = 1000
"""Rows of a table; more are counted, not shown."""

FILE_WIDTH = 240
"""Characters of a table that no terminal shows."""


class Format(StrEnum):
    """How to answer: a table for people, JSON Lines for programs."""

    table = "table"
    jsonl = "jsonl"


FormatOption = Annotated[Format, typer.Option("--format", help="table for people, jsonl for programs.")]


def print_jsonl(rows: Iterable[Mapping[str, Any]]) -> None:
    """One JSON object a line, as they come."""
    for row in rows:
        typer.echo(json.dumps(row, ensure_ascii=False, default=str))


def console() -> Console:
    """Where tables go; into a file or pipe nothing is squeezed to the width of a terminal that is not there."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else FILE_WIDTH)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, nothing: str, title: str = "") -> None:
    """A table of at most `MAX_TABLE` rows, or the sentence ``nothing`` where there are none."""
    from rich.markup import escape
    from rich.table import Table

    iterator = iter(rows)
    shown = list(islice(iterator, MAX_TABLE))
    target = console()
    if not shown:
        target.print(escape(nothing))
        return
    table = Table(title=title or None, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in shown:
        table.add_row(*(escape("" if cell is None else str(cell)) for cell in row))
    target.print(table)
    more = sum(1 for _ in iterator)
    if more:
        target.print(f"… and {more} more; --format jsonl prints all")
