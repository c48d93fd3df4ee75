"""JSON Lines from strangers, as a stream: every line becomes an object or says why not, and nothing stops the rest.

RFC 8259 as it is meant: UTF-8 (a byte order mark at the start of the file is allowed), no duplicate keys, no NaN or
Infinity, no NUL even escaped, no half surrogate pairs, no nesting deeper than `MAX_DEPTH`. Lines end with LF or CR LF,
and have at most `MAX_LINE` bytes; a longer one is skipped without being held. Blank lines are no lines.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn

from galley.complaints import printable
from galley.errors import InputError

MAX_LINE = 2 * 2**20
"""Bytes of a line: a prompt of the greatest length, wholly escaped, fits."""
MAX_DEPTH = 32
_SKIP = 2**16
_SURROGATE_OR_NUL = re.compile("[\x00\ud800-\udfff]")


def read_objects(stream: BinaryIO) -> Iterator[tuple[int, dict[str, Any] | InputError]]:
    """(1-based line number, object or what is wrong) for every line that is not blank; memory is bounded by a line."""
    number = 0
    while line := stream.readline(MAX_LINE + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if len(line) > MAX_LINE and not line.endswith(b"\n"):
            while (rest := stream.readline(_SKIP)) and not rest.endswith(b"\n"):
                pass
            yield number, _wrong(line, f"is the beginning of a line longer than {MAX_LINE} bytes; split or shorten it")
            continue
        line = line.rstrip(b"\r\n")
        if not line or line.isspace():
            continue
        try:
            yield number, parse_object(line)
        except InputError as error:
            yield number, error


def parse_object(line: bytes) -> dict[str, Any]:
    """The JSON object of one line. Raises `InputError` without a source."""
    if b"\0" in line:
        raise _wrong(line, "has a NUL byte; remove it")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        place = f"byte {error.start} of the line is 0x{line[error.start]:02x}"
        raise _wrong(line, f"is not UTF-8 ({place}); save the file as UTF-8") from error
    try:
        value = _decode(text)
    except json.JSONDecodeError as error:
        raise _wrong(line, f"is not JSON: {error.msg} at character {error.pos + 1}") from error
    except RecursionError as error:
        raise _wrong(line, f"is nested more than {MAX_DEPTH} deep") from error
    except ValueError as error:  # from the hooks below, or a number with thousands of digits
        raise _wrong(
            line, str(error) if isinstance(error, _Refused) else "has a number with too many digits"
        ) from error
    if not isinstance(value, dict):
        raise _wrong(line, "is not a JSON object; a line looks like {…}")
    # Brackets and escapes are rare; most lines need no second look.
    if line.count(b"{") + line.count(b"[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise _wrong(line, f"is nested more than {MAX_DEPTH} deep")
    if b"\\u" in line:
        _check_texts(value, "")
    return value


class _Refused(ValueError):
    """JSON that Python's reader would let pass."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _Refused(f'has the key "{printable(twice)}" twice in one object')
    return found


def _constant(name: str) -> NoReturn:
    raise _Refused(f"has {name}, which is not JSON")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _Refused(f"has the number {printable(text)}, which is too large")
    return number


_decode = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_float).decode


def _depth(value: Any) -> int:
    deepest, stack = 0, [(value, 1)]
    while stack:
        part, depth = stack.pop()
        deepest = max(deepest, depth)
        if isinstance(part, dict | list):
            children = part.values() if isinstance(part, dict) else part
            stack += [(child, depth + 1) for child in children if isinstance(child, dict | list)]
    return deepest


def _check_texts(value: Any, path: str) -> None:
    if isinstance(value, str):
        if found := _SURROGATE_OR_NUL.search(value):
            what = "a NUL" if found[0] == "\0" else "half a surrogate pair"
            raise InputError("", printable(path), printable(value), f"has {what}, written as an escape; remove it")
    elif isinstance(value, dict):
        for key, child in value.items():
            _check_texts(key, path)
            _check_texts(child, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            _check_texts(child, f"{path}[{index}]")


def _wrong(line: bytes, rule: str) -> InputError:
    return InputError("", "", printable(line[:1000].decode("utf-8", "replace")), rule)
