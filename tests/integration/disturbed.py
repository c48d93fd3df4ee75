"""A run on the trained image starter to disturb, its one long job seen from outside, and the same undisturbed."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

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
Items = dict[str, tuple[str, str, str]]
"""Custom id to request key, sha256 of what was screened, and state."""


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

    @classmethod
    def of_new_run(cls, airflow: Standing, file: Path, *more: Any) -> Self:
        """The one of a new run over a request file, once it is planned; ``more`` is what a subclass has besides."""
        run_id = airflow.trigger(FORM, {"source": file.as_uri()})
        airflow.wait_task(FORM, run_id, "plan", "success")
        plan = airflow.files(FORM, run_id).plan()
        assert plan is not None and len(plan.generate) == 1
        return cls(airflow, run_id, plan.generate[0].job, *more)

    @property
    def files(self) -> RunFiles:
        return self.airflow.files(FORM, self.run_id)

    @property
    def folder(self) -> Path:
        return self.airflow.settings.home / "jobs" / self.files.run / self.name

    def executions(self) -> list[str]:
        """How often the worker was started."""
        if not self.folder.is_dir():
            return []
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

        def more() -> int | None:
            made = len(self.made())
            if made <= more_than:
                self.assert_under_way()
                return None
            return made

        return eventually(more, f"{self.name} to make more than {more_than}")

    def wait_task(self, tries: int, state: str = "running") -> dict[str, Any]:
        """Wait for a try of the task to be in a state."""

        def there() -> dict[str, Any] | None:
            for each in self.airflow.tasks(FORM, self.run_id):
                found = (each["task_id"], each["try_number"], each["state"]) == ("generate", tries, state)
                if found and (state != "running" or each["pid"]):
                    return each
            self.assert_under_way()
            return None

        return eventually(there, f"try {tries} of generate to be {state}")

    def running_task(self, other_than: int = 0) -> dict[str, Any]:
        """Wait for its task to have a process, in another try than the one named; the instance."""

        def there() -> dict[str, Any] | None:
            self.assert_under_way()
            found = [each for each in self.airflow.tasks(FORM, self.run_id) if each["task_id"] == "generate"]
            running = (each for each in found if each["state"] == "running" and each["pid"])
            return next((each for each in running if each["try_number"] != other_than), None)

        return eventually(there, "generate to run")

    def wait_triggerer(self, other_than: int | None = None) -> int:
        """Wait for a triggerer to wait for the deferred task, another than the one named; returns its id.

        Airflow takes half a minute to give a dead one's to the next, and until then nobody would end the job.
        """

        def there() -> int | None:
            self.assert_under_way()
            for each in self.airflow.tasks(FORM, self.run_id):
                if each["task_id"] == "generate" and (found := (each["trigger"] or {}).get("triggerer_id")):
                    return int(found) if found != other_than else None
            return None

        return eventually(there, "a triggerer to wait for generate")

    def assert_under_way(self) -> None:
        """Fail at once where the run has ended: what is waited for will never come."""
        assert self.airflow.state(FORM, self.run_id) in ("queued", "running"), self.airflow.states(FORM, self.run_id)

    def signal(self, execution: str, number: signal.Signals) -> None:
        """Signal the process group of an execution."""
        os.killpg(json.loads((self.folder / execution / "handle.json").read_text())["group"], number)

    @contextmanager
    def stopped(self, execution: str) -> Iterator[None]:
        """Hold an execution still, so that it does not end before Airflow has noticed what was done to it."""
        self.signal(execution, signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(execution, signal.SIGCONT)

    def mark_failed(self) -> None:
        """Mark the task as failed, as the UI does, and wait for its job and the run to end."""
        path = f"/dags/{FORM}/dagRuns/{self.run_id}/taskInstances/generate/0"
        self.airflow.api.patch(path, {"new_state": "failed"})
        eventually(lambda: not self.workers(), "the job of the failed task to end")
        assert self.airflow.wait(FORM, self.run_id) == "failed"

    def clear(self, **which: Any) -> None:
        """Clear task instances of the run, as the UI does."""
        body = {"dry_run": False, "dag_run_id": self.run_id, **which}
        self.airflow.api.post(f"/dags/{FORM}/clearTaskInstances", body)

    def wait_success(self) -> None:
        """Wait for the run to succeed."""
        assert self.airflow.wait(FORM, self.run_id) == "success", self.airflow.states(FORM, self.run_id)

    def items(self) -> Items:
        """The run's items."""
        return items(self.airflow.environment, self.files.run)

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


def pictures(path: Path) -> Path:
    """Write the request file whose pictures take a while."""
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


def items(environment: dict[str, str], run: str) -> Items:
    """The items of a run."""
    done = command(environment, "items", "--run", run, "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {row["custom_id"]: (row["request_key"], row["source_sha256"], row["state"]) for row in rows}


@cache
def undisturbed(request_file: Callable[[Path], Path]) -> Items:
    """What the same file makes in processes of an installation of its own, which nobody disturbs."""
    with tempfile.TemporaryDirectory(prefix="galley-undisturbed-") as folder:
        root = Path(folder) / "root"
        environment = environment_of(starters_and_echo(root, worker_python=WORKER, worker_slots=1))
        done = command(environment, "run", "--requests", str(request_file(Path(folder) / "requests.jsonl")))
        assert done.returncode == 0, done.stdout + done.stderr
        return items(environment, "latest")
