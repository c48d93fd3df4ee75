"""YAML without surprises: what is read, what is refused, and on which line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galley import strict_yaml
from galley.errors import InputError
from galley.strict_yaml import read

TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"], exclude_characters="\ufeff\ufffe\u2028\u2029")
)
TREE = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


def test_scalars_are_those_of_yaml_1_2() -> None:
    text = "[no, on, Yes, true, FALSE, ~, null, 0o17, 0x1F, 010, 1_000, 1:30, 2026-11-01, 1.5, 1e3, .inf, =, <<, '1']"
    assert read(text, "x").data == [
        *("no", "on", "Yes", True, False, None, None, 15, 31, 10, "1_000", "1:30", "2026-11-01", 1.5, 1000.0),
        *(".inf", "=", "<<", "1"),
    ]


def test_every_part_knows_its_line() -> None:
    document = read("a: 1\nb:\n  - x\n  - {c: 1,\n     d: 2}\n", "x")
    assert [document.line(path) for path in [("a",), ("b",), ("b", 1), ("b", 1, "d")]] == [1, 2, 4, 5]
    assert document.line(("b", 1, "d", "deeper")) == 5
    assert read("", "x").line(("a",)) is None


@pytest.mark.parametrize(
    ("text", "line", "field", "rule"),
    [
        ("a: &x 1\nb: *x", 2, "", "aliases"),
        ("a: 1\nb: {c: 1,\n c: 2}", 3, "b.c", "given twice, first in line 2"),
        ("a: [1,\n", 2, "", "expected the node content"),
        ("a:\n  b: 1\n c: 2", 3, "", "expected <block end>"),
        ("a: 1\n1: 2", 2, "", "must be a text"),
        ("{a: 1}: 2", 1, "", "a key that is not a text"),
        ("a: !!python/object:os.system x", 1, "a", "not a plain text"),
        ("a: !local [x]", 1, "a", "tag that is not allowed"),
        ("a: !!int x", 1, "a", "not a plain text"),
        ("a: 1\nb: \x07", 2, "", "is not allowed in YAML"),
        ('a: "\\0"', 1, "a", "NUL"),
        ('a: "\\ud800"', 1, "a", "surrogate"),
        ('"\\ud800": 1', 1, "", "surrogate"),
        ("a: 1e999", 1, "a", "not a plain text"),
        ("a: " + "9" * 5000, 1, "a", "not a plain text"),
        ("- 1\n---\n- 2", 2, "", "another document"),
        ("a: " + "[" * 100, 1, "", "nested more than 16"),
        (b"a: 1\nb: \xff", 2, "", "not UTF-8"),
        ("# " + "x" * strict_yaml.MAX_BYTES, None, "", "split the file"),
    ],
)
def test_what_is_refused_is_named_with_its_line(text: str | bytes, line: int | None, field: str, rule: str) -> None:
    with pytest.raises(InputError) as caught:
        read(text, "file.yaml")
    assert (caught.value.source, caught.value.line, caught.value.field) == ("file.yaml", line, field)
    assert rule in caught.value.rule


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert read(b"\xef\xbb\xbfa: 1", "x").data == {"a": 1}


@given(TREE)
def test_json_is_read_as_yaml(tree: object) -> None:
    assert read(json.dumps(tree), "x").data == tree
    assert read(json.dumps(tree, ensure_ascii=False, indent=2), "x").data == tree


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_nothing_but_an_input_error_comes_out_of_any_bytes(text: bytes | str) -> None:
    try:
        read(text, "x")
    except InputError as error:
        assert error.source == "x"
