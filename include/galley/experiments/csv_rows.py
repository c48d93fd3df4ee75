"""CSV from strangers, as a stream: every line becomes a row or says why not, and nothing stops the rest.

RFC 4180 with two limits that keep an error in its own line: a field holds no line break, and a line has at most
`MAX_LINE` bytes. UTF-8, with or without a byte order mark; commas; the first line names the columns.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from typing import BinaryIO

from galley.complaints import printable
from galley.errors import InputError

MAX_LINE = 2**16
"""Bytes of a line."""


class CsvRows:
    """The rows of one CSV file.

    Attributes:
        columns: names in the first line, in order.
    """

    def __init__(self, stream: BinaryIO, source: str) -> None:
        """Read the first line. Raises `InputError` where the file has no usable one."""
        self._stream = stream
        self._source = source
        self._line = 0
        first = next(self._lines(), None)
        if first is None:
            raise InputError(source, "", "", "is empty; its first line should name the columns", line=1)
        if isinstance(first[1], InputError):
            raise self._placed(first[1])
        self.columns = tuple(name.strip() for name in first[1])
        for column in self.columns:
            if not column or self.columns.count(column) > 1:
                rule = "names a column twice" if column else "has a column without a name"
                raise InputError(source, column, ",".join(self.columns), rule, line=1)

    def __iter__(self) -> Iterator[tuple[int, dict[str, str] | InputError]]:
        """(1-based line number, column to cell without surrounding spaces, or what is wrong with the line)."""
        for number, cells in self._lines():
            if isinstance(cells, InputError):
                yield number, cells
            elif len(cells) != len(self.columns):
                rule = f"has {len(cells)} cells where the first line names {len(self.columns)} columns"
                yield number, InputError("", "", printable(",".join(cells)), rule)
            else:
                yield number, {name: cell.strip() for name, cell in zip(self.columns, cells, strict=True)}

    def _lines(self) -> Iterator[tuple[int, list[str] | InputError]]:
        while line := self._stream.readline(MAX_LINE + 1):
            self._line += 1
            if self._line == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            if len(line) > MAX_LINE and not line.endswith(b"\n"):
                while (rest := self._stream.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                    pass
                yield self._line, _wrong(line, f"is the beginning of a line longer than {MAX_LINE} bytes")
                continue
            line = line.rstrip(b"\r\n")
            if line.strip():
                yield self._line, _cells(line)

    def _placed(self, error: InputError) -> InputError:
        return InputError(self._source, error.field, error.value, error.rule, line=self._line)


def _cells(line: bytes) -> list[str] | InputError:
    if b"\0" in line:
        return _wrong(line, "has a NUL byte; remove it")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        return _wrong(line, f"is not UTF-8 (byte {error.start} of the line); save the file as UTF-8")
    try:
        (cells,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError) as error:
        return _wrong(line, f"is not CSV: {error}; a quoted field ends on its own line, quotes in it are doubled")
    return cells


def _wrong(line: bytes, rule: str) -> InputError:
    return InputError("", "", printable(line[:1000].decode("utf-8", "replace")), rule)
