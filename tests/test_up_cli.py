"""`galley up` and `galley down` without Airflow, whose place a script takes; tests/integration has the real one."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from typer.testing import CliRunner

from galley.airflow.lock import LOCK, acquire, members, owner
from galley.airflow.ports import free_port
from galley.cli import app

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="tells processes by /proc")
RUNNER = CliRunner()
# Takes the lock as the supervisor does, and keeps one component; ends in order on SIGTERM.
SUPERVISOR = """
import signal, sys, time
from pathlib import Path
from galley.airflow.engine import Component, Engine
from galley.airflow.lock import acquire
class Scripts(Engine):
    command = (sys.executable, "-c")
def stop(number, frame):
    raise SystemExit(0)
signal.signal(signal.SIGTERM, stop)
home, port = Path(sys.argv[1]), int(sys.argv[2])
with Scripts(acquire(home / "run.lock", print, port=port), home / "logs", 5.0) as engine:
    engine.start(Component("scheduler", (sys.argv[3],)))
    print("up", flush=True)
    signal.pause()
"""
STAY = "import signal; signal.pause()"
DEAF = "import signal; signal.signal(15, signal.SIG_IGN); signal.pause()"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    worker = tmp_path / "python"
    worker.touch()
    monkeypatch.setenv("GALLEY_HOME", str(tmp_path))
    monkeypatch.setenv("GALLEY_WORKER_PYTHON", str(worker))
    return tmp_path


@pytest.fixture
def supervise(home: Path) -> Iterator[Callable[[str, int], subprocess.Popen[str]]]:
    """Start the stand-in with a component's script and a port."""
    started: list[subprocess.Popen[str]] = []

    def start(script: str, port: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", SUPERVISOR, str(home), str(port), script]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "up\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
    for pid in members(home / LOCK):
        os.kill(pid, 9)


def test_down_where_nothing_is_up_says_so(home: Path) -> None:
    result = RUNNER.invoke(app, ["down"])
    assert result.exit_code == 0 and "is not up" in result.output


def test_down_ends_all_in_order_and_looks_at_the_port(
    home: Path, supervise: Callable[[str, int], subprocess.Popen[str]]
) -> None:
    port = free_port()
    supervisor = supervise(STAY, port)
    assert len(members(home / LOCK)) == 2
    result = RUNNER.invoke(app, ["down"])
    assert result.exit_code == 0 and f"port {port} is free" in result.output, result.output
    assert members(home / LOCK) == [] and supervisor.wait() == 0


@pytest.mark.parametrize(
    ("running", "said"),
    [
        (0, ""),
        (1, "1 job is still running and ends by itself; the next galley up finds it again"),
        (2, "2 jobs are still running and end by themselves; the next galley up finds them again"),
    ],
)
def test_down_says_how_many_jobs_go_on(
    home: Path, supervise: Callable[[str, int], subprocess.Popen[str]], running: int, said: str
) -> None:
    supervise(STAY, free_port())
    with ExitStack() as held:
        for number in range(3):  # as the runtime leaves it; whose lock is held is running
            job = home / "jobs" / "daily--run" / f"job-{number}"
            (job / "0001").mkdir(parents=True)
            lock = held.enter_context((job / "lock").open("w"))
            lock.write("0001")
            lock.flush()
            if number < running:
                fcntl.flock(lock, fcntl.LOCK_EX)
        result = RUNNER.invoke(app, ["down"])
    assert result.exit_code == 0, result.output
    assert result.output.partition("is free\n")[2].strip() == said


def test_down_ends_what_a_killed_supervisor_has_left(
    home: Path, supervise: Callable[[str, int], subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("galley.airflow.standing.GRACE_SECONDS", -4.0)  # SIGKILL after one second
    supervisor = supervise(DEAF, free_port())
    supervisor.kill()
    supervisor.wait()
    deadline = time.monotonic() + 30
    while len(members(home / LOCK)) != 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    result = RUNNER.invoke(app, ["down"])
    assert result.exit_code == 0 and members(home / LOCK) == [], result.output


def test_down_leaves_a_run_alone(home: Path) -> None:
    lock = acquire(home / LOCK, lambda line: None)
    result = RUNNER.invoke(app, ["down"])
    assert result.exit_code == 1 and f"process {os.getpid()}" in str(result.exception)
    lock.release()


def test_up_where_it_is_up_says_where(home: Path, supervise: Callable[[str, int], subprocess.Popen[str]]) -> None:
    port = free_port()
    supervisor = supervise(STAY, port)
    result = RUNNER.invoke(app, ["up"])
    assert result.exit_code == 0 and "is up already" in result.output
    password = json.loads((home / "airflow" / "passwords.json").read_text())["admin"]
    assert f"http://127.0.0.1:{port}" in result.output and password in result.output
    taken = owner(home / LOCK)
    assert taken is not None and taken.pid == supervisor.pid


def test_up_names_who_has_its_port(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        monkeypatch.setenv("GALLEY_PORT", str(server.getsockname()[1]))
        result = RUNNER.invoke(app, ["up"])
    said = str(result.exception)
    assert result.exit_code == 1 and f"(process {os.getpid()})" in said and "GALLEY_PORT" in said
    assert owner(home / LOCK) is None
