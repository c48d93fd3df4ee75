"""``galley review`` and ``galley withdraw``: what people decide about single items."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from galley.output import Format, FormatOption, print_jsonl, print_table

if TYPE_CHECKING:
    from galley.catalog.rows import CatalogItem
    from galley.publishing.review import Decided
    from galley.storage.zones import Zones

app = typer.Typer(help="List what is held; approve or reject it.", invoke_without_command=True)


Items = Annotated[list[str], typer.Argument(help="Item ids, or unique beginnings of them.", metavar="ITEM…")]
By = Annotated[str, typer.Option("--by", help="Who decides; recorded in the release.", metavar="WHO")]
Note = Annotated[str, typer.Option("--note", help="Why; recorded in the release.")]
InRun = Annotated[str | None, typer.Option("--run", help="Only items of this run.", metavar="RUN")]


@app.callback()
def review(context: typer.Context, run: InRun = None, output: FormatOption = Format.table) -> None:
    """List what is held; approve or reject it.

    Each decision writes the run's next release at once. `galley fetch URI` shows a held item's bytes.
    """
    if context.invoked_subcommand is not None:
        return
    from galley.catalog.facade import Catalog
    from galley.settings import Settings

    with Catalog.open(Settings().catalog_url) as catalog:
        held = catalog.held_items(run)
        if output is Format.jsonl:
            print_jsonl(_public(item) for item in held)
        else:
            columns = ("item", "brief", "variant", "kind", "why", "prompt", "bytes")
            print_table(columns, (_cells(item) for item in held), nothing="Nothing is held.")


@app.command()
def approve(items: Items, by: By, note: Note = "", run: InRun = None, output: FormatOption = Format.table) -> None:
    """Publish held items; their quarantined bytes are verified and marked first."""
    from galley.publishing.review import approve as decide

    _each(items, run, note, by, output, lambda zones, of, item: decide(zones, of, item, by=by, note=note))


@app.command()
def reject(items: Items, by: By, note: Note = "", run: InRun = None, output: FormatOption = Format.table) -> None:
    """Block held items for good."""
    from galley.publishing.review import reject as decide

    _each(items, run, note, by, output, lambda zones, of, item: decide(zones, of, item, by=by, note=note))


def withdraw(
    items: Items,
    by: By,
    reason: Annotated[str, typer.Option("--reason", help="Why; recorded in the release.")],
    run: InRun = None,
    output: FormatOption = Format.table,
) -> None:
    """Take published items back; the next release no longer lists them."""
    from galley.publishing.review import withdraw as decide

    _each(items, run, reason, by, output, lambda zones, of, item: decide(zones, of, item, by=by, reason=reason))


def _each(
    prefixes: list[str],
    run: str | None,
    note: str,
    by: str,
    output: Format,
    decide: Callable[[Zones, str, str], Decided],
) -> None:
    """Decide on every item, release first and catalog second; one that cannot be decided does not stop the others."""
    from galley.catalog.facade import Catalog
    from galley.errors import GalleyError
    from galley.settings import Settings
    from galley.storage.zones import Zones

    settings = Settings()
    zones = Zones.from_settings(settings)
    failed = False
    with Catalog.open(settings.catalog_url) as catalog:
        for prefix in prefixes:
            try:
                found = catalog.find_item(prefix, run).item
                done = decide(zones, found.run, found.item_id)
                catalog.record_review(found.item_id, done.action, by, note, release=done.release)
                catalog.record_release(done.latest, done.latest_uri)
            except GalleyError as error:
                failed = True
                typer.echo(str(error), err=True)
                continue
            line = {
                "item_id": done.item_id,
                "action": done.action,
                "state": done.state,
                "release": done.release,
                "release_uri": done.latest_uri,
                "uri": done.entry.uri if done.entry else None,
                "sha256": done.entry.sha256 if done.entry else None,
            }
            if output is Format.jsonl:
                print_jsonl([line])
            else:
                typer.echo(f"{done.item_id}  {done.state}  release {done.release}  {line['uri'] or ''}".rstrip())
    if failed:
        raise typer.Exit(1)


def _public(found: CatalogItem) -> dict[str, Any]:
    request = found.item.request
    return {
        **found.public(),
        "run": found.item.run,
        "content_date": found.item.content_date.isoformat(),
        "prompt": request.screened_text,
        "params": request.told(),
    }


def _cells(found: CatalogItem) -> tuple[str, ...]:
    from galley.complaints import printable

    verdict = found.verdict
    reasons = [reason for reason in verdict.reasons if reason["decision"] != "allow"] if verdict else []
    why = "; ".join(f"{reason['subject']}: {reason['check']}: {reason['detail']}" for reason in reasons[:3])
    more = f" (+{len(reasons) - 3})" if len(reasons) > 3 else ""
    item = found.item
    prompt = printable(item.request.screened_text)
    return (
        item.item_id,
        item.brief,
        item.variant,
        item.request.kind,
        (printable(why) or "no verdict") + more,
        prompt,
        found.uri or "",
    )
