"""What is wrong with a value, said the same way everywhere: a dotted field, the value as text, and a rule.

Turns pydantic's findings into `InputError`, and `InputError` into the `Reject` that is kept with the run. Texts that
come from outside are made safe to store and to print: control characters and lone surrogates are escaped, long values
cut.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import NoReturn

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from galley.errors import InputError
from galley.items import Reject

Path = tuple[str | int, ...]
LIMIT = 200
"""Characters of a value or field name that are kept."""
CUSTOM = "galley"
"""Type of the pydantic errors that `refuse` raises."""

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
_JARGON = (
    ("a valid dictionary", "a mapping"),
    ("a valid integer", "a whole number"),
    ("a valid string", "a text"),
    ("a valid ", "a "),
)
_PATTERNS = {
    "^[a-z0-9][a-z0-9_-]{0,62}$": "lower-case letters, digits, - and _, at most 63",
    "^[A-Za-z_][A-Za-z0-9_]{0,62}$": "letters, digits and _, not beginning with a digit, at most 63",
    "^([A-Za-z0-9]{1,60}Scheduler)?$": "the name of a diffusers class that ends in Scheduler",
}


def printable(text: str) -> str:
    """``text`` cut to `LIMIT` characters, with control characters and lone surrogates as escapes."""
    cut = text if len(text) <= LIMIT else text[: LIMIT - 1] + "…"
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), cut)


def show(value: object) -> str:
    """A value as a person would write it in JSON or YAML, made safe by `printable`."""
    if isinstance(value, str):
        return printable(value)
    try:
        return printable(json.dumps(value, ensure_ascii=False))
    except (TypeError, ValueError, RecursionError):
        return printable(repr(value))


def dotted(path: Sequence[str | int]) -> str:
    """``("variants", 1, "weight")`` as ``variants[1].weight``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return printable(text)


def did_you_mean(word: str, known: Collection[str]) -> str:
    """``; did you mean "prompt"?`` where one of the known words is close, else their list where it is short."""
    close = difflib.get_close_matches(word[:100], known, n=1, cutoff=0.6)
    if close:
        return f'; did you mean "{close[0]}"?'
    return f"; known are {', '.join(sorted(known))}" if 0 < len(known) <= 20 else ""


def refuse(path: Sequence[str | int], value: object, rule: str) -> NoReturn:
    """Raise, inside a pydantic validator, an error about the field at ``path`` of the whole model."""
    raise PydanticCustomError(CUSTOM, "{rule}", {"rule": rule, "path": tuple(path), "value": value})


def walk(data: object, location: Sequence[str | int]) -> Path:
    """The part of a pydantic location that exists in ``data``: tags of unions are left out, the last name is kept."""
    path: list[str | int] = []
    for index, part in enumerate(location):
        if isinstance(data, Mapping):
            if part not in data and index < len(location) - 1:
                continue
            data = data.get(part)
        elif isinstance(data, list | tuple) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            continue
        path.append(part)
    return tuple(path)


def first_complaint(error: ValidationError, data: object, known: Collection[str] = ()) -> tuple[Path, object, str]:
    """The most telling of pydantic's findings as (path, value, rule).

    Args:
        error: what pydantic raised for ``data``.
        data: what was validated.
        known: names of fields, to suggest one in place of an unknown field.
    """
    details = error.errors(include_url=False)
    # A mistyped name shows up twice, as an unknown field and as a missing one; the first says what happened.
    first = min(details, key=lambda detail: 0 if detail["type"] == "extra_forbidden" else 1)
    path, value, rule = _told(first, data, known)
    more = len(details) - 1
    return path, value, rule + (f" (and {more} more)" if more else "")


def _told(detail: ErrorDetails, data: object, known: Collection[str]) -> tuple[Path, object, str]:
    context = detail.get("ctx", {})
    if detail["type"] == CUSTOM:
        return context["path"], context["value"], context["rule"]
    path = walk(data, detail["loc"])
    match detail["type"]:
        case "missing":
            return path, "", "is required"
        case "extra_forbidden":
            return path, detail["input"], "is not a field here" + did_you_mean(str(path[-1]) if path else "", known)
        case "value_error":
            return path, detail["input"], str(context.get("error", detail["msg"]))
    if detail["type"] == "string_pattern_mismatch" and context["pattern"] in _PATTERNS:
        return path, detail["input"], f"should be {_PATTERNS[context['pattern']]}"
    rule = detail["msg"]
    for jargon, plain in _JARGON:
        rule = rule.replace(jargon, plain)
    return (
        path,
        detail["input"],
        rule[:1].lower() + rule[1:] if not rule.startswith("Input ") else rule[len("Input ") :],
    )


def input_error(
    source: str, error: ValidationError, data: object, *, known: Collection[str] = (), within: Path = ()
) -> InputError:
    """An `InputError` for pydantic's finding; ``within`` is the path of ``data`` in the whole."""
    path, value, rule = first_complaint(error, data, known)
    return InputError(source, dotted((*within, *path)), show(value), rule)


def refusal(rejected: Reject) -> InputError:
    """The error that a reject was made of, for where there is nothing else to go on with."""
    return InputError(rejected.source, rejected.field, rejected.value, rejected.rule, line=rejected.line)


def reject(source: str, line: int | None, error: InputError, custom_id: str = "") -> Reject:
    """The record that is kept of a row that did not become an item; the line is the error's own where it has one."""
    return Reject(
        source=source,
        line=error.line if error.line is not None else line,
        field=printable(error.field),
        value=printable(error.value),
        rule=error.rule,
        custom_id=custom_id,
    )
