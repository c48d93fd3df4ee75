"""Templates fill in and choose; everything that could compute, loop or reach out is refused."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galley.templates import MAX_LENGTH, Refused, compiled


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("a {{ colour }} star", {"colour": "red"}, "a red star"),
        ("{{ n }}, {{ x }}, {{ yes }}", {"n": 3, "x": 0.5, "yes": True}, "3, 0.5, True"),
        ("{{ a | upper }} {{ a | default('b') }}", {"a": "x"}, "X x"),
        ("{% if n > 1 %}many{% else %}one{% endif %}", {"n": 2}, "many"),
        ("{{ 'many' if n > 1 else 'one' }}", {"n": 1}, "one"),
        ("{{ a ~ '-' ~ b }}", {"a": "x", "b": 1}, "x-1"),
        ("  {{ a }}\n", {"a": "x"}, "x"),
        ("<{{ a }}>", {"a": "<&>"}, "<<&>>"),
        ("no variables }}", {}, "no variables }}"),
        ("{{ a }}", {"a": "{{ b }}"}, "{{ b }}"),
    ],
)
def test_what_templates_can_do(text: str, values: dict[str, str | int | float], expected: str) -> None:
    assert compiled(text).render(values) == expected


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{% for x in 'abc' %}{{ x }}{% endfor %}", "For"),
        ("{% set x = 1 %}", "Assign"),
        ("{% macro m() %}{% endmacro %}", "Macro"),
        ("{% include 'x' %}", "Include"),
        ("{% import 'x' as y %}", "Import"),
        ("{{ a.b }}", "Getattr"),
        ("{{ a['b'] }}", "Getitem"),
        ("{{ ''.__class__.__mro__ }}", "Getattr"),
        ("{{ range(9) }}", "Call"),
        ("{{ 9 ** 999999999 }}", "Pow"),
        ("{{ 'x' * 999999999 }}", "Mul"),
        ("{{ a | replace('', 'xxxx') }}", "replace"),
        ("{{ a | attr('b') }}", "attr"),
        ("{{ a | nosuch }}", "nosuch"),
        ("{{ a is callable }}", "callable"),
        ("{{ a", "not a template"),
        ("{% if a %}", "not a template"),
        ("{{ " + "(" * 5000 + "a" + ")" * 5000 + " }}", "deeply"),
        ("x" * (MAX_LENGTH + 1), "at most"),
    ],
)
def test_what_templates_cannot_do(text: str, what: str) -> None:
    began = time.monotonic()
    with pytest.raises(Refused, match=what):
        compiled(text)
    assert time.monotonic() - began < 2


def test_a_missing_variable_is_an_error() -> None:
    assert compiled("{{ a }} {{ b }}").names == {"a", "b"}
    with pytest.raises(Refused, match="'b' is undefined"):
        compiled("{{ a }} {{ b }}").render({"a": 1})


@given(st.text(alphabet=st.sampled_from("{}%#|()'\"ab ~if.[]=-+*\n"), max_size=40), st.text(max_size=5))
def test_any_text_is_a_template_or_refused(text: str, value: str) -> None:
    try:
        template = compiled(text)
        assert isinstance(template.render(dict.fromkeys(template.names, value)), str)
    except Refused:
        pass
