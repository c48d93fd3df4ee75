"""``python -m galley.airflow.drive``: one DAG run from preparation to its end, told as JSON lines on stdout.

`galley run` starts this with the environment of `galley.airflow.environment` already set and shows what it says. With a
lock it brings an Airflow of its own; without one the standing Airflow of the installation executes the run, and ending
this ends nothing. Each line is an object with ``event``:

- ``step``: what is being prepared (``text``).
- ``run``: the run (``dag_id``, ``run_id``, ``content_date``; ``again``: it existed, and is executed again unless
  ``joined``: it was under way already).
- ``task``: a task instance changed (``task``, ``label``, ``map_index``, ``state``, ``try``).
- ``end``: the run ended (``state``, and ``failures``: task, try and log file of each failed one).
- ``error``: nothing more can be done (``text``).

Everything Airflow prints goes to ``airflow/logs/drive.log``.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from galley.airflow.database import airflow_command, prepare_database
from galley.airflow.engine import Engine, api_server, scheduler
from galley.airflow.environment import airflow_home
from galley.airflow.lock import LOCK, RunLock, owner
from galley.errors import GalleyError
from galley.settings import Settings
from galley.stages.content_date import content_date, midnight, moment_of

Emit = Callable[..., None]


class RunImpossible(GalleyError):
    """Airflow cannot make or execute the run that was asked for."""


def main(arguments: list[str] | None = None) -> int:
    """Entry point; 0 where the run succeeded, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m galley.airflow.drive", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--dag-id", required=True)
    parser.add_argument("--date", type=date.fromisoformat, help="content date; default today in the DAG's timezone")
    parser.add_argument("--source", help="file URI for the Param source")
    parser.add_argument("--sha256", help="of that file")
    parser.add_argument("--lock-fds", type=int, nargs=2)
    parser.add_argument("--lock-path", type=Path)
    options = parser.parse_args(arguments)
    settings = Settings()
    lock = RunLock(options.lock_path, tuple(options.lock_fds)) if options.lock_path else None
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    with _own_stdout(airflow_home(settings) / "logs" / "drive.log") as stdout:

        def emit(event: str, **fields: Any) -> None:
            stdout.write(json.dumps({"event": event, **fields}, default=str) + "\n")
            stdout.flush()

        try:
            return _drive(options, settings, lock, emit) if lock else _join(options, settings, emit)
        except GalleyError as error:
            emit("error", text=str(error))
            return 1
        except Exception as error:
            log = airflow_home(settings) / "logs" / "drive.log"
            traceback.print_exc()
            emit("error", text=f"{type(error).__name__}: {error}; the log is {log}")
            return 1


def _interrupt(number: int, _frame: object) -> None:
    # A second signal must not cut the clean-up short.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise SystemExit(128 + number)


