"""Airflow's own scheduler for the length of one command: scheduler and execution API as two child processes.

`galley run` uses the real thing rather than ``dag.test()``: pools, retries, their delays, mapping, asset events and
durable tasks then behave as in a standing installation, and nothing has to be learnt twice. The price is about ten
seconds of start. The scheduler makes no runs of its own here (``use_job_schedule`` off), serves no logs, and listens
nowhere; the API server offers the execution API alone, on 127.0.0.1.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from galley.airflow.lock import RunLock, send


def free_port() -> int:
    """A port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Engine:
    """Execution API, started at once, and scheduler; a context manager. Their output goes to files in ``log_dir``."""

    def __init__(self, lock: RunLock, log_dir: Path, api_port: int) -> None:
        self.lock = lock
        self.log_dir = log_dir
        self.api_port = api_port
        self.grace_seconds = 15.0
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Engine:
        self.log_dir.mkdir(parents=True, exist_ok=True)
        port = str(self.api_port)
        self._start("api-server", "--apps", "execution", "--host", "127.0.0.1", "--port", port, "--workers", "1")
        return self

    def schedule(self) -> None:
        """Start the scheduler, which at once takes up every run that is queued or was left running."""
        self._start("scheduler", "--skip-serve-logs", AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE="False")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def dead(self) -> str:
        """Name of a process that has ended though it should not, with its exit status; empty while all is well."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                return f"airflow {name} ended with status {process.returncode}; see {self.log_dir / name}.log"
        return ""

    def stop(self) -> None:
        """End both, and every task that is still running; a task that gets SIGTERM cancels its job."""
        for pid in self.lock.members():
            send(pid, signal.SIGTERM)
        deadline = time.monotonic() + self.grace_seconds
        scheduler = self.processes.get("scheduler")
        while scheduler is not None and scheduler.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        for pid in self.lock.members():
            send(pid, signal.SIGKILL)
        for process in self.processes.values():
            process.kill()
            process.wait()

    def _start(self, *command: str, **environment: str) -> None:
        log = self.log_dir / f"{command[0]}.log"
        with log.open("ab") as output:
            self.processes[command[0]] = subprocess.Popen(  # noqa: S603 - our own interpreter and fixed arguments
                [sys.executable, "-m", "airflow", *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **environment},
                pass_fds=self.lock.fds,
            )
