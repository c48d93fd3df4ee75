"""Deferrable by Airflow's own setting: a job waits in the triggerer, outlives it, and makes what any other makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.disturbed import ROWS, Job, pictures, undisturbed
from tests.integration.standing import WORKER, Standing, standing, starters_and_echo


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    if not WORKER.exists():
        pytest.skip("the worker's environment is not there; run: make setup")
    settings = starters_and_echo(tmp_path_factory.mktemp("installation") / "root", worker_python=WORKER, worker_slots=1)
    with standing(settings, AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE="True") as running:
        yield running


def test_a_deferred_job_outlives_its_triggerer_and_ends_with_its_task(airflow: Standing, tmp_path: Path) -> None:
    job = Job.of_new_run(airflow, pictures(tmp_path / "pictures.jsonl"))

    # No worker slot is held: the task waits in the triggerer. The next triggerer waits for that very job.
    job.wait_task(1, "deferred")
    first = job.wait_triggerer()
    made = job.wait_made(0)
    before = {process.pid for process in job.workers()}
    assert before
    with job.stopped("0001"):
        killed = airflow.pid("triggerer")
        airflow.kill("triggerer")
        airflow.wait_again("triggerer", killed)
        job.wait_triggerer(other_than=first)
        assert {process.pid for process in job.workers()} == before
    made = job.wait_made(made)
    job.wait_task(1, "deferred")

    # Marked as failed in the UI: the trigger ends the job. Cleared: it goes on where it was.
    job.mark_failed()
    assert len(job.made()) < ROWS
    job.clear(only_failed=True)
    job.wait_task(2, "deferred")
    job.wait_made(made)
    job.wait_success()
    assert job.executions() == ["0001", "0002"]

    keys = job.made()
    assert len(keys) == ROWS and max(Counter(keys).values()) == 1
    assert job.workers() == []
    assert job.items() == undisturbed(pictures)
    assert airflow.report("on_demand_content", job.run_id).state == "success"
