"""A run on the trained image starter that is disturbed in every way: it makes what an undisturbed one makes, once."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from galley.items import Result
from galley.stages.run import RunFiles
from tests.integration.standing import WORKER, Standing, command, environment_of, eventually, starters_and_echo

FORM = "on_demand_content"
ROWS, STEPS = 80, 100
"""Ten batches of eight pictures, in one job that takes a minute or more: long enough to be disturbed in."""
PROMPTS = (
    "a large red circle on a white background",
    "a small blue square on a black background",
    "two green triangles on a yellow background",
)


@dataclass(frozen=True)
class Job:
    """The run's generation job, seen from outside.

    Attributes:
        airflow: where it runs.
        run_id: of Airflow.
        name: of the job.
    """

    airflow: Standing
    run_id: str
    name: str

    @property
    def files(self) -> RunFiles:
        return self.airflow.files(FORM, self.run_id)

    @property
    def folder(self) -> Path:
        return self.airflow.settings.home / "jobs" / self.files.run / self.name

    def executions(self) -> list[str]:
        """How often the worker was started."""
        return sorted(path.name for path in self.folder.iterdir() if path.is_dir())

    def made(self) -> list[str]:
        """Request keys of all results that any execution has written."""
        work, keys = self.files.work, []
        for info in work.list(self.files.key("jobs", self.name, "results")):
            lines = work.get(info.key).splitlines()
            keys += [Result.model_validate_json(line).request_key for line in lines]
        return keys

    def wait_made(self, more_than: int) -> int:
        """Wait for more results; returns how many there are then."""
        eventually(lambda: len(self.made()) > more_than, f"{self.name} to make more than {more_than}")
        return len(self.made())

    def wait_running(self, tries: int) -> dict[str, Any]:
        """Wait for a try of the task to be under way."""

        def there() -> dict[str, Any] | None:
            found = [each for each in self.airflow.tasks(FORM, self.run_id) if each["task_id"] == "generate"]
            return next(
                (each for each in found if (each["state"], each["try_number"]) == ("running", tries) and each["pid"]),
                None,
            )

        return eventually(there, f"try {tries} of generate to run")

    def clear(self, **which: Any) -> None:
        """Clear task instances of the run, as the UI does."""
        body = {"dry_run": False, "dag_run_id": self.run_id, **which}
        self.airflow.api.post(f"/dags/{FORM}/clearTaskInstances", body)

    def workers(self) -> list[psutil.Process]:
        """Processes of the worker, whatever their parents."""
        return [
            process
            for process in psutil.process_iter()
            if any(f"{self.files.run}/" in each for each in _command(process)) and "galley.worker" in _command(process)
        ]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def request_file(path: Path) -> Path:
    lines = [
        {
            "custom_id": f"picture-{number:02}",
            "kind": "image",
            "prompt": PROMPTS[number % len(PROMPTS)],
            "params": {"num_inference_steps": STEPS},
            "seed": number,
        }
        for number in range(ROWS)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def items(environment: dict[str, str], run: str) -> dict[str, tuple[str, str, str]]:
    """Custom id to request key, sha256 of what was screened, and state."""
    done = command(environment, "items", "--run", run, "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {row["custom_id"]: (row["request_key"], row["source_sha256"], row["state"]) for row in rows}


def undisturbed(root: Path, file: Path) -> dict[str, tuple[str, str, str]]:
    """The same file in an installation of its own, which nobody disturbs."""
    environment = environment_of(starters_and_echo(root, worker_python=WORKER, worker_slots=1))
    done = command(environment, "run", "--requests", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    return items(environment, "latest")


def test_whatever_is_killed_or_cleared_the_same_is_made_and_nothing_twice(airflow: Standing, tmp_path: Path) -> None:
    file = request_file(tmp_path / "pictures.jsonl")
    run_id = airflow.trigger(FORM, {"source": file.as_uri()})
    airflow.wait_task(FORM, run_id, "plan", "success")
    plan = airflow.files(FORM, run_id).plan()
    assert plan is not None and len(plan.generate) == 1
    job = Job(airflow, run_id, plan.generate[0].job)

    # The task's process: its job goes on, and the next try waits for that very job.
    task = job.wait_running(tries=1)
    made = job.wait_made(0)
    os.kill(task["pid"], signal.SIGKILL)
    job.wait_running(tries=2)
    assert job.executions() == ["0001"]

    # The worker: the next try starts another, which goes on where it was.
    made = job.wait_made(made)
    (handle,) = job.folder.glob("0001/handle.json")
    os.killpg(json.loads(handle.read_text())["group"], signal.SIGKILL)
    job.wait_running(tries=3)
    eventually(lambda: job.executions() == ["0001", "0002"], "the worker to be started again")

    # Marked as failed in the UI: the job is ended. Cleared: it goes on.
    made = job.wait_made(made)
    airflow.api.patch(f"/dags/{FORM}/dagRuns/{run_id}/taskInstances/generate/0", {"new_state": "failed"})
    eventually(lambda: not job.workers(), "the job of the failed task to end")
    assert airflow.wait(FORM, run_id) == "failed"
    assert len(job.made()) < ROWS
    job.clear(only_failed=True)
    job.wait_running(tries=4)

    # The scheduler, and its tasks with it: the next one takes them up.
    job.wait_made(made)
    killed = airflow.pid("scheduler")
    airflow.kill("scheduler")
    airflow.wait_again("scheduler", killed)
    assert airflow.wait(FORM, run_id) == "success", airflow.states(FORM, run_id)
    executions = job.executions()
    assert executions == ["0001", "0002", "0003"]

    # A task that succeeded is cleared: the worker really runs, and finds nothing to do.
    before = sorted(job.made())
    job.clear(only_failed=False, task_ids=["generate"])
    eventually(lambda: job.executions() == [*executions, "0004"], "the worker to run again")
    assert airflow.wait(FORM, run_id) == "success", airflow.states(FORM, run_id)
    assert sorted(job.made()) == before

    assert len(before) == ROWS and max(Counter(before).values()) == 1
    assert job.workers() == []
    assert items(airflow.environment, job.files.run) == undisturbed(tmp_path / "undisturbed", file)
