from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from galley.airflow.lock import MARK, acquire

HOLD = "import sys; print('up', flush=True); sys.stdin.read()"


def holder(fd: int, token: str) -> subprocess.Popen[str]:
    """A process that has inherited the lock and stays until it is told to end."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        pass_fds=(fd,),
        env={**os.environ, MARK: token},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
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


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="tells processes by /proc")
def test_what_a_killed_run_left_is_ended_and_nothing_else_is(tmp_path: Path) -> None:
    code = f"""
import os, subprocess, sys
from pathlib import Path
from galley.airflow.lock import MARK, acquire
lock = acquire(Path({str(tmp_path / "lock")!r}), print)
child = subprocess.Popen([sys.executable, "-c", {HOLD!r}], pass_fds=(lock.fd,), env={{**os.environ, MARK: lock.token}},
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
child.stdout.readline()
print(child.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    # The pipe to the orphan's stdin closes with its parent, so it may also end by itself; either way the lock is freed.
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert killed.returncode == -9
    waiting = os.open(tmp_path / "lock", os.O_RDONLY)  # somebody who looks at the file is no leftover
    bystander = holder(waiting, "another-token")
    lock = acquire(tmp_path / "lock", lambda line: None, poll_seconds=0.01)
    assert not Path(f"/proc/{killed.stdout.strip()}/fd").exists() or _zombie(int(killed.stdout))
    assert bystander.poll() is None
    bystander.communicate()
    os.close(waiting)
    lock.release()


def test_leftovers_are_the_marked_processes_that_hold_the_lock(tmp_path: Path) -> None:
    lock = acquire(tmp_path / "lock", lambda line: None)
    child = holder(lock.fd, lock.token)
    assert lock.leftovers() == ([child.pid] if Path("/proc/self/fd").exists() else [])
    child.communicate()
    assert lock.leftovers() == []
    lock.release()


def _zombie(pid: int) -> bool:
    return ") Z " in Path(f"/proc/{pid}/stat").read_text()
