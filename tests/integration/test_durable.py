"""A run on the trained image starter that is disturbed in every way: it makes what an undisturbed one makes, once."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

from tests.integration.disturbed import ROWS, Job, pictures, undisturbed
from tests.integration.standing import Standing, eventually


def test_whatever_is_killed_or_cleared_the_same_is_made_and_nothing_twice(airflow: Standing, tmp_path: Path) -> None:
    job = Job.of_new_run(airflow, pictures(tmp_path / "pictures.jsonl"))

    # The task's process: its job goes on, and the next try waits for that very job.
    task = job.wait_task(1)
    made = job.wait_made(0)
    with job.stopped("0001"):
        os.kill(task["pid"], signal.SIGKILL)
        job.wait_task(2)
    assert job.executions() == ["0001"]

    # The worker: the next try starts another, which goes on where it was.
    made = job.wait_made(made)
    job.signal("0001", signal.SIGKILL)
    job.wait_task(3)
    eventually(lambda: job.executions() == ["0001", "0002"], "the worker to be started again")

    # Marked as failed in the UI: the job is ended. Cleared: it goes on.
    made = job.wait_made(made)
    job.mark_failed()
    assert len(job.made()) < ROWS
    job.clear(only_failed=True)
    job.wait_task(4)

    # The scheduler, and its tasks with it: the next one takes them up.
    job.wait_made(made)
    with job.stopped("0003"):
        killed = airflow.pid("scheduler")
        airflow.kill("scheduler")
        airflow.wait_again("scheduler", killed)
    job.wait_success()
    executions = job.executions()
    assert executions == ["0001", "0002", "0003"]

    # A task that succeeded is cleared: the worker really runs, and finds nothing to do.
    before = sorted(job.made())
    job.clear(only_failed=False, task_ids=["generate"])
    eventually(lambda: job.executions() == [*executions, "0004"], "the worker to run again")
    job.wait_success()
    assert sorted(job.made()) == before

    assert len(before) == ROWS and max(Counter(before).values()) == 1
    assert job.workers() == []
    assert job.items() == undisturbed(pictures)
