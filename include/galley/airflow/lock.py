"""One `galley run` per ``GALLEY_HOME``: a file lock that every process of a run's Airflow holds until it has ended.

The lock's file descriptor is inherited by the scheduler, the API server and all that they fork, so the lock is free
only when none of them is left. Beside it they inherit a descriptor of a second file, the roll, which nobody else opens:
whoever has it open belongs to the run (process titles, environments and groups change; descriptors stay). Where a run
was killed, its remains are found by the roll and ended before the next run begins. Worker jobs have neither and go on,
to be found again by the tasks that wait for them.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class RunLock:
    """A lock that is held.

    Attributes:
        path: of the lock file; the roll lies beside it.
        fds: descriptors of both, to be passed on to child processes.
    """

    path: Path
    fds: tuple[int, int]

    def members(self) -> list[int]:
        """Processes of this run's Airflow, this one left out, and the one that took the lock."""
        return [pid for pid in _on(_roll(self.path)) if pid not in (os.getpid(), _owner(self.path).get("pid"))]

    def release(self) -> None:
        """Let go; the lock is free once every child that inherited it has ended."""
        for fd in self.fds:
            os.close(fd)


def acquire(
    path: Path, notify: Callable[[str], None], *, poll_seconds: float = 0.5, sleep: Callable[[float], None] = time.sleep
) -> RunLock:
    """Take the lock, waiting for a run that is at work and ending what a killed one left behind.

    Args:
        path: lock file; made where there is none.
        notify: told once, in words, what is waited for.
        poll_seconds: between two tries.
        sleep: replaced in tests.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    said = False
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            owner = _owner(path)
            if owner and not _alive(owner["pid"], owner["started"]):
                for pid in _on(_roll(path)):
                    send(pid, signal.SIGKILL)
            elif not said:
                who = f"another galley run (process {owner['pid']})" if owner else "another galley run"
                notify(f"{who} is at work in {path.parent}; waiting for it to end")
                said = True
            sleep(poll_seconds)
    os.ftruncate(fd, 0)
    os.pwrite(fd, json.dumps({"pid": os.getpid(), "started": _started(os.getpid())}).encode(), 0)
    return RunLock(path, (fd, os.open(_roll(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)))


def send(pid: int, number: signal.Signals) -> None:
    """Signal a process, if it is still there."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _roll(path: Path) -> Path:
    return path.with_suffix(".roll")


def _owner(path: Path) -> dict[str, Any]:
    try:
        owner: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}  # between the lock and its first write
    return owner


def _started(pid: int | str) -> str:
    """When a process started, in ticks since boot: with the number it names a process for good (Linux; else "")."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _alive(pid: int | str, started: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _started(pid) == started


def _on(roll: Path) -> list[int]:
    """Processes that have the roll open (Linux; elsewhere none can be told)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended meanwhile, or not ours
            if any(link.readlink() == roll for link in (entry / "fd").iterdir()):
                found.append(int(entry.name))
    return found
