"""A standing Airflow for tests: started by `galley up`, ended by `galley down`, and what a test asks it in between."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import stamina
import yaml

from galley.airflow.lock import LOCK, members
from galley.airflow.ports import free_port
from galley.airflow.rest import AirflowApi, ApiError
from galley.items import run_name
from galley.settings import Settings
from galley.stages.record import Report
from galley.stages.run import RunFiles
from galley.storage import Zones
from tests.conftest import ROOT
from tests.pipeline import installation

WORKER = ROOT / ".venv-worker" / "bin" / "python"
GALLEY = ROOT / ".venv" / "bin" / "galley"
PATIENCE = 1800.0
"""Seconds that a test waits for what takes some on an idle machine: it may be a busy one."""
PICTURES = """\
name: pictures
checks:
  personal_data: {type: patterns, classes: {email: hold, card: block}}
  image_safety: {type: image_safety, model: starter-image, default: {}}  # scores are recorded and mean nothing
"""
_Found = TypeVar("_Found")


def eventually(look: Callable[[], _Found | None], what: str, seconds: float = PATIENCE) -> _Found:
    """What ``look`` finds at last; raises `TimeoutError` that names ``what`` was waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(ApiError):  # its API server may be the very thing that was killed
            if found := look():
                return found
        time.sleep(0.5)
    raise TimeoutError(f"waited {seconds:.0f} s for {what}")


def starters_and_echo(root: Path, **changes: Any) -> Settings:
    """An installation with the echo engine's model as default for texts, and the trained starters beside it.

    Under its policy ``pictures`` the starter's own safety checker looks at every picture, and all are published.
    """
    settings = installation(root, **changes)
    (settings.policies_dir / "pictures.yaml").write_text(PICTURES)
    registry = yaml.safe_load((ROOT / "include" / "models" / "models.yaml").read_text())
    models = {name: registry["models"][name] for name in ("starter-image", "starter-text")}
    for name, entry in models.items():
        entry["source"] = str(ROOT / "include" / "models" / name)
        entry["engine"] = "stock"  # whose batches are the plan's, so that a test can count them
    models |= yaml.safe_load(settings.models_file.read_text())["models"]
    defaults = {"image": "starter-image", "text": "echo"}
    settings.models_file.write_text(yaml.safe_dump({"defaults": defaults, "models": models}))
    return settings


