"""``galley runs``, ``items``, ``rejects``, ``fetch``, ``export`` and ``db``: what is recorded, and getting it out."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from galley.output import Format, FormatOption, print_jsonl, print_table

if TYPE_CHECKING:
    from galley.catalog.facade import Catalog
    from galley.catalog.rows import CatalogItem

app = typer.Typer(help="Runs, items and rejects; getting content out.", no_args_is_help=True)
db_app = typer.Typer(help="The catalog's database.", no_args_is_help=True)

RunOption = Annotated[
    str, typer.Option("--run", metavar="RUN", help="A run's name, an unambiguous beginning of it, or latest.")
]


class StateChoice(StrEnum):
    """Where an item stands."""

    pending = "pending"
    published = "published"
    held = "held"
    blocked = "blocked"
    failed = "failed"
    withdrawn = "withdrawn"


class ExportChoice(StrEnum):
    """What to export as."""

    csv = "csv"
    imagefolder = "imagefolder"
    openai_batch = "openai-batch"


def open_catalog() -> Catalog:
    """The catalog that the environment names."""
    from galley.catalog.facade import Catalog
    from galley.settings import Settings

    return Catalog.open(Settings().catalog_url)


@app.command("runs")
def runs(output: FormatOption = Format.table) -> None:
    """List all runs, oldest first, with their items per state and rejected rows."""
    from galley.catalog.models import STATES

    with open_catalog() as catalog:
        found = catalog.runs()
    if output is Format.jsonl:
        print_jsonl(summary.public() for summary in found)
        return
    columns = ("run", "date", "started", "state", *STATES, "rejected")
    rows = (
        (
            summary.info.run,
            summary.info.content_date,
            f"{summary.info.started:%Y-%m-%d %H:%M}",
            summary.info.state,
            *(summary.counts[name] or "" for name in (*STATES, "rejected")),
        )
        for summary in found
    )
    print_table(columns, rows, nothing="No run has been recorded yet; make run makes one.")


@app.command("items")
def items(
    run: RunOption = "latest",
    state: Annotated[list[StateChoice] | None, typer.Option("--state", help="Only items in this state.")] = None,
    output: FormatOption = Format.table,
) -> None:
    """List a run's items: where they stand, their verdicts, and where their bytes are."""
    with open_catalog() as catalog:
        name = catalog.find_run(run)
        found = catalog.items(name, states=[choice.value for choice in state or ()])
        if output is Format.jsonl:
            print_jsonl(item.public() for item in found)
            return
        columns = ("item", "custom_id", "brief", "variant", "kind", "state", "why", "uri")
        print_table(columns, map(_item_cells, found), nothing=f"Run {name} has no such items.", title=name)


@app.command("rejects")
def rejects(
    run: RunOption = "latest",
    imported: Annotated[
        str | None,
        typer.Option("--import", metavar="FILE", help="Instead: lines of an imported file of exposures or outcomes."),
    ] = None,
    output: FormatOption = Format.table,
) -> None:
    """List the rows that became no item, each with its line, field, value and the rule it breaks."""
    with open_catalog() as catalog:
        found = catalog.rejects(catalog.find_run(run)) if imported is None else catalog.import_rejects(imported)
        lines: Iterator[dict[str, Any]] = (reject.public() for reject in found)
        if output is Format.jsonl:
            print_jsonl(lines)
            return
        columns = ("source", "line", "field", "value", "rule")
        print_table(columns, (tuple(line.values()) for line in lines), nothing="No row was rejected.")


@app.command("stats")
def stats(run: RunOption = "latest", output: FormatOption = Format.table) -> None:
    """Show what each generation job of a run did: rows of its forwards, rates, memory."""
    from galley.job_stats import PUBLIC, read_stats
    from galley.settings import Settings
    from galley.storage.zones import Zones

    with open_catalog() as catalog:
        name = catalog.find_run(run)
    lines = (job.public() for job in read_stats(Zones.from_settings(Settings()).work, name))
    if output is Format.jsonl:
        print_jsonl(lines)
        return
    rounded = ((f"{cell:.4g}" if isinstance(cell, float) else cell for cell in line.values()) for line in lines)
    print_table(PUBLIC, map(tuple, rounded), nothing=f"Run {name} has generated nothing.", title=name)


@app.command("fetch")
def fetch(uri: Annotated[str, typer.Argument(metavar="URI", help="As galley items shows it.")]) -> None:
    """Write an object's bytes to standard output, after checking them against the sha256 the catalog has."""
    from galley.errors import InputError
    from galley.settings import Settings
    from galley.storage.zones import Zones

    settings = Settings()
    with open_catalog() as catalog:
        sha256 = catalog.known_sha256(uri)
    data = Zones.from_settings(settings).read(uri, sha256)
    if sys.stdout.isatty() and b"\0" in data[:8192]:
        raise InputError(uri, "", "", "is no text, and standard output is a terminal; galley fetch URI > FILE")
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


@app.command("export")
def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's name, a beginning of it, or latest.")],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="New or empty directory.")],
    form: Annotated[ExportChoice, typer.Option("--format", help="What to write.")],
) -> None:
    """Write a run into a directory: a table, an image dataset, or a batch's output and error files."""
    from galley.catalog.export import export as write
    from galley.settings import Settings
    from galley.storage.zones import Zones

    zones = Zones.from_settings(Settings())
    with open_catalog() as catalog:
        name = catalog.find_run(run)
        done = write(catalog, name, directory, form.value, zones.read)
    wrote = ", ".join(f"{what}: {count}" for what, count in done.files.items())
    typer.echo(f"{directory}  {wrote}", err=True)
    if done.left_out:
        why = {
            ExportChoice.imagefolder: "published items are no images; --format csv has texts",
            ExportChoice.openai_batch: "rejected rows had no custom_id to answer; galley rejects lists them",
        }
        typer.echo(f"{done.left_out} {why[form]}", err=True)


@db_app.callback()
def db() -> None:
    """The catalog's database."""


@db_app.command("migrate")
def migrate() -> None:
    """Bring the catalog's schema to this version; an SQLite catalog is copied aside first."""
    from galley.catalog import database
    from galley.settings import Settings

    engine = database.make_engine(Settings().catalog_url)
    try:
        before, after = database.upgrade(engine)
    finally:
        engine.dispose()
    typer.echo(f"{before or 'empty'} -> {after}" if before != after else f"{after}: nothing to do")


def _item_cells(item: CatalogItem) -> Sequence[object]:
    of = item.item
    return (of.item_id, of.custom_id, of.brief, of.variant, of.request.kind, item.state, _why(item), item.uri)


def _why(item: CatalogItem) -> str:
    """Why an item is not published, in few words."""
    if item.state == "published":
        return f"approved by {item.approved_by}" if item.approved_by else ""
    if item.state == "failed":
        return f"{item.generation.failure_kind}: {item.generation.failure_message}" if item.generation else "never made"
    verdict = item.verdict
    strict = [reason for reason in verdict.reasons if reason["decision"] != "allow"] if verdict else []
    # Prompt and artifact may have been held for the same.
    return "; ".join(list(dict.fromkeys(f"{reason['check']}: {reason['detail']}" for reason in strict))[:2])
