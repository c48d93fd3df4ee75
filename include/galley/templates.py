"""Prompt templates: Jinja2 that can fill in and choose, and nothing else.

Allowed are variables, texts, numbers, ``if``/``else`` (both forms), comparisons, ``~`` and the filters in `FILTERS`.
Loops, calls, attributes, macros, includes and arithmetic are refused: a brief may come from a form that many may use,
and a template of this kind runs in time linear in its size. An unknown variable is an error, never an empty text.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

import jinja2
from jinja2 import meta, nodes
from jinja2.sandbox import SandboxedEnvironment

MAX_LENGTH = 20_000
"""Characters of a template."""
FILTERS = frozenset(
    {"upper", "lower", "title", "capitalize", "trim", "default", "d", "string", "int", "round", "length"}
)
TESTS = frozenset(
    {"defined", "undefined", "none", "string", "number", "even", "odd", "eq", "ne", "lt", "le", "gt", "ge", "in"}
)

_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Filter, nodes.Keyword, nodes.If,
    nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Test, nodes.Concat, nodes.Neg,
    nodes.List, nodes.Tuple,
)  # fmt: skip
Scalar = str | int | float | bool


class Refused(ValueError):
    """A template that is not allowed; the message says what and where."""


@dataclass(frozen=True)
class Template:
    """A checked template.

    Attributes:
        text: as written.
        names: variables it needs.
    """

    text: str
    names: frozenset[str]
    _compiled: jinja2.Template | None = field(repr=False, compare=False)

    def render(self, values: Mapping[str, Scalar]) -> str:
        """Fill in; blanks around the result are cut. Raises `Refused` where a variable is missing."""
        if self._compiled is None:
            return self.text.strip()
        try:
            return self._compiled.render(values).strip()
        except (jinja2.TemplateError, TypeError, ValueError, OverflowError) as error:
            raise Refused(f"cannot be filled in: {error}") from error


@functools.cache
def _environment() -> SandboxedEnvironment:
    # Prompts are plain text for models, never HTML: escaping would change what is asked for.
    return SandboxedEnvironment(undefined=jinja2.StrictUndefined, autoescape=False)


@functools.lru_cache(maxsize=256)
def compiled(text: str) -> Template:
    """Check and compile a template. Raises `Refused`."""
    if len(text) > MAX_LENGTH:
        raise Refused(f"is a template of {len(text)} characters; at most {MAX_LENGTH} are allowed")
    if "{" not in text:
        return Template(text, frozenset(), None)
    environment = _environment()
    try:
        tree = environment.parse(text)
        for node in tree.find_all(nodes.Node):
            _check(node)
        names = frozenset(meta.find_undeclared_variables(tree))
        return Template(text, names, environment.from_string(text))
    except jinja2.TemplateSyntaxError as error:
        raise Refused(f"is not a template: {error.message} (line {error.lineno} of the template)") from error
    except jinja2.TemplateError as error:
        raise Refused(f"is not a template: {error}") from error
    except (RecursionError, MemoryError, OverflowError) as error:
        raise Refused("is a template that is nested too deeply") from error


def _check(node: nodes.Node) -> None:
    if not isinstance(node, _ALLOWED):
        raise Refused(
            f'uses "{type(node).__name__}" in a template; allowed are variables, if/else, comparisons, ~ and filters: '
            + ", ".join(sorted(FILTERS))
        )
    if isinstance(node, nodes.Name) and node.ctx != "load":
        raise Refused(f'sets "{node.name}"; templates may only read variables')
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        raise Refused(f'uses the filter "{node.name}"; allowed are {", ".join(sorted(FILTERS))}')
    if isinstance(node, nodes.Test) and node.name not in TESTS:
        raise Refused(f'uses the test "{node.name}"; allowed are {", ".join(sorted(TESTS))}')
