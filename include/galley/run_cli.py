"""``galley run``: one DAG run, executed by Airflow itself, from preparation to the table of what became of it."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from galley.airflow.lock import RunLock
    from galley.items import State
    from galley.settings import Settings
    from galley.stages.record import Report
    from galley.ui.progress import LiveView, PlainView

COMPLETE, FAILED, PARTLY = 0, 1, 3
"""Exit status: all published, held or blocked and no row rejected; the run failed; some items or rows did."""
FIRST_DAY = date(2025, 1, 1)
"""``start_date`` of the DAGs (``dags/``): of a run before it Airflow makes no task, and calls it failed."""
_TAIL = 12


def run(
    brief: Annotated[
        Path | None, typer.Option("--brief", help="Run this brief instead of today's.", metavar="FILE.yaml")
    ] = None,
    requests: Annotated[
        Path | None, typer.Option("--requests", help="Run this request file instead.", metavar="FILE.jsonl")
    ] = None,
    day: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Content date; default: today.")
    ] = None,
    runtime: Annotated[
        str, typer.Option("--runtime", help="Where a brief does not say; default: GALLEY_RUNTIME, else process.")
    ] = "",
) -> None:
    """Make today's content, or what one file asks for, by a real Airflow run.

    The same again executes the same run again: what is made is kept, what is missing is made.

    Exit status 0: every item is published, held or blocked and no row was rejected. 3: some failed or were rejected,
    the table says which. 1: the run itself failed.
    """
    from rich.console import Console

    from galley.settings import Settings

    if brief and requests:
        raise typer.BadParameter("give --brief or --requests, not both")
    if runtime:
        os.environ["GALLEY_RUNTIME"] = runtime
    settings = Settings()
    console = Console(soft_wrap=not sys.stdout.isatty())
    arguments = _arguments(brief or requests, day.date() if day else None, must_be_brief=brief is not None)
    check_worker(settings)
    raise typer.Exit(execute(settings, arguments, console, runtime=runtime))


def execute(settings: Settings, arguments: list[str], console: Console, *, runtime: str = "") -> int:
    """Drive one run, in the Airflow that is up or in one of its own, and show it; returns the exit status.

    Args:
        settings: the installation.
        arguments: of `galley.airflow.drive`.
        console: where to show it.
        runtime: given for this run; an Airflow that is up has its own, and a warning says so.
    """
    from galley.airflow.environment import airflow_environment
    from galley.airflow.lock import LOCK, AirflowStands, acquire
    from galley.airflow.ports import free_port
    from galley.airflow.settings_file import load_airflow_settings

    extra = load_airflow_settings(settings.root / "airflow_settings.yaml").environment
    lock: RunLock | None
    try:
        lock = acquire(settings.home / LOCK, lambda line: console.print(line, style="yellow", highlight=False))
        port, stopping = free_port(), "stopping: jobs are being ended; the same command goes on from what is made"
    except AirflowStands as standing:
        lock, port = None, standing.owner.port
        console.print(f"the Airflow that is up at port {port} executes the run", highlight=False)
        if runtime:
            remedy = f"set it in a brief, or start that one anew: galley down, GALLEY_RUNTIME={runtime} galley up"
            typer.echo(f"warning: --runtime {runtime} is ignored, that Airflow has its own; {remedy}", err=True)
        stopping = f"no longer watched, the run goes on: http://127.0.0.1:{port}"
    try:
        with _driver(lock, airflow_environment(settings, port, extra=extra), arguments) as driver:
            return _follow(driver, settings, console, stopping)
    finally:
        if lock is not None:
            lock.release()


def _arguments(file: Path | None, day: date | None, *, must_be_brief: bool) -> list[str]:
    from galley.errors import InputError
    from galley.stages.sources import fingerprint, is_brief, local_path

    arguments = ["--dag-id", "on_demand_content" if file else "daily_content"]
    if day:
        if day < FIRST_DAY:
            rule = f"is before {FIRST_DAY}, where the DAGs begin; give that date or a later one"
            raise InputError("--date", "", day.isoformat(), rule)
        arguments += ["--date", day.isoformat()]
    if file:
        if not file.is_file():
            raise InputError(str(file), "", "", "is no file")
        path = local_path(file.absolute().as_uri())
        if is_brief(path.name) is not must_be_brief:
            other = "--brief" if is_brief(path.name) else "--requests"
            raise InputError(str(file), "", "", f"by its name it belongs to {other}")
        arguments += ["--source", path.as_uri(), "--sha256", fingerprint(path)]
    return arguments


def check_worker(settings: Settings) -> None:
    """Raises `InputError` where jobs could not run."""
    from galley.errors import InputError

    if not settings.worker_python.exists():
        rule = "is not there; run: make setup, or set GALLEY_WORKER_PYTHON to an interpreter that has galley[worker]"
        raise InputError("worker environment", "", str(settings.worker_python), rule)


@contextmanager
def _driver(lock: RunLock | None, environment: dict[str, str], arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    """The process that imports Airflow and drives the run, for as long as the block lasts."""
    ours = ["--lock-path", str(lock.path), "--lock-fds", *map(str, lock.fds)] if lock else []
    driver = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "galley.airflow.drive", *ours, *arguments],
        env=environment,
        pass_fds=lock.fds if lock else (),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    # Ended by `timeout`, a supervisor or a closed terminal: the run's processes and jobs end with us.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        yield driver
    except BaseException:
        driver.send_signal(signal.SIGTERM)
        raise
    finally:
        with suppress(KeyboardInterrupt):
            driver.wait()


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _follow(driver: subprocess.Popen[str], settings: Settings, console: Console, stopping: str) -> int:
    from galley.items import run_name
    from galley.stages.run import RunFiles
    from galley.storage import Zones
    from galley.ui.progress import LiveView, Made, PlainView

    events: queue.Queue[dict[str, Any] | None] = queue.Queue()
    threading.Thread(target=_read, args=(driver, events), daemon=True).start()
    view: LiveView | PlainView = (
        LiveView(console)
        if console.is_terminal
        else PlainView(lambda line: console.print(line, highlight=False, markup=False))
    )
    files: RunFiles | None = None
    end: dict[str, Any] = {}
    try:
        with view:
            while True:
                with suppress(queue.Empty):
                    event = events.get(timeout=0.15)
                    if event is None:
                        break
                    if event["event"] == "run":
                        name = run_name(event["dag_id"], event["run_id"])
                        files = RunFiles(Zones.from_settings(settings).work, name)
                        view.made = Made(files)
                    if event["event"] in ("end", "error"):
                        end = event
                        break
                    view.event(event)
                view.tick()
    except KeyboardInterrupt:
        console.print(stopping, style="yellow", highlight=False)
        raise typer.Exit(130) from None
    return _conclude(end, files, console)


def _read(driver: subprocess.Popen[str], events: queue.Queue[dict[str, Any] | None]) -> None:
    if driver.stdout is not None:
        for line in driver.stdout:
            with suppress(ValueError):
                events.put(json.loads(line))
    events.put(None)


def _conclude(end: dict[str, Any], files: Any, console: Console) -> int:
    from galley.stages.record import Report

    if end.get("event") == "error" or not end:
        why = (
            end.get("text")
            or "the process that drives Airflow ended without a word; see airflow/logs/drive.log in GALLEY_HOME"
        )
        console.print(f"galley run: {why}", style="red", highlight=False, markup=False)
        return FAILED
    report = files.read("report.json", Report) if files is not None else None
    failures = [failure for failure in end["failures"] if failure["task"] != "record"] or end["failures"]
    for failure in failures:
        console.print(f"{failure['task']} failed (try {failure['try']}):", style="red", highlight=False)
        for line in _last_words(Path(failure["log"])):
            console.print(f"  {line}", highlight=False, markup=False)
        console.print(f"  log: {failure['log']}", highlight=False, markup=False)
    if end["state"] != "success" or report is None:
        console.print("the run failed; the same command goes on from what is made", style="red", highlight=False)
        if report is not None and report.state == "failed":
            show(report, console)
        return FAILED
    show(report, console)
    return COMPLETE if report.complete else PARTLY


def show(report: Report, console: Console) -> None:
    """The table a run ends with, and where the contact sheet is."""
    from rich.table import Table
    from rich.text import Text

    columns: list[State] = ["published", "held", "blocked", "failed"]
    later: tuple[State, ...] = ("withdrawn", "pending")
    columns += [state for state in later if report.counts.get(state)]
    table = Table(title=f"{report.dag_id} {report.content_date}", title_justify="left", title_style="bold")
    table.add_column("brief")
    table.add_column("variant")
    for state in columns:
        table.add_column(state, justify="right")
    for line in report.table:
        numbers = [str(line.states.get(state, 0)) for state in columns]
        table.add_row(line.brief, line.variant, *numbers)
    table.add_section()
    table.add_row("all", "", *[str(report.counts.get(state, 0)) for state in columns], style="bold")
    console.print(table)
    if report.reused:
        console.print(f"{report.reused} requests were made by earlier runs and reused", highlight=False)
    for text, number in report.warnings.items():
        console.print(f"warning, {number} rows: {text}", style="yellow", highlight=False, markup=False)
    if report.rejects:
        rows = "1 row" if report.rejects == 1 else f"{report.rejects} rows"
        said = f"{rows} rejected: galley rejects --run {report.run}"
        console.print(said, style="red", highlight=False, markup=False)
    if report.counts.get("held"):
        console.print("held items wait for a decision: galley review", highlight=False)
    console.print(Text(f"contact sheet: {report.sheet}"), soft_wrap=True)


def _last_words(log: Path) -> list[str]:
    """The last error of a task's log, which Airflow writes as JSON lines; else its last lines."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-200:]
    except OSError:
        return ["its log is not there"]
    for line in reversed(lines):
        with suppress(ValueError, KeyError, TypeError, IndexError):
            entry = json.loads(line)
            if entry.get("level") in ("error", "critical"):
                detail = (entry.get("error_detail") or [{}])[0]
                said = f"{detail.get('exc_type', '')}: {detail.get('exc_value', '')}".strip(": ")
                return (said or str(entry.get("event", ""))).splitlines()[-_TAIL:]
    return lines[-_TAIL:]
