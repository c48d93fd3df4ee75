"""``galley experiment``, ``exposure`` and ``outcome``: what came of each arm."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from galley.output import Format, FormatOption, console, print_jsonl, print_table

if TYPE_CHECKING:
    from galley.catalog.facade import Catalog
    from galley.experiments.imports import Imported
    from galley.experiments.report import Comparison, ExperimentReport

app = typer.Typer(help="Compare arms; import exposures and outcomes.", no_args_is_help=True)
exposure_app = typer.Typer(help="Record that people saw content.", no_args_is_help=True)
outcome_app = typer.Typer(help="Record what came of content.", no_args_is_help=True)

SHOWN_REJECTS = 20
"""Rejected lines an import prints; `galley rejects --import FILE` prints all."""

FileArgument = Annotated[Path, typer.Argument(metavar="FILE.csv", help="Comma-separated, UTF-8, columns named.")]
When = Annotated[
    str, typer.Option("--timestamp", metavar="TIME", help="ISO 8601, without an offset UTC; default: now.")
]


def _open() -> Catalog:
    from galley.catalog.facade import Catalog
    from galley.settings import Settings

    return Catalog.open(Settings().catalog_url)


@app.command("experiment")
def experiment(
    name: Annotated[str, typer.Argument(metavar="NAME", help="`experiment:` of a brief, else the brief's name.")],
    control: Annotated[str, typer.Option("--control", metavar="ARM", help="Default: the brief's first arm.")] = "",
    output: FormatOption = Format.table,
) -> None:
    """Show what became of each arm's items, and how the arms differ in every number."""
    from galley.experiments.report import report

    with _open() as catalog:
        found = report(catalog, name, control=control)
    if output is Format.jsonl:
        print_jsonl(found.lines())
    else:
        _print(found)


@exposure_app.callback()
def exposure() -> None:
    """Record that people saw content."""


@exposure_app.command("import")
def exposure_import(path: FileArgument, output: FormatOption = Format.table) -> None:
    """Record every line of a file once: user_id, timestamp, item_id (or experiment_id and variation_id).

    Exit status 3 where a line was rejected; the others are recorded.
    """
    from galley.experiments.exposures import import_exposures

    with _open() as catalog:
        _imported(catalog, path, import_exposures(catalog, path), output)


@exposure_app.command("add")
def exposure_add(
    user: Annotated[str, typer.Option("--user", metavar="ID", help="Who saw it.")],
    item: Annotated[str, typer.Option("--item", metavar="ITEM", help="Item id, or a unique beginning of it.")] = "",
    experiment_id: Annotated[str, typer.Option("--experiment", metavar="NAME", help="Without an item.")] = "",
    variation_id: Annotated[str, typer.Option("--variation", metavar="ARM", help="Without an item.")] = "",
    timestamp: When = "",
) -> None:
    """Record one exposure."""
    from galley.experiments.exposures import add_exposure

    with _open() as catalog:
        item_id = catalog.find_item(item).item.item_id if item else None
        new = add_exposure(
            catalog, user, _time(timestamp), item_id, experiment_id=experiment_id, variation_id=variation_id
        )
    typer.echo("recorded" if new else "known already")


@outcome_app.callback()
def outcome() -> None:
    """Record what came of content."""


@outcome_app.command("import")
def outcome_import(path: FileArgument, output: FormatOption = Format.table) -> None:
    """Record every number of a file once: item_id, and metric and value or a column per metric.

    Optional columns: timestamp, user_id. Exit status 3 where a line was rejected; the others are recorded.
    """
    from galley.experiments.outcomes import import_outcomes

    with _open() as catalog:
        _imported(catalog, path, import_outcomes(catalog, path), output)


@outcome_app.command("add")
def outcome_add(
    item: Annotated[str, typer.Option("--item", metavar="ITEM", help="Item id, or a unique beginning of it.")],
    metric: Annotated[str, typer.Option("--metric", metavar="NAME", help="What was counted or measured.")],
    value: Annotated[float, typer.Option("--value", metavar="NUMBER", help="How much.")],
    user: Annotated[str, typer.Option("--user", metavar="ID", help="Of whom.")] = "",
    timestamp: When = "",
) -> None:
    """Record one outcome."""
    from galley.experiments.outcomes import add_outcome

    with _open() as catalog:
        item_id = catalog.find_item(item).item.item_id
        new = add_outcome(catalog, item_id, metric, value, _time(timestamp), user)
    typer.echo("recorded" if new else "known already")


