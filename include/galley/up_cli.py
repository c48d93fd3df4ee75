"""``galley up`` and ``galley down``: a standing Airflow on this machine, for the schedule, the form and the inbox."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from galley.airflow.rest import AirflowApi
    from galley.settings import Settings

START_SECONDS = 300.0
"""For everything to be healthy; it takes 25 on an idle machine of two cores."""
DAG_SECONDS = 120.0
"""For every DAG file to be read after that."""
_SAID = re.compile(r"\d{4}-\d\d-\d\dT[\d:]{8}\+00:00 (.+)")
"""A line that the supervisor itself wrote into its log."""


def up(
    wait: Annotated[
        float, typer.Option("--wait", metavar="SECONDS", help="Give up where Airflow is not healthy by then.")
    ] = START_SECONDS,
) -> None:
    """Start Airflow and wait until it is healthy: scheduler, DAG processor, triggerer and the UI.

    It listens on 127.0.0.1 alone, at GALLEY_PORT, and stays until `galley down`.
    """
    from galley.airflow.environment import airflow_environment, airflow_home
    from galley.airflow.lock import LOCK, AirflowStands, owner
    from galley.airflow.ports import holder, is_free
    from galley.airflow.settings_file import load_airflow_settings
    from galley.errors import GalleyError
    from galley.run_cli import check_worker
    from galley.settings import Settings

    console, settings = _console(), Settings()
    check_worker(settings)
    current = owner(settings.home / LOCK)
    if current and current.alive and current.port:
        console.print(str(AirflowStands(current)), highlight=False)
        _show_access(console, settings, current.port)
        return
    if not is_free(settings.port):
        who = holder(settings.port) or "another process"
        raise GalleyError(f"port {settings.port} of 127.0.0.1 is taken by {who}; end that, or set GALLEY_PORT")
    extra = load_airflow_settings(settings.root / "airflow_settings.yaml").environment
    environment = airflow_environment(settings, settings.port, extra=extra)
    log = airflow_home(settings) / "logs" / "supervisor.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        start = output.tell()
        supervisor = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "galley.airflow.standing", "--port", str(settings.port)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
    try:
        _await(console, settings, supervisor, log, start, wait)
    except BaseException:
        supervisor.send_signal(signal.SIGTERM)
        console.print("ending what was started", style="yellow")
        supervisor.wait()
        raise
    _show_access(console, settings, settings.port)


def down() -> None:
    """End the standing Airflow: SIGTERM to all its processes, SIGKILL to what is left after 20 s.

    Tasks under way end their jobs, and go on where they were at the next `galley up`; a deferred job goes on by
    itself.
    """
    from galley.airflow.lock import LOCK, leads, members, owner, send
    from galley.airflow.ports import holder, is_free
    from galley.airflow.standing import GRACE_SECONDS
    from galley.errors import GalleyError
    from galley.settings import Settings

    console, settings = _console(), Settings()
    lock = settings.home / LOCK
    current = owner(lock)
    if current is None or not (current.alive or members(lock)):
        console.print(f"Airflow is not up in {settings.home}", highlight=False)
        return
    if current.alive and not current.port:
        raise GalleyError(
            f"a galley run (process {current.pid}) is at work in {settings.home}; end it with Ctrl-C there"
        )
    begin = time.monotonic()
    console.print(f"ending Airflow (process {current.pid})", highlight=False)
    # The supervisor passes it on to all; a second SIGTERM would keep them from ending in order.
    for pid in [current.pid] if current.alive else filter(leads, members(lock)):
        send(pid, signal.SIGTERM)
    while (current.alive or members(lock)) and time.monotonic() - begin < GRACE_SECONDS + 5:
        time.sleep(0.2)
    for pid in [*members(lock), *([current.pid] if current.alive else [])]:
        send(pid, signal.SIGKILL)
    while (members(lock) or not is_free(current.port)) and time.monotonic() - begin < GRACE_SECONDS + 15:
        time.sleep(0.2)
    if left := members(lock):
        raise GalleyError(f"processes {left} do not end, not even by SIGKILL; look at the machine")
    if not is_free(current.port):
        raise GalleyError(f"port {current.port} is still taken, by {holder(current.port) or 'another process'}")
    console.print(f"ended after {time.monotonic() - begin:.1f} s; port {current.port} is free", highlight=False)
    if jobs := _running(settings):
        one = jobs == 1
        console.print(
            f"{jobs} {'job is' if one else 'jobs are'} still running and {'ends' if one else 'end'} by "
            f"{'itself' if one else 'themselves'}; the next galley up finds {'it' if one else 'them'} again",
            highlight=False,
        )


def _running(settings: Settings) -> int:
    """How many jobs of the runtime ``process`` are running."""
    from galley.runtimes.process import ProcessRuntime

    runtime, jobs = ProcessRuntime.from_settings(settings), settings.home / "jobs"
    handles = (f"{lock.parent.relative_to(jobs)}/{lock.read_text()}" for lock in jobs.glob("*/*/lock"))
    return sum(runtime.status(handle).state == "running" for handle in handles)


def _await(
    console: Console, settings: Settings, supervisor: subprocess.Popen[bytes], log: Path, start: int, patience: float
) -> None:
    """Show the supervisor's log until every component is healthy and every DAG file read."""
    from galley.airflow.environment import USER, admin_password
    from galley.airflow.rest import AirflowApi
    from galley.errors import GalleyError

    begin, since = time.monotonic(), datetime.now(UTC)

    def tell(line: str) -> None:
        console.print(f"[{time.monotonic() - begin:6.1f} s] {line}", highlight=False, markup=False)

    tell(f"starting Airflow; its log is {log}")
    lines = _follow(log, start)
    healthy: set[str] = set()
    last = ""
    with AirflowApi(url(settings.port), USER, admin_password(settings), timeout=10.0) as api:
        while len(healthy) < 4:
            for line in iter(lambda: next(lines), ""):
                if said := _SAID.match(line):  # the rest is Airflow's own, from the migration of its database
                    tell(said[1])
                last = line
            if supervisor.poll() is not None:
                raise GalleyError(f"Airflow could not be started: {last}; see {log}")
            if time.monotonic() - begin > patience:
                missing = sorted({"api-server", "scheduler", "triggerer", "dag-processor"} - healthy)
                logs = ", ".join(str(log.with_name(f"{name}.log")) for name in missing)
                raise GalleyError(
                    f"not healthy after {patience:.0f} s: {', '.join(missing)}; see {logs}, or give it longer: --wait"
                )
            for name in sorted(_healthy(api, since) - healthy):
                healthy.add(name)
                tell(f"{name} is healthy")
            time.sleep(0.3)
        _await_dags(api, settings, tell)


