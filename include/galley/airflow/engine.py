"""Airflow's components as child processes: each with a log file and a process group of its own, all on one lock's roll.

`galley run` uses the real thing rather than ``dag.test()``: pools, retries, their delays, mapping, asset events and
durable tasks then behave as in a standing installation, and nothing has to be learnt twice. The price is about ten
seconds of start. Its scheduler makes no runs of its own (``use_job_schedule`` off), and its API server offers the
execution API alone. `galley up` has all four components for as long as it stands (`galley.airflow.standing`).

Only the API server listens, on 127.0.0.1: the log servers of scheduler and triggerer, which would listen on all
interfaces, are off, for the API server reads the same files.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from galley.airflow.lock import RunLock, leads, send

_LOG_BYTES = 20 * 2**20


@dataclass(frozen=True)
class Component:
    """One of Airflow's processes.

    Attributes:
        name: of the component and its log file.
        arguments: of the ``airflow`` command.
        environment: variables that it gets beyond ours.
    """

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def api_server(port: int, *arguments: str) -> Component:
    """The API server on 127.0.0.1."""
    where = ("--host", "127.0.0.1", "--port", str(port), "--workers", "1")
    return Component("api-server", ("api-server", *where, *arguments))


def scheduler(**environment: str) -> Component:
    """The scheduler, which at once takes up every run that is queued or was left running."""
    return Component("scheduler", ("scheduler", "--skip-serve-logs"), environment)


class Engine:
    """Components under way; a context manager that ends them. Their output goes to files in ``log_dir``."""

    command: Sequence[str] = (sys.executable, "-m", "airflow")
    """What a component's arguments are given to."""

    def __init__(self, lock: RunLock, log_dir: Path, grace_seconds: float = 15.0) -> None:
        self.lock = lock
        self.log_dir = log_dir
        self.grace_seconds = grace_seconds
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Engine:
        self.log_dir.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, component: Component) -> int:
        """Start a component; returns its process id."""
        log = self.log(component.name)
        with suppress(FileNotFoundError):
            if log.stat().st_size > _LOG_BYTES:
                log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and fixed arguments
                [*self.command, *component.arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **component.environment},
                pass_fds=self.lock.fds,
                process_group=0,
            )
        self.processes[component.name] = process
        return process.pid

    def log(self, name: str) -> Path:
        """Log file of a component."""
        return self.log_dir / f"{name}.log"

    def dead(self) -> str:
        """What has ended though it should not, with its exit status; empty while all is well."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                return f"airflow {name} ended with status {process.returncode}; see {self.log(name)}"
        return ""

    def sweep(self) -> None:
        """Kill what dead components have left: a killed scheduler's executor would otherwise wait for work for ever.

        That is every process on the roll that descends from no living component; groups do not tell, for each task has
        one of its own.
        """
        import psutil

        living = {process.pid for process in self.processes.values() if process.poll() is None}
        for pid in self.lock.members():
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                if not living & {pid, *(parent.pid for parent in process.parents())}:
                    process.kill()

    def stop(self) -> None:
        """End all components, and every task that is still running; a task that gets SIGTERM cancels its job.

        Components and tasks lead process groups and are told; what else there is, they end themselves. An executor's
        idle worker that is told dies with the queue's lock in its hand, and a busy one then waits for it for ever. The
        API server is ended last, for tasks that end report to it.
        """
        servers = {process.pid for name, process in self.processes.items() if name == "api-server"}
        leaders = {pid for pid in self.lock.members() if leads(pid)}
        self._end(leaders - servers, self.grace_seconds)
        self._end(servers, min(self.grace_seconds, 2.0))
        for pid in self.lock.members():
            send(pid, signal.SIGKILL)
        for process in self.processes.values():
            process.kill()
            process.wait()

    def _end(self, pids: set[int], patience: float) -> None:
        """SIGTERM to processes; returns when the components among them have ended, or after ``patience`` seconds."""
        for pid in pids:
            send(pid, signal.SIGTERM)
        deadline = time.monotonic() + patience
        waited = [process for process in self.processes.values() if process.pid in pids]
        while any(process.poll() is None for process in waited) and time.monotonic() < deadline:
            time.sleep(0.1)
