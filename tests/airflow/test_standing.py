from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from galley.airflow.engine import Component, Engine
from galley.airflow.lock import acquire
from galley.airflow.standing import Restarts, Supervisor, components
from galley.settings import Settings

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="tells processes by /proc")
STAY = "import signal; signal.pause()"
# As an executor does it: a worker in the component's group, and a task of the worker's in one of its own.
NEST = """
import os, signal
if not os.fork():
    if not os.fork():
        os.setpgid(0, 0)
    signal.pause()
signal.pause()
"""


class Scripts(Engine):
    """An engine whose components are Python scripts."""

    command = (sys.executable, "-c")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    lock = acquire(tmp_path / "lock", lambda line: None)
    with Scripts(lock, tmp_path / "logs", grace_seconds=5.0) as running:
        yield running
    assert lock.members() == []
    lock.release()


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_component_that_keeps_ending_is_started_ever_later_and_soon_again_once_it_was_sound() -> None:
    restarts, now, waits = Restarts(started=0.0), 0.0, []
    for _ in range(9):
        waits.append(restarts.ended(now))
        now = restarts.due or 0.0
        restarts.again(now)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert restarts.due is None
    assert restarts.ended(now + 60) == 1


def test_what_ended_is_swept_said_and_started_again_when_it_is_due(engine: Engine) -> None:
    said: list[str] = []
    supervisor = Supervisor(engine, (Component("scheduler", (NEST,)), Component("triggerer", (STAY,))), said.append)
    supervisor.start(now=0.0)
    until(lambda: len(engine.lock.members()) == 4)
    first, other = engine.processes["scheduler"], engine.processes["triggerer"]
    supervisor.look(now=1.0)
    assert len(said) == 2
    first.kill()
    until(lambda: first.poll() is not None)
    supervisor.look(now=2.0)
    assert "scheduler ended with status -9; starting it again in 1 s" in said[2] and "scheduler.log" in said[2]
    until(lambda: engine.lock.members() == [other.pid])  # neither its worker nor the task is left
    supervisor.look(now=2.9)
    assert engine.processes["scheduler"] is first
    supervisor.look(now=3.0)
    assert engine.processes["scheduler"].poll() is None
    assert said[3] == f"scheduler started (process {engine.processes['scheduler'].pid})"
    assert engine.processes["triggerer"] is other


def test_what_ignores_sigterm_is_killed(engine: Engine, tmp_path: Path) -> None:
    deaf = f"import signal; signal.signal(15, signal.SIG_IGN); open({str(tmp_path / 'up')!r}, 'w'); signal.pause()"
    engine.start(Component("scheduler", (deaf,)))
    until((tmp_path / "up").exists)
    engine.grace_seconds = 0.1
    engine.stop()
    assert engine.processes["scheduler"].returncode == -9


def test_only_the_api_server_listens_on_loopback_and_parallelism_is_bounded(tmp_path: Path) -> None:
    found = {part.name: part for part in components(Settings(home=tmp_path, root=tmp_path, worker_slots=64), 4321)}
    assert list(found) == ["api-server", "dag-processor", "scheduler", "triggerer"]
    assert found["api-server"].arguments[1:5] == ("--host", "127.0.0.1", "--port", "4321")
    assert all("--skip-serve-logs" in found[name].arguments for name in ("scheduler", "triggerer"))
    assert found["scheduler"].environment == {"AIRFLOW__CORE__PARALLELISM": "8"}


def test_logs_do_not_grow_for_ever(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("galley.airflow.engine._LOG_BYTES", 4)
    engine.log("triggerer").write_text("12345")
    engine.start(Component("triggerer", (f"print({os.getpid()})",)))
    engine.processes["triggerer"].wait()
    assert engine.log("triggerer").read_text() == f"{os.getpid()}\n"
    assert engine.log("triggerer").with_suffix(".log.1").read_text() == "12345"
