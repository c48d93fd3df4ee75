"""A measured figure of a starter model against its target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes:
        name: what was measured, for a person.
        value: what came out, in ``unit``.
        target: what it must reach, in ``unit``.
        better: whether a higher or a lower value is better; the target itself is good enough.
        unit: ``%`` for shares (value and target as 0-100), ``s``, ``AUC`` …, or "" for a plain number.
    """

    name: str
    value: float
    target: float
    better: Literal["higher", "lower"]
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether the target is reached; never for NaN."""
        return self.value >= self.target if self.better == "higher" else self.value <= self.target


def _number(value: float, unit: str) -> str:
    return f"{value:.1f} %" if unit == "%" else f"{value:.4g}" + (f" {unit}" if unit else "")


def markdown(figures: Sequence[Figure]) -> str:
    """A Markdown table of the figures, for a model card."""
    rows = ["| figure | measured | target | |", "|---|---|---|---|"]
    for figure in figures:
        sign = "≥" if figure.better == "higher" else "≤"
        verdict = "met" if figure.met else "not met"
        target = f"{sign} {_number(figure.target, figure.unit)}"
        rows.append(f"| {figure.name} | {_number(figure.value, figure.unit)} | {target} | {verdict} |")
    return "\n".join(rows)


def show(title: str, figures: Sequence[Figure], *, say: Callable[[str], None] = print) -> bool:
    """Print a table of the figures; True when all targets are met."""
    width = max([len(figure.name) for figure in figures], default=0)
    say(f"{title}")
    for figure in figures:
        sign = "≥" if figure.better == "higher" else "≤"
        value, target = _number(figure.value, figure.unit), _number(figure.target, figure.unit)
        say(f"  {figure.name:<{width}}  {value:>12}  {sign} {target:<10} {'met' if figure.met else 'NOT MET'}")
    return all(figure.met for figure in figures)
