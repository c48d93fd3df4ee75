from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from galley.airflow.lock import AirflowStands, acquire

needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="tells processes by /proc")
HOLD = "import sys; print('up', flush=True); sys.stdin.read()"


def holder(*fds: int) -> subprocess.Popen[str]:
    """A process that has inherited descriptors and stays until it is told to end."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], pass_fds=fds, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "up\n"
    return process


def test_the_second_waits_for_the_first_and_says_so_once(tmp_path: Path) -> None:
    first = acquire(tmp_path / "lock", lambda line: None)
    said: list[str] = []
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            first.release()

    second = acquire(tmp_path / "lock", said.append, sleep=sleep)
    assert len(said) == 1 and str(os.getpid()) in said[0]
    second.release()


def test_a_run_does_not_wait_for_a_standing_airflow(tmp_path: Path) -> None:
    lock = acquire(tmp_path / "lock", lambda line: None, port=8080)
    with pytest.raises(AirflowStands, match="galley down") as refused:
        acquire(tmp_path / "lock", lambda line: None)
    assert (refused.value.owner.pid, refused.value.owner.port) == (os.getpid(), 8080)
    assert refused.value.owner.alive
    lock.release()
    acquire(tmp_path / "lock", lambda line: None).release()


@needs_proc
def test_what_a_killed_run_left_is_ended_and_nothing_else_is(tmp_path: Path) -> None:
    code = f"""
import os, subprocess, sys
from pathlib import Path
from galley.airflow.lock import acquire
lock = acquire(Path({str(tmp_path / "lock")!r}), print)
stay = "import signal; print('up', flush=True); signal.pause()"
streams = {{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}}
child = subprocess.Popen([sys.executable, "-c", stay], pass_fds=lock.fds, start_new_session=True, **streams)
child.stdout.readline()
print(child.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert killed.returncode == -9, killed.stderr
    orphan = Path("/proc") / killed.stdout.strip()
    assert (orphan / "fd").exists()
    waiting = os.open(tmp_path / "lock", os.O_RDONLY)  # somebody who waits for the lock belongs to no run
    bystander = holder(waiting)
    lock = acquire(tmp_path / "lock", lambda line: None, poll_seconds=0.01)
    assert not orphan.exists() or ") Z " in (orphan / "stat").read_text()
    assert bystander.poll() is None
    bystander.communicate()
    os.close(waiting)
    lock.release()


@needs_proc
def test_members_are_the_processes_on_the_roll(tmp_path: Path) -> None:
    lock = acquire(tmp_path / "lock", lambda line: None)
    child = holder(*lock.fds)
    assert lock.members() == [child.pid]
    child.communicate()
    assert lock.members() == []
    lock.release()


def test_the_lock_is_free_only_when_every_member_has_ended(tmp_path: Path) -> None:
    lock = acquire(tmp_path / "lock", lambda line: None)
    child = holder(*lock.fds)
    lock.release()
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        child.communicate()

    acquire(tmp_path / "lock", lambda line: None, sleep=sleep).release()
    assert len(waits) == 1
