"""One Airflow per ``GALLEY_HOME``, a run's own or a standing one: a file lock that all its processes hold to the end.

The lock's file descriptor is inherited by the scheduler, the API server and all that they fork, so the lock is free
only when none of them is left. Beside it they inherit a descriptor of a second file, the roll, which nobody else opens:
whoever has it open belongs to that Airflow (process titles, environments and groups change; descriptors stay). Where it
was killed, its remains are found by the roll and ended before the next one begins. Worker jobs have neither and go on,
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

from galley.errors import GalleyError

LOCK = "run.lock"
"""Name of the lock file in ``GALLEY_HOME``."""


class AirflowStands(GalleyError):
    """The lock belongs to a standing Airflow, which no run waits for: it can be used as it is.

    Attributes:
        owner: its supervisor.
    """

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        super().__init__(f"Airflow is up already (process {owner.pid}, port {owner.port}); galley down ends it")


@dataclass(frozen=True)
class Owner:
    """Who took a lock.

    Attributes:
        pid: of the process.
        started: when it started, in ticks since boot; with the number it names a process for good (Linux; else "").
        port: of the API server where the owner is a standing Airflow's supervisor; 0 where it is a run.
    """

    pid: int
    started: str
    port: int = 0

    @property
    def alive(self) -> bool:
        """Whether that very process is still there."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return _started(self.pid) == self.started


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
        """Processes of this Airflow, this one left out, and the one that took the lock."""
        taken = owner(self.path)
        return [pid for pid in members(self.path) if pid != os.getpid() and (taken is None or pid != taken.pid)]

    def release(self) -> None:
        """Let go; the lock is free once every child that inherited it has ended."""
        for fd in self.fds:
            os.close(fd)


def acquire(
    path: Path,
    notify: Callable[[str], None],
    *,
    port: int = 0,
    poll_seconds: float = 0.5,
    sleep: Callable[[float], None] = time.sleep,
) -> RunLock:
    """Take the lock, waiting for a run that is at work and ending what a killed one left behind.

    Raises `AirflowStands` where a standing Airflow has it.

    Args:
        path: lock file; made where there is none.
        notify: told once, in words, what is waited for.
        port: of the API server, where a standing Airflow takes it.
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
            other = owner(path)
            if other and not other.alive:
                for pid in members(path):
                    send(pid, signal.SIGKILL)
            elif other and other.port:
                os.close(fd)
                raise AirflowStands(other) from None
            elif not said:
                who = f"another galley run (process {other.pid})" if other else "another galley run"
                notify(f"{who} is at work in {path.parent}; waiting for it to end")
                said = True
            sleep(poll_seconds)
    os.ftruncate(fd, 0)
    os.pwrite(fd, json.dumps({"pid": os.getpid(), "started": _started(os.getpid()), "port": port}).encode(), 0)
    return RunLock(path, (fd, os.open(_roll(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)))


def owner(path: Path) -> Owner | None:
    """Who took the lock last, perhaps long ago; None where nobody ever did, or is just doing it."""
    try:
        return Owner(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None  # between the lock and its first write, or of an earlier version


def members(path: Path) -> list[int]:
    """Processes of the Airflow that has or had the lock: those on its roll (Linux; elsewhere none can be told)."""
    roll, found = _roll(path), []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended meanwhile, or not ours
            if any(link.readlink() == roll for link in (entry / "fd").iterdir()):
                found.append(int(entry.name))
    return found


def send(pid: int, number: signal.Signals) -> None:
    """Signal a process, if it is still there."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def leads(pid: int) -> bool:
    """Whether a process leads its group, as Airflow's components and tasks do."""
    try:
        return os.getpgid(pid) == pid
    except ProcessLookupError:
        return False


def _roll(path: Path) -> Path:
    return path.with_suffix(".roll")


def _started(pid: int | str) -> str:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]  # a zombie does nothing any more
