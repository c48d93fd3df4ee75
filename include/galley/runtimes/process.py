"""Jobs as processes of this machine, in the worker's interpreter. Standard library only.

State lies under ``GALLEY_HOME/jobs/<run>/<job>/``: a file ``lock``, and one folder per execution with ``handle.json``,
``log`` and, at the end, ``exit``. Whoever holds the lock is running: a kernel lock ends with the processes that hold
it, so neither a recycled process id nor a file left behind by a crash is mistaken for a running job, and two executions
of one job are never under way at once.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from galley.errors import JobInterrupted, JobSpecError
from galley.items import Job, digest
from galley.runtimes import process_main
from galley.runtimes.base import HEAP, JobStatus, LogChunk, label
from galley.settings import Settings

MAX_LOG_CHUNK = 1 << 20
"""Bytes of log that one call returns at most."""


class ProcessRuntime:
    """A `galley.runtimes.base.Runtime` of local processes."""

    name = "process"

    def __init__(self, home: Path, python: Path, environment: Mapping[str, str]) -> None:
        """Keep state below ``home``; run ``python -m galley.worker`` with exactly this environment."""
        self._jobs, self._python, self._environment = home / "jobs", python, dict(environment)

    @classmethod
    def from_settings(cls, settings: Settings) -> ProcessRuntime:
        """The installation's, with the environment that a worker may see."""
        return cls(settings.home, settings.worker_python, worker_environment(settings))

    def environment(self) -> str:
        """Of the names and versions of the distributions beside the worker's interpreter, read off the disk."""
        packages = self._python.parent.parent.glob("lib*/python*/site-packages/*.dist-info")
        return digest(sorted(path.name for path in packages))

    def submit(self, job: Job, uri: str) -> str:
        """Start the job, or find it running. See `Runtime.submit`."""
        if not self._python.exists():
            raise JobSpecError(
                f'the worker\'s interpreter "{self._python}" is missing; run: make setup, or set GALLEY_WORKER_PYTHON'
            )
        folder = self._jobs / label(job)
        folder.mkdir(parents=True, exist_ok=True)
        for _ in range(500):
            with _locked(folder / "lock") as lock:
                if lock is not None:
                    return self._start(job, uri, folder, lock)
            # Somebody runs it, is about to, or only looked.
            found = self.find(job)
            if found is not None:
                return found
            time.sleep(0.01)
        raise JobInterrupted(f'job "{label(job)}" is being started by another process; try again')

    def _start(self, job: Job, uri: str, folder: Path, lock: int) -> str:
        number = 1 + max((int(p.name) for p in folder.iterdir() if p.name.isdecimal()), default=0)
        execution = folder / f"{number:04d}"
        execution.mkdir()
        os.ftruncate(lock, 0)
        os.pwrite(lock, execution.name.encode(), 0)
        python = str(self._python)
        command = [python, "-m", "galley.worker", job.command, "--job", uri]
        # All three streams lead elsewhere: a supervisor that reads a task's output waits until the last writer ends.
        ended = subprocess.run(  # noqa: S603
            [python, "-I", process_main.__file__, str(execution), str(lock), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock,),
            env=self._environment,
            cwd=execution,
            start_new_session=True,
            check=False,
        )
        if ended.returncode != 0:
            raise JobInterrupted(f'job "{label(job)}" could not be started (exit code {ended.returncode}); try again')
        return f"{label(job)}/{execution.name}"

    def find(self, job: Job) -> str | None:
        """The handle of the job's running execution, or None."""
        folder = self._jobs / label(job)
        if not folder.is_dir() or not _is_locked(folder / "lock"):
            return None
        name = (folder / "lock").read_text()
        # Whoever has just taken the lock writes its own name next; until then an ended execution's stands there.
        if not name or not (folder / name).is_dir() or (folder / name / "exit").exists():
            return None
        return f"{label(job)}/{name}"

    def status(self, handle: str) -> JobStatus:
        """Where the execution stands; one that left no trace has ended with nobody knowing how."""
        execution = self._folder(handle)
        lock = execution.parent / "lock"
        # In this order: an execution that ends between the two looks has written its exit code by then.
        if lock.exists() and _is_locked(lock) and lock.read_text() == execution.name:
            return JobStatus("running")
        try:
            return JobStatus("ended", int((execution / "exit").read_text()))
        except (OSError, ValueError):
            return JobStatus("ended", None)

    def logs(self, handle: str, cursor: int = 0) -> LogChunk:
        """Whole lines after ``cursor``, bytes into the log; the rest of a line without end once the job has ended."""
        ended = self.status(handle).state == "ended"
        try:
            with (self._folder(handle) / "log").open("rb") as stream:
                stream.seek(cursor)
                data = stream.read(MAX_LOG_CHUNK)
        except FileNotFoundError:
            return LogChunk((), cursor)
        endless = len(data) == MAX_LOG_CHUNK and b"\n" not in data
        if not ended and not endless:
            data = data[: data.rfind(b"\n") + 1]
        return LogChunk(tuple(data.decode(errors="replace").splitlines()), cursor + len(data))

    def tail(self, handle: str, lines: int = 20) -> str:
        """The last log lines, for an error message."""
        try:
            with (self._folder(handle) / "log").open("rb") as stream:
                size = stream.seek(0, os.SEEK_END)
                stream.seek(max(0, size - 64 * 1024))
                return "\n".join(stream.read().decode(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""

    def cancel(self, handle: str, grace: float = 20.0) -> None:
        """SIGTERM to the worker's process group, SIGKILL after ``grace`` seconds."""
        for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 10.0)):
            if self.status(handle).state == "ended":
                return
            self._signal(handle, number)
            deadline = time.monotonic() + patience
            while self.status(handle).state == "running" and time.monotonic() < deadline:
                time.sleep(0.02)
        if self.status(handle).state == "running":
            raise JobInterrupted(f"{handle} does not end, not even by SIGKILL; look at the machine")

    def reap(self, wanted: Callable[[str], bool]) -> list[str]:
        """See `Runtime.reap`; logs of what ended stay."""
        reaped = []
        for lock in sorted(self._jobs.glob("*/*/lock")):
            name, execution = f"{lock.parent.parent.name}/{lock.parent.name}", lock.read_text()
            if execution and not wanted(name) and _is_locked(lock):
                self.cancel(f"{name}/{execution}")
                reaped.append(name)
        return reaped

    def _signal(self, handle: str, number: int) -> None:
        try:
            known = json.loads((self._folder(handle) / "handle.json").read_bytes())
            group = int(known["group"])
            now = process_main.started(group)
            # The group's first process may be dead while others live on in it, and then its id is not given away;
            # but an id that another process bears now is not ours to signal.
            if now in ("", known["started"]):
                os.killpg(group, number)
        except (FileNotFoundError, ProcessLookupError):
            return  # not started yet, or just ended

    def _folder(self, handle: str) -> Path:
        folder = (self._jobs / handle).resolve()
        if self._jobs.resolve() not in folder.parents:
            raise JobSpecError(f"{handle!r} is not the handle of a process job")
        return folder


