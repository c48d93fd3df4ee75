"""YAML without its surprises, with the line of every value.

YAML 1.2 core scalars, as editors read them: ``no`` and ``on`` are texts, not booleans, dates are texts, ``1:30`` is no
number. Aliases (400 bytes of them can stand for 10⁸ values), duplicate keys, tags other than the plain types,
infinities, deep nesting and large files are refused. Errors are `InputError` with file, line and field.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import yaml

from galley.complaints import Path, dotted, show
from galley.errors import InputError

MAX_BYTES = 256 * 1024
MAX_DEPTH = 16

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """Composes nodes only; scalars are resolved by the YAML 1.2 core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  pyyaml's own form

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(None, None, "aliases (*name) are refused: write the value out", mark)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(None, None, f"is nested more than {MAX_DEPTH} deep", mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


for _name, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", list("-+0123456789.")),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(_pattern), _first)


@dataclass(frozen=True)
class Document:
    """A YAML file's value and where its parts stand.

    Attributes:
        data: mappings, lists, texts, numbers, booleans and None.
        lines: path to 1-based line of every mapping entry and list element.
    """

    data: Any
    lines: dict[Path, int]

    def line(self, path: Path) -> int | None:
        """Line of the value at ``path``, or of the nearest part around it that there is."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)


def read(text: bytes | str, source: str) -> Document:
    """Read one YAML document. Raises `InputError`."""
    raw = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    if len(raw) > MAX_BYTES:
        raise InputError(source, "", f"{len(raw)} bytes", f"is more than {MAX_BYTES} bytes; split the file")
    try:
        decoded = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(source, "", show(raw[error.start : error.end].hex()), "is not UTF-8", line=line) from error
    try:
        loader = _Loader(decoded)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        rule = (error.problem or "is not YAML").strip()
        raise InputError(source, "", "", rule, line=mark.line + 1 if mark else None) from error
    except yaml.reader.ReaderError as error:
        line = decoded.count("\n", 0, error.position) + 1
        raise InputError(source, "", f"U+{int(error.character):04X}", "is not allowed in YAML", line=line) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InputError(source, "", "", f"is not YAML: {error}") from error
    lines: dict[Path, int] = {}
    return Document(None if node is None else _value(node, (), lines, source), lines)


def _value(node: yaml.Node, path: Path, lines: dict[Path, int], source: str) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    kind = node.tag.removeprefix(_TAG)
    if isinstance(node, yaml.MappingNode) and kind == "map":
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise InputError(source, dotted(path), "", "has a key that is not a text", line=line)
            key = _scalar(key_node.value, "str", path, line, source)
            if key_node.tag != _TAG + "str":
                raise InputError(source, dotted(path), key, "is a key that must be a text; put it in quotes", line=line)
            here = (*path, key)
            if key in found:
                raise InputError(source, dotted(here), "", f"is given twice, first in line {lines[here]}", line=line)
            lines[here] = line
            found[key] = _value(value_node, here, lines, source)
        return found
    if isinstance(node, yaml.SequenceNode) and kind == "seq":
        return [_value(child, (*path, index), lines, source) for index, child in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node.value, kind, path, line, source)
    raise InputError(source, dotted(path), node.tag, "is a tag that is not allowed; use plain values", line=line)


def _scalar(text: str, kind: str, path: Path, line: int, source: str) -> Any:
    try:
        match kind:
            case "str":
                return _text(text)
            case "null":
                return None
            case "bool":
                return {"true": True, "false": False}[text.lower()]
            case "int":
                return int(text, 8 if text.startswith("0o") else 16 if text.startswith("0x") else 10)
            case "float":
                if math.isfinite(number := float(text)):
                    return number
    except _Unstorable:
        raise InputError(source, dotted(path), show(text), "has a NUL or half a surrogate pair", line=line) from None
    except (ValueError, KeyError):
        pass
    raise InputError(source, dotted(path), show(text), "is not a plain text, number or true/false", line=line)


class _Unstorable(ValueError):
    """A text that neither UTF-8 nor a database can hold."""


def _text(text: str) -> str:
    if not _UNSTORABLE.search(text):
        return text
    try:
        # JSON is YAML, and JSON writes a character beyond U+FFFF as two escapes; pyyaml leaves the halves apart.
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as error:
        raise _Unstorable from error
    if "\0" in whole:
        raise _Unstorable
    return whole
