"""One `galley run` per ``GALLEY_HOME``: a file lock that every process of a run's Airflow holds until it has ended.

The lock's file descriptor is inherited by the scheduler, the API server and all that they fork, so the lock is free
only when none of them is left. Where a run was killed, its remains are found by that descriptor and ended before the
next run begins; worker jobs do not hold it and go on, to be found again by the tasks that wait for them.
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
from uuid import uuid4

MARK = "GALLEY_ENGINE"
"""Environment variable that marks the processes of one run's Airflow."""


@dataclass(frozen=True)
class RunLock:
    """A lock that is held.

    Attributes:
        path: of the lock file.
        fd: its descriptor, to be passed on to child processes.
        token: value of `MARK` for them.
    """

    path: Path
    fd: int
    token: str

    def leftovers(self) -> list[int]:
        """Processes of this run's Airflow that are still there, this one left out."""
        return [pid for pid in _holders(self.path, self.token) if pid != os.getpid()]

    def release(self) -> None:
        """Let go; the lock is free once every child that inherited it has ended."""
        os.close(self.fd)


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
            if owner is not None and not _alive(owner["pid"], owner["started"]):
                for pid in _holders(path, owner["token"]):
                    send(pid, signal.SIGKILL)
            elif not said:
                who = "another galley run" if owner is None else f"another galley run (process {owner['pid']})"
                notify(f"{who} is at work in {path.parent}; waiting for it to end")
                said = True
            sleep(poll_seconds)
    token = uuid4().hex
    os.ftruncate(fd, 0)
    os.pwrite(fd, json.dumps({"pid": os.getpid(), "started": _started(os.getpid()), "token": token}).encode(), 0)
    return RunLock(path, fd, token)


def send(pid: int, number: signal.Signals) -> None:
    """Signal a process, if it is still there."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _owner(path: Path) -> dict[str, str] | None:
    try:
        owner: dict[str, str] = json.loads(path.read_text())
    except (OSError, ValueError):
        return None  # between the lock and its first write
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


def _holders(path: Path, token: str) -> list[int]:
    """Processes marked with ``token`` that have the lock file open (Linux; elsewhere none can be told)."""
    mark = f"{MARK}={token}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0") and any(
                link.readlink() == path for link in (entry / "fd").iterdir()
            ):
                found.append(int(entry.name))
        except OSError:  # ended meanwhile, or not ours
            continue
    return found