app.add_typer(exposure_app, name="exposure")
app.add_typer(outcome_app, name="outcome")


def _time(text: str) -> datetime:
    from galley.experiments import fields

    return fields.timestamp(text) if text else datetime.now(UTC)


def _imported(catalog: Catalog, path: Path, done: Imported, output: Format) -> None:
    """Say what became of a file: counts, and the lines that were not taken."""
    from itertools import islice

    rejects = catalog.import_rejects(str(path))
    if output is Format.jsonl:
        counts = {"rows": done.rows, "recorded": done.recorded, "known": done.known, "rejected": done.rejected}
        print_jsonl([{"type": "import", "source": str(path), **counts}])
        print_jsonl({"type": "reject", **reject.public()} for reject in rejects)
    else:
        typer.echo(f"{path}: {done.rows} lines, {done.recorded} recorded, {done.known} known, {done.rejected} rejected")
        if done.rejected:
            shown = [(each.line, each.field, each.value, each.rule) for each in islice(rejects, SHOWN_REJECTS)]
            print_table(("line", "field", "value", "rule"), shown, nothing="")
            if done.rejected > SHOWN_REJECTS:
                typer.echo(f"… and {done.rejected - SHOWN_REJECTS} more: galley rejects --import {path}")
    if done.rejected:
        raise typer.Exit(3)


def _print(found: ExperimentReport) -> None:
    from rich.markup import escape

    from galley.experiments.facts import FUNNEL

    target = console()
    for warning in found.warnings:
        target.print(f"[bold red]warning[/bold red] {escape(warning)}")
    columns = ("arm", *FUNNEL, "s / published", "users")
    rows = []
    for arm in found.arms:
        steps = [f"{arm.counts[step]} ({arm.share(step):.0%})" for step in FUNNEL[1:]]
        cost = _number(arm.seconds_per_published)
        rows.append((arm.variant, arm.counts["assigned"], *steps, cost, arm.users))
    print_table(columns, rows, nothing="", title=f"{found.experiment}: items per arm, shares of those assigned")
    ratio = found.exposure_ratio
    if ratio is not None:
        said = "too few exposures to tell" if ratio.p is None else f"p = {ratio.p:.3g}"
        target.print(f"Sample ratio of exposures: {said}{', MISMATCH' if ratio.mismatch else ''}")
    telling = [row for row in found.comparisons if not _same(row)]
    print_table(
        ("number", "of", found.control, "arm", "mean", "difference", "95 % interval", "how"),
        (_comparison_cells(row, trusted=ratio is None or not ratio.mismatch) for row in telling),
        nothing="The arms differ in no number." if found.comparisons else "There is one arm only, nothing to compare.",
        title="Means per unit, and what each arm differs by; * where the interval leaves out 0",
    )
    if alike := len(found.comparisons) - len(telling):
        target.print(f"{alike} more are the same in all units; --format jsonl prints them", style="dim")
    if telling:
        target.print(
            "The intervals are for one look at a fixed sample, and of many numbers about one in twenty lies outside "
            "its interval by chance. Numbers of assigned units count 0 where nothing came; those of measured units "
            "leave such units out.",
            style="dim",
        )


def _same(row: Comparison) -> bool:
    """Whether the arms have one and the same value in all units: a safety checker alone has two dozen such scores."""
    found = row.difference
    return found is not None and found.difference == found.low == found.high == 0


def _comparison_cells(row: Comparison, *, trusted: bool) -> tuple[str, ...]:
    """A line of the table. A star needs exposures that are split as intended, and numbers that vary at all."""
    found = row.difference
    interval = "" if found is None or found.low is None else f"{_number(found.low)} … {_number(found.high)}"
    clear = False
    if trusted and found is not None and found.low is not None and found.high is not None:
        clear = found.low < found.high and not found.low <= 0 <= found.high
    return (
        f"{row.source}: {row.metric}",
        row.denominator,
        f"{_number(row.control_mean)} (n {row.control_n})",
        row.treatment,
        f"{_number(row.treatment_mean)} (n {row.treatment_n})",
        "" if found is None else _number(found.difference),
        interval + (" *" if clear else ""),
        "" if found is None else f"{found.method}, n {found.n}",
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