def _healthy(api: AirflowApi, since: datetime) -> set[str]:
    """Components that are well, by a heartbeat that is no earlier start's."""
    from galley.airflow.rest import ApiError

    try:
        said = api.health()
    except ApiError:
        return set()
    found = {"api-server"} if said["metadatabase"]["status"] == "healthy" else set()
    for name in ("scheduler", "triggerer", "dag_processor"):
        beat = (said.get(name) or {}).get(f"latest_{name}_heartbeat")
        if said[name]["status"] == "healthy" and beat and datetime.fromisoformat(beat) >= since:
            found.add(name.replace("_", "-"))
    return found


def _await_dags(api: AirflowApi, settings: Settings, tell: Any) -> None:
    """Wait until every DAG file is read, and say what is in them and what is wrong."""
    from galley.airflow.rest import ApiError

    files = {path.name for path in (settings.root / "dags").glob("*.py")}
    begin = time.monotonic()
    dags: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    while True:
        with suppress(ApiError):  # a busy machine's answer may be late, and all is healthy
            dags = api.get("/dags", limit=100)["dags"]
            errors = api.get("/importErrors", limit=100)["import_errors"]
        read = {str(each.get("relative_fileloc") or "") for each in dags} | {str(each["filename"]) for each in errors}
        missing = {name for name in files if not any(path.endswith(name) for path in read)}
        if not missing or time.monotonic() - begin > DAG_SECONDS:
            break
        time.sleep(0.5)
    tell("DAGs: " + ", ".join(each["dag_id"] + " (paused)" * each["is_paused"] for each in dags))
    for error in errors:
        reason = str(error["stack_trace"]).strip().splitlines()[-1:]
        tell(f"{error['filename']} cannot be imported: {''.join(reason)}")
    if missing:
        tell(f"not read yet: {', '.join(sorted(missing))}")


def _follow(log: Path, start: int) -> Iterator[str]:
    """Lines of the log from ``start`` on; an empty one where there is none yet."""
    with log.open(encoding="utf-8", errors="replace") as stream:
        stream.seek(start)
        held = ""
        while True:
            held += stream.readline()
            if held.endswith("\n"):
                yield held.rstrip("\n")
                held = ""
            else:
                yield ""


def _show_access(console: Console, settings: Settings, port: int) -> None:
    from galley.airflow.environment import USER, admin_password

    for name, value in (("Airflow", url(port)), ("user", USER), ("password", admin_password(settings))):
        console.print(f"{name:<9} {value}", highlight=False, markup=False)
    console.print("galley down ends it", highlight=False)


def url(port: int) -> str:
    """Where a standing Airflow is found."""
    return f"http://127.0.0.1:{port}"


def _console() -> Console:
    from rich.console import Console

    return Console(soft_wrap=True)
