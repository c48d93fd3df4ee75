"""Record: from what lies in the store to the catalog, ``report.json`` and the contact sheet.

Everything is read from the store and may be recorded again: the same objects give the same rows. A run whose tasks
failed is recorded too, with what it has, as ``failed``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Literal

from pydantic import Field

from galley.atomic_file import write_atomically
from galley.catalog.facade import Catalog
from galley.catalog.rows import RunInfo
from galley.compliance.inputs import job_results
from galley.compliance.policy import PolicySet
from galley.errors import ObjectNotFound
from galley.items import Frozen, Job, Result, State, Verdict
from galley.ledger import key_below, read_verdicts
from galley.publishing.disposition import Disposition, decisive, index
from galley.publishing.releases import latest, release_key
from galley.settings import Settings
from galley.stages.plan import PROMPTS, PUBLISH
from galley.stages.run import RunFiles, RunRecord
from galley.storage.zones import Zones
from galley.ui.contact_sheet import render
from galley.ui.sheets import sheet_of

CUT = "the prompt is longer than the text encoder reads: its end was left out"
"""The warning of such items."""


class ReportLine(Frozen):
    """A brief's variant and how many of its items stand where."""

    brief: str
    variant: str
    states: dict[State, int]


class Report(Frozen):
    """``report.json``: how a run ended.

    Attributes:
        state: named as in Airflow.
        counts: state to number of items.
        table: in the order of the briefs.
        rejects: rows that became no item.
        reused: requests whose artifact an earlier run had made.
        warnings: what was ignored or cut, with the number of rows.
        release_uri: of the release that counts; empty where nothing was ever released.
        sheet: path of the contact sheet on the machine that recorded the run.
        seed: of a form's run, to be given back to make the same again.
    """

    run: str
    dag_id: str
    run_id: str
    content_date: date
    state: Literal["success", "failed"]
    counts: dict[State, int] = Field(default={})
    table: tuple[ReportLine, ...] = ()
    rejects: int = 0
    reused: int = 0
    warnings: dict[str, int] = Field(default={})
    release_uri: str = ""
    sheet: str = ""
    seed: int | None = None

    @property
    def complete(self) -> bool:
        """Whether every item ended published, held or blocked (or withdrawn), and no row was rejected."""
        lost = self.counts.get("failed", 0) + self.counts.get("pending", 0)
        return self.state == "success" and not lost and not self.rejects


def info_of(record: RunRecord) -> RunInfo:
    """A run that is under way, as the catalog lists it."""
    return RunInfo(
        run=record.run,
        dag_id=record.dag_id,
        run_id=record.run_id,
        content_date=record.content_date,
        started=record.started,
    )


def record_run(
    files: RunFiles, settings: Settings, zones: Zones, catalog: Catalog, now: datetime, *, succeeded: bool = True
) -> Report:
    """Record a run; returns what ``report.json`` says.

    Args:
        files: the run.
        settings: where reports go.
        zones: published (the release and what it names) and work.
        catalog: where to record.
        now: when this is, aware.
        succeeded: whether all tasks before did.
    """
    record = files.record()
    state: Literal["success", "failed"] = "success" if succeeded else "failed"
    info = info_of(record).model_copy(update={"finished": now, "state": state})
    job = files.read(f"jobs/{PUBLISH}/job.json", Job) if files.plan() is not None else None
    release = latest(zones.published, files.run)
    uri = f"{zones.published.url}/{release_key(files.run, release.number)}" if release else ""
    catalog.record_finished(
        info,
        items=files.items(),
        rejects=files.rejects(),
        results=_results(files, job),
        verdicts=_verdicts(files, job),
        dispositions=dispositions(files),
        release=release,
        release_uri=uri,
        arms=record.arms,
    )
    # What a person decided meanwhile: its release was recorded before what the publisher said, which is older.
    while (newer := latest(zones.published, files.run)) is not None and (not release or newer.number > release.number):
        release, uri = newer, f"{zones.published.url}/{release_key(files.run, newer.number)}"
        catalog.record_release(newer, uri)
    plan = files.plan()
    lines = _table(files.run, catalog)
    path = settings.home / "reports" / f"{files.run}.html"
    report = Report(
        run=record.run,
        dag_id=record.dag_id,
        run_id=record.run_id,
        content_date=record.content_date,
        state=state,
        counts=_summed(line.states for line in lines),
        table=lines,
        rejects=record.rejects,
        reused=plan.reused if plan else 0,
        warnings=record.warnings | _cut(files.run, catalog),
        release_uri=uri,
        sheet=str(path),
        seed=record.seed,
    )
    page = render(sheet_of(report, files, zones, catalog)).encode()
    files.work.put(files.key("contact-sheet.html"), page)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, page)
    files.write("report.json", report)
    return report


def report_now(files: RunFiles, catalog: Catalog) -> Report:
    """A recorded run's report with the counts and the release of this moment: people decide on items after its end.

    Raises `NotInCatalog` where the run is not recorded.
    """
    info, release = catalog.run(files.run), catalog.latest_release(files.run)
    # A record that was killed half-way has left no report; what is in the catalog counts.
    report = files.read("report.json", Report) or Report(
        run=info.run, dag_id=info.dag_id, run_id=info.run_id, content_date=info.content_date, state="failed"
    )
    lines = _table(files.run, catalog)
    counts = _summed(line.states for line in lines)
    uri = release[1] if release else report.release_uri
    return report.model_copy(update={"table": lines, "counts": counts, "release_uri": uri})


def dispositions(files: RunFiles) -> Iterator[Disposition]:
    """What the publish job said of each item, streamed; nothing where it has not run."""
    return files.lines(f"jobs/{PUBLISH}/outcome.jsonl", Disposition)


def _table(run: str, catalog: Catalog) -> tuple[ReportLine, ...]:
    return tuple(
        ReportLine(brief=arm.brief, variant=arm.variant, states={s: n for s, n in arm.states.items() if n})
        for arm in catalog.counts(run)
    )


def _cut(run: str, catalog: Catalog) -> dict[str, int]:
    """The warning of prompts whose end no model saw, where there are such."""
    number = catalog.truncated(run)
    return {CUT: number} if number else {}


def _results(files: RunFiles, job: Job | None) -> Iterator[Result]:
    return job_results(job, files.work) if job is not None else iter(())


def _verdicts(files: RunFiles, job: Job | None) -> Iterator[Verdict]:
    """Per subject and present policy the verdict that publishing goes by."""
    try:
        policies = PolicySet.from_bytes(files.work.get(files.key("policies.json")))
    except ObjectNotFound:
        return
    prefixes = [files.key("jobs", PROMPTS, "verdicts")]
    if job is not None:
        prefixes = [key_below(files.work, uri) for role, uri in sorted(job.inputs.items()) if "verdicts" in role]
    found = index(line for prefix in prefixes for line in read_verdicts(files.work, prefix).lines.values())
    present = set(policies.digests().values())
    for (_, _, policy), verdicts in sorted(found.items()):
        verdict = decisive(verdicts) if policy in present else None
        if verdict is not None:
            yield verdict


def _summed(states: Iterator[Mapping[State, int]]) -> dict[State, int]:
    total: dict[State, int] = {}
    for each in states:
        for state, number in each.items():
            total[state] = total.get(state, 0) + number
    return total
