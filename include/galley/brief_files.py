"""Briefs as files: YAML in, `LoadedBrief` out, with the line of everything that is wrong.

`parse_brief` reads text and touches nothing else; `load_brief` and `load_briefs` read files, a brief's CSV file among
them, which must lie in the brief's own directory or below it.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from galley import complaints, strict_yaml
from galley.briefs import MAX_CELL, MAX_ROWS, VARIABLE, Brief, Variant
from galley.complaints import dotted, show
from galley.errors import InputError
from galley.items import Reject
from galley.templates import Scalar

SUFFIXES = (".yaml", ".yml")
MAX_TABLE_BYTES = 16 * 2**20

ReadTable = Callable[[str], bytes]
"""Maps the relative path of a CSV file to its bytes; raises `InputError` without a source."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a brief's variables.

    Attributes:
        values: variable to value.
        source: the file it stands in.
        line: 1-based line there, or None.
        problem: what is wrong with it, where it cannot be used; the other rows can.
    """

    values: Mapping[str, Scalar]
    source: str
    line: int | None = None
    problem: InputError | None = None


@dataclass(frozen=True)
class LoadedBrief:
    """A brief with what it was read from.

    Attributes:
        brief: the brief.
        source: file or form, as a person knows it.
        rows: its variables as rows; one empty row where it has none.
        files: name to bytes of all that was read, the brief first: what a run keeps as its inputs.
        document: the YAML with its lines.
    """

    brief: Brief
    source: str
    rows: Sequence[Row]
    files: Mapping[str, bytes] = field(repr=False)
    document: strict_yaml.Document = field(repr=False)

    def error(self, path: complaints.Path, value: object, rule: str) -> InputError:
        """An `InputError` about a part of the brief, with its line."""
        return InputError(self.source, dotted(path), show(value), rule, line=self.document.line(path))


def parse_brief(text: bytes | str, source: str, *, read_table: ReadTable | None = None) -> LoadedBrief:
    """Read a brief from YAML.

    Args:
        text: the YAML; UTF-8 where it is bytes.
        source: what errors call it.
        read_table: how to read CSV files; without it a brief that names one is refused.

    Raises:
        InputError: with source, line, field, value and rule.
    """
    return _loaded(strict_yaml.read(text, source), text.encode() if isinstance(text, str) else text, source, read_table)


def brief_of(data: Mapping[str, Any], source: str) -> LoadedBrief:
    """A brief from plain values, as a form gives them. Raises `InputError`; CSV files are refused."""
    text = json.dumps(data, indent=2, ensure_ascii=False).encode()
    return _loaded(strict_yaml.Document(dict(data), {}), text, source, None)


def load_brief(path: Path, *, source: str = "") -> LoadedBrief:
    """Read a brief and its CSV file.

    Args:
        path: the YAML file.
        source: what errors call it; the path where nothing is given.

    Raises:
        InputError: with source, line, field, value and rule; also where the file cannot be read.
    """
    source = source or str(path)

    def read_table(name: str) -> bytes:
        table = path.parent / name
        # Resolved, so that neither ".." nor a symbolic link leads out of the brief's directory.
        if not table.resolve().is_relative_to(path.parent.resolve()):
            raise InputError("", "", name, "leads out of the brief's directory; put the file beside the brief")
        return _read(table, MAX_TABLE_BYTES, name)

    try:
        text = _read(path, strict_yaml.MAX_BYTES, "")
    except InputError as error:
        raise InputError(source, "", error.value, error.rule) from error
    return parse_brief(text, source, read_table=read_table)


def load_briefs(directory: Path, *, relative_to: Path | None = None) -> tuple[list[LoadedBrief], list[Reject]]:
    """Every brief of a directory in the order of file names; what is wrong as a whole becomes a reject.

    Args:
        directory: where to look for ``*.yaml`` and ``*.yml``; sub-directories are not searched.
        relative_to: sources are paths relative to this directory; default: to ``directory``.
    """
    loaded: dict[str, LoadedBrief] = {}
    rejects: list[Reject] = []
    paths = (path for path in directory.iterdir() if path.suffix in SUFFIXES and not path.name.startswith("."))
    for path in sorted(paths):
        source = str(path.relative_to(relative_to or directory))
        try:
            brief = load_brief(path, source=source)
            if (other := loaded.get(brief.brief.name)) is not None:
                raise brief.error(
                    ("name",), brief.brief.name, f'is the name of "{other.source}" too; names must differ'
                )
            loaded[brief.brief.name] = brief
        except InputError as error:
            rejects.append(complaints.reject(source, None, error))
    return list(loaded.values()), rejects


def _read(path: Path, limit: int, value: str) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError("", "", value, f"cannot be read: {reason}") from error
    if len(text) > limit:
        raise InputError("", "", value, f"is larger than {limit} bytes; split it")
    return text


def _loaded(document: strict_yaml.Document, text: bytes, source: str, read_table: ReadTable | None) -> LoadedBrief:
    data = document.data
    if not isinstance(data, dict):
        rule = "is empty or not a mapping; a brief needs at least name, kind and prompt"
        raise InputError(source, "", "", rule, line=document.line(()))
    try:
        brief = Brief.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        known = {*Brief.model_fields, *Variant.model_fields}
        path, value, rule = complaints.first_complaint(error, data, known)
        raise InputError(source, dotted(path), show(value), rule, line=document.line(path)) from None
    files = {Path(source).name or "brief.yaml": text}
    variables = brief.variables
    if isinstance(variables, str):
        rows, files[variables] = _csv(brief, variables, source, document, read_table)
    elif isinstance(variables, tuple):
        rows = [Row(values, source, document.line(("variables", index))) for index, values in enumerate(variables)]
    elif isinstance(variables, Mapping):
        line = document.line(("variables",))
        combinations = itertools.product(*variables.values())
        rows = [Row(dict(zip(variables, values, strict=True)), source, line) for values in combinations]
    else:
        rows = [Row({}, source, document.line(("prompt",)))]
    return LoadedBrief(brief, source, rows, files, document)


def _csv(
    brief: Brief, name: str, source: str, document: strict_yaml.Document, read_table: ReadTable | None
) -> tuple[list[Row], bytes]:
    try:
        if read_table is None:
            raise InputError("", "", name, "is a CSV file, which only a brief in a file can name; write rows instead")
        table = read_table(name)
        rows = _rows(table, name)
        brief.check_names(tuple(rows[0].values))
    except PydanticCustomError as error:
        context = error.context or {}
        path = context["path"]
        rule = context["rule"]
        raise InputError(source, dotted(path), show(context["value"]), rule, line=document.line(path)) from None
    except InputError as error:
        if error.source:
            raise
        raise InputError(source, "variables", error.value, error.rule, line=document.line(("variables",))) from error
    return rows, table


def _rows(table: bytes, name: str) -> list[Row]:
    try:
        text = table.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = table.count(b"\n", 0, error.start) + 1
        raise InputError(name, "", table[error.start : error.end].hex(), "is not UTF-8", line=line) from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    line = 1
    try:
        names = next(reader, [])
        for column in names:
            if not VARIABLE.fullmatch(column):
                rule = "is not a variable name (letters, digits and _, not beginning with a digit)"
                raise InputError(name, "", column, rule, line=1)
            if names.count(column) > 1:
                raise InputError(name, column, "", "is the name of two columns", line=1)
        line = reader.line_num + 1
        for cells in reader:
            if cells:
                rows.append(_row(names, cells, name, line))
            line = reader.line_num + 1
            if len(rows) > MAX_ROWS:
                raise InputError(name, "", "", f"has more than {MAX_ROWS} rows; split it", line=line)
    except csv.Error as error:
        raise InputError(name, "", "", f"is not CSV: {error}", line=line) from error
    if not rows:
        raise InputError(name, "", "", "has no rows below its first line, which names the variables")
    return rows


def _row(names: list[str], cells: list[str], name: str, line: int) -> Row:
    problem = None
    if len(cells) != len(names):
        rule = f"is the number of values in this row; the first line names {len(names)}"
        problem = InputError(name, "", str(len(cells)), rule, line=line)
    for column, cell in zip(names, cells, strict=False):
        if len(cell) > MAX_CELL or "\0" in cell:
            problem = InputError(
                name, column, show(cell), f"is longer than {MAX_CELL} characters or has a NUL", line=line
            )
    return Row(dict(itertools.zip_longest(names, cells[: len(names)], fillvalue="")), name, line, problem)
