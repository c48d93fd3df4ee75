"""How a job is executed: one protocol for processes, containers and pods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from galley.items import Job

HEAP = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=1048576:glibc.malloc.trim_threshold=268435456"
}
"""What a worker's process is told of memory (glibc 2.35; an older one, and any other library, passes over it).

In glibc's growing heap forwards of changing sizes took up to twice what they needed, so a tensor of a megabyte and more
has pages of its own, given back with it. Its pages are asked for anew each time: by itself that cost 10 to 25 % of a
forward's time. Large pages, and 256 MiB kept of what smaller tensors give back, make up for it.
"""
TAIL = 20
"""Last log lines that go into the error of a job that failed."""


@dataclass(frozen=True)
class JobStatus:
    """Where an execution stands.

    Attributes:
        state: ``running``, or ``ended``.
        exit_code: of an ended one; negative or over 128 after a signal, None where nobody recorded it (read
            `galley.exit_codes.meaning`).
    """

    state: Literal["running", "ended"]
    exit_code: int | None = None


@dataclass(frozen=True)
class LogChunk:
    """Some log lines and where to go on.

    Attributes:
        lines: without line ends.
        cursor: give it to the next call.
    """

    lines: tuple[str, ...]
    cursor: int


class Runtime(Protocol):
    """Executes jobs. An execution outlives the process that submitted it and is found again by handle or by label.

    Attributes:
        name: ``process``, ``docker``, ``kubernetes``.
    """

    name: str

    def environment(self) -> str:
        """A digest of what generation jobs find installed; under another one the same request may give other bytes."""

    def submit(self, job: Job, uri: str) -> str:
        """Start the job whose specification lies at ``uri`` and return the execution's handle.

        Where an execution of the same job is still running, that one's handle is returned and nothing is started.
        Raises `JobSpecError` where the runtime cannot run it at all, `JobInterrupted` where it cannot now.
        """

    def find(self, job: Job) -> str | None:
        """The handle of this job's running execution, or None; for when it was started and its handle not noted."""

    def status(self, handle: str) -> JobStatus:
        """Where the execution stands."""

    def logs(self, handle: str, cursor: int = 0) -> LogChunk:
        """Whole log lines after ``cursor`` (0: from the start)."""

    def cancel(self, handle: str, grace: float = 20.0) -> None:
        """SIGTERM, and SIGKILL after ``grace`` seconds; returns when it has ended. Nothing happens to an ended one."""

    def reap(self, wanted: Callable[[str], bool]) -> list[str]:
        """End what runs of this installation's jobs and nobody waits for, and drop what ended long ago.

        ``wanted`` says of a job's label whether somebody does. Returns the labels of what was ended or dropped.
        """


def label(job: Job) -> str:
    """What names a job among all: ``<run>/<job>``."""
    return f"{job.run}/{job.job}"
