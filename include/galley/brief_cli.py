"""``galley brief``: look at a brief before anything is run."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from galley.output import Format, FormatOption, console

if TYPE_CHECKING:
    from galley.brief_files import LoadedBrief
    from galley.items import Item, Kind, ResolvedModel
    from galley.settings import Settings

app = typer.Typer(help="Check briefs; print their schema.", no_args_is_help=True)


@app.callback()
def brief() -> None:
    """Check briefs; print their schema."""


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of briefs, as include/briefs/brief.schema.json has it."""
    from galley.briefs import brief_schema

    typer.echo(json.dumps(brief_schema(), indent=2, ensure_ascii=False))


@app.command("check")
def check(
    path: Annotated[Path, typer.Argument(help="A brief, or a directory of briefs.", metavar="PATH")],
    day: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="Content date to expand for; default: today."),
    ] = None,
    show: Annotated[int, typer.Option(min=0, max=1000, help="How many expanded prompts to show per brief.")] = 3,
    output: FormatOption = Format.table,
) -> None:
    """Validate briefs, show their first prompts and how many items they make, and run nothing.

    Exit status 1 where a brief, or a row of one, is wrong.
    """
    from zoneinfo import ZoneInfo

    from galley.settings import Settings

    settings = Settings()
    content_date = day.date() if day else datetime.now(ZoneInfo(settings.timezone)).date()
    reports = check_path(path, content_date=content_date, settings=settings, show=show)
    for report in reports:
        if output is Format.jsonl:
            typer.echo(json.dumps(report.as_json(), ensure_ascii=False))
        else:
            _print(report)
    if any(report.errors for report in reports):
        raise typer.Exit(1)


@dataclass
class Report:
    """What there is to say of one brief.

    Attributes:
        source: the file.
        loaded: None where the brief is wrong as a whole.
        content_date: what it was expanded for.
        variants: items per variant.
        first: the first items.
        errors: source, line, field, value and rule of each.
        notes: what is worth knowing and no error.
    """

    source: str
    content_date: date
    loaded: LoadedBrief | None = None
    variants: Counter[str] = field(default_factory=Counter)
    first: list[Item] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """One line of ``--format jsonl``."""
        from galley.briefs import due

        brief = self.loaded.brief if self.loaded else None
        return {
            "source": self.source,
            "ok": not self.errors,
            "brief": brief.name if brief else None,
            "kind": brief.kind if brief else None,
            "cadence": brief.cadence if brief else None,
            "content_date": self.content_date.isoformat(),
            "due": due(brief, self.content_date) if brief else None,
            "items": self.variants.total(),
            "variants": dict(self.variants),
            "first": [
                {
                    "custom_id": item.custom_id,
                    "variant": item.variant,
                    "model": item.request.model,
                    "prompt": item.request.prompt,
                    "params": item.request.told(),
                    "seed": item.request.seed,
                }
                for item in self.first
            ],
            "errors": self.errors,
            "notes": self.notes,
        }


def check_path(path: Path, *, content_date: date, settings: Settings, show: int) -> list[Report]:
    """A report for the brief at ``path``, or for every brief of the directory there. Runs nothing, loads no model."""
    from galley.brief_files import load_brief, load_briefs
    from galley.complaints import reject
    from galley.errors import InputError

    if path.is_dir():
        briefs, rejects = load_briefs(path, relative_to=Path() if not path.is_absolute() else None)
    else:
        briefs, rejects = [], []
        try:
            briefs.append(load_brief(path))
        except InputError as error:
            rejects.append(reject(str(path), None, error))
    reports = [Report(found.source, content_date, errors=[found.public()]) for found in rejects]
    reports += [_report(loaded, content_date, settings, show) for loaded in briefs]
    if not reports:
        nothing = {"source": str(path), "line": None, "field": "", "value": "", "rule": "has no briefs (*.yaml)"}
        reports.append(Report(str(path), content_date, errors=[nothing]))
    return sorted(reports, key=lambda report: report.source)


def _report(loaded: LoadedBrief, content_date: date, settings: Settings, show: int) -> Report:
    from galley.complaints import reject
    from galley.errors import InputError, ModelError
    from galley.expansion import expand
    from galley.items import Reject, ResolvedModel
    from galley.models import Models
    from galley.stages.pictures import check_name

    report = Report(loaded.source, content_date, loaded)
    brief = loaded.brief
    policy = settings.policies_dir / f"{brief.policy}.yaml"
    try:
        if not policy.is_file():
            raise loaded.error(("policy",), brief.policy, f'is not a policy: there is no file "{policy}"')
        models = Models.from_settings(settings)

        def resolve(name: str, kind: Kind) -> ResolvedModel:
            found = models.locate(name, kind)
            if found.entry.kind != kind:
                raise ModelError(f'model "{found.name}" makes {found.entry.kind}, not {kind}')
            if not found.directory.is_dir():
                note = (
                    f'model "{found.name}" is not on this machine yet; a run needs it: galley models pull {found.name}'
                )
                report.notes.extend([note] if note not in report.notes else [])
            # Checking runs nothing, so that the files need not be read and digested; no key is made of this.
            return ResolvedModel(
                name=found.name,
                kind=kind,
                digest="0" * 64,
                engine=found.entry.engine,
                defaults=dict(found.entry.params),
            )

        def named(name: str) -> str:
            check_name(name)  # whether the inbox has it is the run's to see
            return "0" * 64

        for made in expand(loaded, run="check", content_date=content_date, resolve_model=resolve, resolve_image=named):
            if isinstance(made, Reject):
                report.errors.append(made.public())
                continue
            report.variants[made.variant] += 1
            if len(report.first) < show:
                report.first.append(made)
    except InputError as error:
        report.errors.append(reject(loaded.source, None, error).public())
    return report


def _print(report: Report) -> None:
    from rich.markup import escape
    from rich.table import Table

    from galley.briefs import due

    target = console()
    if report.loaded is not None:
        brief = report.loaded.brief
        cadence = brief.cadence if isinstance(brief.cadence, str) else ", ".join(brief.cadence)
        today = "due" if due(brief, report.content_date) else "not due"
        arms = ", ".join(f"{name} {count}" for name, count in sorted(report.variants.items()))
        target.print(
            f"[bold]{escape(report.source)}[/bold]: brief {brief.name}, {brief.kind}, {cadence} "
            f"({today} on {report.content_date})"
        )
        target.print(f"  {report.variants.total()} items: {escape(arms) or 'none'}")
        if report.first:
            table = Table(box=None, pad_edge=True, show_edge=False)
            for column in ("custom_id", "variant", "model", "prompt", "seed"):
                table.add_column(column, overflow="fold", no_wrap=column == "custom_id")
            for item in report.first:
                request = item.request
                cells = (item.custom_id, item.variant, request.model, request.prompt, str(request.seed))
                table.add_row(*map(escape, cells))
            target.print(table)
    for note in report.notes:
        target.print(f"  [yellow]note[/yellow] {escape(note)}")
    for error in report.errors:
        where = error["source"] + (f", line {error['line']}" if error["line"] else "")
        what = f", {error['field']}" if error["field"] else ""
        value = f"'{error['value']}' " if error["value"] else ""
        target.print(f"  [red]error[/red] {escape(where)}{escape(what)}: {escape(value)}{escape(error['rule'])}")