@contextmanager
def _own_stdout(log: Path) -> Iterator[TextIO]:
    """Keep stdout for the events and send what everything else prints to ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as stdout, log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        yield stdout


def _drive(options: argparse.Namespace, settings: Settings, lock: RunLock, emit: Emit) -> int:
    home = airflow_home(settings)
    port = urlsplit(os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"]).port
    if port is None:
        raise RunImpossible("AIRFLOW__CORE__EXECUTION_API_SERVER_URL names no port; start this through `galley run`")
    parent = os.getppid()
    prepare_database(home, settings, lambda text: emit("step", text=text))
    emit("step", text="starting Airflow (about ten seconds)")
    with Engine(lock, home / "logs") as engine:
        engine.start(api_server(port, "--apps", "execution"))
        _register_dags(options.dag_id)
        # Before the scheduler starts: it would take up what a killed one left, while we put that in order.
        run_id = _create_or_clear(options, settings, emit, standing=False)
        # Nor is there a triggerer: a job that was deferred would wait for ever.
        alone = {"AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False", "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": "False"}
        engine.start(scheduler(**alone))
        state = _await(options.dag_id, run_id, emit, engine.dead, parent)
        engine.grace_seconds = 2.0  # nothing is running any more that would need time to end well
    return 0 if state == "success" else 1


def _join(options: argparse.Namespace, settings: Settings, emit: Emit) -> int:
    """Have the standing Airflow execute the run."""
    parent = os.getppid()

    def gone() -> str:
        supervisor = owner(settings.home / LOCK)
        stands = supervisor is not None and supervisor.port and supervisor.alive
        return "" if stands else "the standing Airflow has ended; the same command goes on from what is made"

    run_id = _create_or_clear(options, settings, emit, standing=True)
    return 0 if _await(options.dag_id, run_id, emit, gone, parent) == "success" else 1


def _await(dag_id: str, run_id: str, emit: Emit, problem: Callable[[], str], parent: int) -> str:
    """Tell what happens until the run has ended; returns its state."""
    for ended, state in _watch(dag_id, run_id, emit):
        if ended:
            return state
        if found := problem():
            raise RunImpossible(found)
        if os.getppid() != parent:
            raise RunImpossible("the command that started this run is gone")
        time.sleep(0.3)
    raise AssertionError("unreachable: watching ends with the run")


def _register_dags(dag_id: str) -> None:
    """Parse the DAG files and store what the scheduler reads; raises where the DAG we want is not among them."""
    from airflow.models.errors import ParseImportError
    from airflow.utils.session import create_session
    from sqlalchemy import select

    airflow_command("dags", "reserialize")
    with create_session() as session:
        errors = session.execute(select(ParseImportError.filename, ParseImportError.stacktrace)).all()
    for filename, trace in errors:
        last = (trace or "").strip().splitlines()[-1:]
        if Path(filename).stem == dag_id:
            raise RunImpossible(f"{filename} cannot be imported: {''.join(last)}")


def _create_or_clear(options: argparse.Namespace, settings: Settings, emit: Emit, *, standing: bool) -> str:
    """The run for this content date (and file), made or cleared to be executed again; returns its run id.

    A standing Airflow's run that is under way is left alone, to be watched.
    """
    from airflow.models.dag import DagModel
    from airflow.models.dagbag import DBDagBag
    from airflow.models.dagrun import DagRun
    from airflow.timetables.base import DataInterval
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType
    from sqlalchemy import select

    now = datetime.now(UTC)
    zone = ZoneInfo(settings.timezone)
    with create_session() as session:
        dag = DBDagBag().get_latest_version_of_dag(options.dag_id, session=session)
        model = session.get(DagModel, options.dag_id)
        if dag is None or model is None:
            raise RunImpossible(f"no DAG {options.dag_id!r} in {os.environ['AIRFLOW__CORE__DAGS_FOLDER']}")
        if options.source:
            day = options.date or now.astimezone(zone).date()
            logical, kind = moment_of(day, zone, options.sha256), _run_type("manual")
            run_id = f"file__{day.isoformat()}__{options.sha256[:16]}"
            conf = {"source": options.source, "fingerprint": options.sha256}
        else:
            logical, kind, run_id = _scheduled(dag, options.date, now, zone)
            conf = {}
        if timedelta() < logical - now < timedelta(minutes=1):
            time.sleep((logical - now).total_seconds())
        elif logical > now:
            raise RunImpossible(
                f"content date {options.date}: Airflow starts no run whose logical date ({logical.isoformat()}) is in "
                "the future; give a date up to today"
            )
        if standing and model.is_paused:
            raise RunImpossible(f"{options.dag_id} is paused in the standing Airflow; unpause it there first")
        # Unpaused for good: the temporary scheduler makes no runs of its own, a standing one may have been stopped.
        model.is_paused = False
        # The schedule's run is found by its logical date, whoever made it; a file's by its own name.
        same = DagRun.run_id == run_id if options.source else DagRun.logical_date == logical
        run = session.scalar(select(DagRun).where(DagRun.dag_id == options.dag_id, same))
        again = run is not None
        joined = standing and run is not None and run.state in (DagRunState.QUEUED, DagRunState.RUNNING)
        if run is None:
            dag.create_dagrun(
                run_id=run_id,
                logical_date=logical,
                data_interval=DataInterval.exact(logical),
                run_after=logical,
                run_type=kind,
                triggered_by=DagRunTriggeredByType.CLI,
                state=DagRunState.QUEUED,
                conf=conf,
                session=session,
            )
        elif joined:
            run_id = run.run_id
        else:
            run_id = run.run_id
            if not standing:
                _forget_running(run, session)
            dag.clear(run_id=run_id, dag_run_state=DagRunState.QUEUED, session=session, run_on_latest_version=True)
        day = content_date(logical, logical, zone)
    emit("run", dag_id=options.dag_id, run_id=run_id, content_date=day.isoformat(), again=again, joined=joined)
    return run_id


def _run_type(name: str) -> Any:
    from airflow.utils.types import DagRunType

    return DagRunType(name)


def _scheduled(dag: Any, day: date | None, now: datetime, zone: ZoneInfo) -> tuple[datetime, Any, str]:
    """Logical date, run type and run id of the schedule's own run of a content date.

    Without a date it is today's where its time has come, else the last one that has. A date on which the schedule
    makes no run gets a manual one at midnight, which the scheduler will never make.
    """
    scheduled = _run_type("scheduled")
    for back in range(370) if day is None else [0]:
        wanted = day or (now.astimezone(zone).date() - timedelta(days=back))
        first, last = midnight(wanted, zone), midnight(wanted + timedelta(days=1), zone) - timedelta(microseconds=1)
        ticks = [info for info in dag.iter_dagrun_infos_between(first, last) if info.logical_date is not None]
        if ticks and (day is not None or ticks[0].run_after <= now):
            info = ticks[0]
            run_id = dag.timetable.generate_run_id(
                run_type=scheduled, run_after=info.run_after, data_interval=info.data_interval
            )
            return info.logical_date.astimezone(UTC), scheduled, run_id
    wanted = day or now.astimezone(zone).date()
    return midnight(wanted, zone), _run_type("manual"), f"date__{wanted.isoformat()}"


def _forget_running(run: Any, session: Any) -> None:
    """Mark what a killed scheduler left as running: we hold the lock, so nothing of it runs any more.

    Left as they are, Airflow would wait five minutes for heartbeats before it believed that.
    """
    from airflow.utils.state import TaskInstanceState

    for instance in run.get_task_instances(session=session):
        if instance.state in (TaskInstanceState.RUNNING, TaskInstanceState.RESTARTING, TaskInstanceState.QUEUED):
            instance.state = TaskInstanceState.FAILED
    session.flush()


def _watch(dag_id: str, run_id: str, emit: Emit) -> Iterator[tuple[bool, str]]:
    """Tell every change of the run's task instances; yield after each look whether the run has ended, and its state."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    seen: dict[tuple[str, int], tuple[str, int]] = {}
    while True:
        with create_session() as session:
            state = session.scalar(select(DagRun.state).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
            if state is None:
                raise RunImpossible(f"the run {run_id} of {dag_id} is gone: somebody deleted it")
            state = str(state)
            rows = session.execute(
                select(
                    TaskInstance.task_id,
                    TaskInstance.map_index,
                    TaskInstance.state,
                    TaskInstance.try_number,
                    TaskInstance.rendered_map_index,
                ).where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id)
            ).all()
        for task, index, task_state, tries, label in rows:
            now = (str(task_state or "none"), tries)
            if seen.get((task, index)) != now:
                seen[task, index] = now
                emit("task", task=task, map_index=index, label=label or "", state=now[0], **{"try": tries})
        ended = state in ("success", "failed")
        if ended:
            logs = Path(os.environ["AIRFLOW__LOGGING__BASE_LOG_FOLDER"])
            failures = [
                {
                    "task": task,
                    "map_index": index,
                    "try": tries,
                    "log": str(_log(logs, dag_id, run_id, task, index, tries)),
                }
                for (task, index), (task_state, tries) in seen.items()
                if task_state == "failed"
            ]
            emit("end", state=state, failures=failures)
        yield ended, state


def _log(logs: Path, dag_id: str, run_id: str, task: str, map_index: int, tries: int) -> Path:
    folder = logs / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task}"
    return (folder / f"map_index={map_index}" if map_index >= 0 else folder) / f"attempt={tries}.log"


if __name__ == "__main__":
    sys.exit(main())