def worker_environment(settings: Settings) -> dict[str, str]:
    """What a worker may see of this process's environment: no Airflow variables, no catalog, the settings as they are.

    Airflow's variables hold connections and keys, and a worker needs neither them nor the catalog.
    """
    hidden = (
        "AIRFLOW", "_AIRFLOW", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "GALLEY_DATABASE_URL", "GALLEY_S3_KEYS",
    )  # fmt: skip
    environment = HEAP | {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    environment |= {
        "GALLEY_ROOT": str(settings.root),
        "GALLEY_HOME": str(settings.home),
        "GALLEY_MODELS_FILE": str(settings.models_file),
        "GALLEY_MODELS_CACHE": str(settings.hub_cache),
        "GALLEY_POLICIES_DIR": str(settings.policies_dir),
    }
    for name in ("endpoint_url", "region", "addressing"):
        environment[f"GALLEY_S3_{name.upper()}"] = getattr(settings, f"s3_{name}")
    for zone in ("inbox", "work", "quarantine", "published"):
        environment[f"GALLEY_{zone.upper()}_URL"] = settings.zone(zone)
    if settings.s3_keys:
        environment.pop("AWS_SESSION_TOKEN", None)  # it belongs to other keys
        environment |= settings.s3_keys.environment()
    return environment


@contextmanager
def _locked(path: Path) -> Iterator[int | None]:
    """An exclusive lock on the file as a descriptor to hand down, or None where another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield descriptor
    finally:
        os.close(descriptor)  # the lock itself stays as long as a child has the descriptor


def _is_locked(path: Path) -> bool:
    with _shared(path) as free:
        return not free


@contextmanager
def _shared(path: Path) -> Iterator[bool]:
    """Whether nobody holds the exclusive lock. Looking takes a shared one, so that lookers do not see each other."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield True
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