@dataclass(frozen=True)
class Standing:
    """One that is up.

    Attributes:
        settings: of its installation; ``GALLEY_HOME`` and all else is temporary, DAGs and plugins are the project's.
        environment: of its commands and components.
        url: of its UI and API.
        user: who logs in.
        password: as `galley up` printed it.
        api: the user's REST client.
    """

    settings: Settings
    environment: dict[str, str]
    url: str
    user: str
    password: str
    api: AirflowApi

    @property
    def zones(self) -> Zones:
        """Its stores."""
        return Zones.from_settings(self.settings)

    @property
    def logs(self) -> Path:
        """Logs of the supervisor and the components."""
        return self.settings.home / "airflow" / "logs"

    def galley(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the installation."""
        return command(self.environment, *arguments)

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> str:
        """Start a run over REST, as the form does; returns its run id. Raises `ApiError` for what the API refuses.

        The id is chosen here, so that where an answer is lost the run is looked for and never started twice.
        """
        run_id = f"manual__{uuid.uuid4()}"
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf or {}}

        for attempt in stamina.retry_context(on=_no_answer, attempts=5, timeout=PATIENCE):
            with attempt:
                try:
                    self.api.post(f"/dags/{dag_id}/dagRuns", body)
                except ApiError as error:
                    if error.status != 409:  # it is there: of an attempt whose answer was lost
                        raise
        return run_id

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """All runs of a DAG, as the API has them, oldest first."""
        runs: list[dict[str, Any]] = []
        while True:
            page = self.api.get(f"/dags/{dag_id}/dagRuns", order_by="id", limit=100, offset=len(runs))
            runs += page["dag_runs"]
            if len(runs) >= page["total_entries"] or not page["dag_runs"]:
                return runs

    def state(self, dag_id: str, run_id: str) -> str:
        """State of a run."""
        return str(self.api.get(f"/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def wait(self, dag_id: str, run_id: str, seconds: float = PATIENCE) -> str:
        """Wait for a run's end; returns its state."""

        def ended() -> str | None:
            state = self.state(dag_id, run_id)
            return state if state in ("success", "failed") else None

        return eventually(ended, f"the end of {dag_id} {run_id}", seconds)

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Task instances of a run, as the API has them."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        found: list[dict[str, Any]] = self.api.get(path, limit=200)["task_instances"]
        return found

    def states(self, dag_id: str, run_id: str) -> dict[str, str]:
        """Task to state; the states of a mapped one's instances joined by commas."""
        states: dict[str, set[str]] = {}
        for each in self.tasks(dag_id, run_id):
            states.setdefault(each["task_id"], set()).add(str(each["state"]))
        return {task: ", ".join(sorted(each)) for task, each in states.items()}

    def wait_task(self, dag_id: str, run_id: str, task_id: str, *states: str) -> dict[str, Any]:
        """Wait until an instance of a task is in one of the states; returns it."""

        def there() -> dict[str, Any] | None:
            found = [each for each in self.tasks(dag_id, run_id) if each["task_id"] == task_id]
            return next((each for each in found if each["state"] in states), None)

        return eventually(there, f"{task_id} of {dag_id} {run_id} to be {' or '.join(states)}")

    def files(self, dag_id: str, run_id: str) -> RunFiles:
        """A run's objects."""
        return RunFiles(self.zones.work, run_name(dag_id, run_id))

    def report(self, dag_id: str, run_id: str) -> Report:
        """What became of a run."""
        report = self.files(dag_id, run_id).read("report.json", Report)
        assert report is not None, f"{dag_id} {run_id} has no report"
        return report

    def task_log(self, instance: dict[str, Any]) -> str:
        """Everything a task instance's current try has logged so far."""
        where = "/".join(f"{name}={instance[key]}" for name, key in _LOG)
        mapped = f"/map_index={instance['map_index']}" if instance["map_index"] >= 0 else ""
        return (self.logs / f"{where}{mapped}" / f"attempt={instance['try_number']}.log").read_text()

    def trouble(self, dag_id: str, run_id: str) -> str:
        """What a run's tasks came to, and the last lines of those that failed."""
        said = [f"{task}: {state}" for task, state in self.states(dag_id, run_id).items()]
        for each in self.tasks(dag_id, run_id):
            if each["state"] == "failed":
                with suppress(OSError):
                    lines = self.task_log(each).splitlines()[-30:]
                    said += [f"--- {each['task_id']}, try {each['try_number']}:", *lines]
        return "\n".join(said)

    def pid(self, name: str) -> int:
        """Process id of a component: ``scheduler``, ``triggerer``, ``dag-processor`` or ``api-server``."""
        log = (self.logs / "supervisor.log").read_text()
        return int(re.findall(rf" {name} started \(process (\d+)\)", log)[-1])

    def kill(self, name: str) -> None:
        """SIGKILL a component."""
        os.kill(self.pid(name), signal.SIGKILL)

    def wait_again(self, name: str, killed: int) -> None:
        """Wait until a component that was killed, by its process id then, is up and healthy anew."""
        eventually(lambda: self.pid(name) != killed, f"{name} to be started again")
        beat = name.replace("-", "_")
        before = None if name == "api-server" else self.api.health()[beat][f"latest_{beat}_heartbeat"]

        def healthy() -> bool:
            said = self.api.health()
            if name == "api-server":
                return bool(said["metadatabase"]["status"] == "healthy")
            return bool(said[beat]["status"] == "healthy" and said[beat][f"latest_{beat}_heartbeat"] != before)

        eventually(healthy, f"{name} to be healthy again")

    def members(self) -> list[int]:
        """All processes of this Airflow."""
        return members(self.settings.home / LOCK)


def _no_answer(error: Exception) -> bool:
    """Whether nobody knows what came of a request."""
    return isinstance(error, ApiError) and not 0 < error.status < 500


_LOG = (("dag_id", "dag_id"), ("run_id", "dag_run_id"), ("task_id", "task_id"))


def command(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``galley`` with exactly this environment."""
    return subprocess.run([str(GALLEY), *arguments], env=environment, capture_output=True, text=True, check=False)


def environment_of(settings: Settings, **extra: str) -> dict[str, str]:
    """The environment that leads a ``galley`` command to an installation."""
    names = ("home", "briefs_dir", "policies_dir", "models_file", "worker_python", "worker_threads", "worker_slots")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "GALLEY_"))}
    return clean | {f"GALLEY_{name.upper()}": str(getattr(settings, name)) for name in names} | extra


@contextmanager
def standing(settings: Settings, **extra: str) -> Iterator[Standing]:
    """Start Airflow on a free port and end it.

    Args:
        settings: of the installation.
        extra: environment variables.
    """
    environment = environment_of(settings, GALLEY_PORT=str(free_port()), **extra)
    up = command(environment, "up", f"--wait={PATIENCE}")
    assert up.returncode == 0, up.stdout + up.stderr
    said = dict(re.findall(r"^(Airflow|user|password) +(\S+)$", up.stdout, re.MULTILINE))
    try:
        with AirflowApi(said["Airflow"], said["user"], said["password"]) as api:
            yield Standing(settings, environment, said["Airflow"], said["user"], said["password"], api)
    finally:
        down = command(environment, "down")
        assert down.returncode == 0, down.stdout + down.stderr
        assert members(settings.home / LOCK) == []
