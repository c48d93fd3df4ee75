"""Waiting for a job in the process that asks for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from galley.errors import JobSpecError
from galley.exit_codes import raise_for
from galley.runtimes.base import TAIL, Runtime
from galley.storage import Zones

POLL_SECONDS = 0.5
"""Between two looks at a job; its end is noticed this much later at most."""


def wait(runtime: Runtime, handle: str, job: str, say: Callable[[str], object], *, poll: float = POLL_SECONDS) -> None:
    """Pass a job's log lines on until it has ended; raises as `galley.exit_codes.raise_for` does."""
    cursor, last = 0, [""]
    while True:
        ended = runtime.status(handle)
        chunk = runtime.logs(handle, cursor)
        cursor = chunk.cursor
        for line in chunk.lines:
            say(line)
        last = [*last, *chunk.lines][-TAIL:]
        if ended.state == "ended" and not chunk.lines:
            raise_for(ended.exit_code, job, "\n".join(last).strip())
            return
        if not chunk.lines:
            time.sleep(poll)


def execute_here(
    runtime_of: Callable[[str], Runtime], zones: Zones, say: Callable[[str], object]
) -> Callable[..., None]:
    """A `galley.stages.numerics.Execute` that waits for the job."""
    from galley.worker.__main__ import load_job

    def execute(task: Any) -> None:
        runtime = runtime_of(task.runtime)
        job = load_job(zones, task.uri)
        if job.job != task.job:
            raise JobSpecError(f"{task.uri} is the specification of {job.job}, not of {task.job}")
        wait(runtime, runtime.submit(job, task.uri), task.job, say)

    return execute
