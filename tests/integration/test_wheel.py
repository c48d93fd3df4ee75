"""The wheel in an Airflow that somebody else runs: clean environments, no checkout, `airflow standalone`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from galley.airflow.ports import free_port
from galley.airflow.rest import AirflowApi
from tests.conftest import ROOT
from tests.integration.environments import environment_like
from tests.integration.standing import PATIENCE, WORKER, eventually

INBOX = "inbox_content"
BUNDLES = [{"name": "galley", "classpath": "galley.airflow.bundle.GalleyDagBundle", "kwargs": {}}]


@dataclass(frozen=True)
class Elsewhere:
    """Somebody else's Airflow.

    Attributes:
        home: ``AIRFLOW_HOME``.
        environment: of its processes.
        python: that has Airflow and the wheel.
        url: of its API server.
    """

    home: Path
    environment: dict[str, str]
    python: Path
    url: str

    def run(self, script: str, *arguments: str) -> str:
        """Run a command of the environment; returns what it printed."""
        command = [str(self.python.with_name(script)), *arguments]
        done = subprocess.run(command, env=self.environment, cwd=self.home, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def standalone(self) -> Iterator[None]:
        """All of Airflow, for as long as the block lasts."""
        with (self.home / "standalone.log").open("wb") as log:
            process = subprocess.Popen(
                [str(self.python), "-m", "airflow", "standalone"],
                env=self.environment,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield
        finally:
            for each in psutil.process_iter():
                with suppress(ProcessLookupError):
                    if os.getsid(each.pid) == process.pid:
                        os.kill(each.pid, signal.SIGKILL)
            process.wait()

    def api(self) -> AirflowApi:
        """The REST API, once the API server has made itself a password."""
        file = self.home / "simple_auth_manager_passwords.json.generated"
        password = eventually(lambda: file.exists() and json.loads(file.read_text() or "{}").get("admin"), "a password")
        return AirflowApi(self.url, "admin", str(password))


def environment_with(wheel: Path, like: Path, into: Path) -> Path:
    """An environment like another, and the wheel in it; returns its interpreter."""
    python = environment_like(like, into)
    pip = [str(like), "-m", "pip", "--python", str(python), "install", "-q", "--no-index", "--no-deps", str(wheel)]
    subprocess.run([*pip, "--disable-pip-version-check"], check=True)
    return python


@pytest.fixture(scope="module")
def wheel() -> Path:
    """What `make wheel` builds."""
    subprocess.run(["make", "--no-print-directory", "wheel"], cwd=ROOT, check=True)
    (found,) = (ROOT / "dist").glob("galley-*.whl")
    return found


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Elsewhere:
    if not WORKER.exists():
        pytest.skip("the worker's environment is not there; run: make setup")
    root = tmp_path_factory.mktemp("elsewhere")
    python = environment_with(wheel, ROOT / ".venv" / "bin" / "python", root / "airflow-env")
    worker = environment_with(wheel, WORKER, root / "worker-env")
    # The packages were linked without their scripts, and `airflow standalone` finds its parts on PATH.
    script = python.with_name("airflow")
    script.write_text(f"#!{python}\nfrom airflow.__main__ import main\nmain()\n")
    script.chmod(0o755)
    home, url = root / "home", f"http://127.0.0.1:{free_port()}"
    home.mkdir()
    hidden = ("AIRFLOW", "GALLEY_", "PYTHON", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    environment |= {
        "PATH": f"{python.parent}{os.pathsep}{environment['PATH']}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": url.rsplit(":", 1)[1],
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(BUNDLES),
        "GALLEY_WORKER_PYTHON": str(worker),
    }
    return Elsewhere(home, environment, python, url)


def test_the_wheel_in_a_clean_airflow_publishes(elsewhere: Elsewhere) -> None:
    # What the README tells people to do.
    elsewhere.run("airflow", "db", "migrate")
    for pool in ("generation", "gpu"):
        elsewhere.run("airflow", "pools", "set", pool, "1", "jobs of Galley", "--include-deferred")
    elsewhere.run("galley", "db", "migrate")
    checks = [json.loads(line) for line in elsewhere.run("galley", "doctor", "--format", "jsonl").splitlines()]
    assert str(ROOT) not in str(checks) and f"{elsewhere.home}/galley" in str(checks)
    with elsewhere.standalone(), elsewhere.api() as api:
        wanted = {path.stem for path in (ROOT / "dags").glob("*.py")}
        eventually(lambda: {each["dag_id"] for each in api.get("/dags")["dags"]} == wanted, "all DAGs to be parsed")
        assert api.get("/importErrors")["import_errors"] == []
        assert all(each["is_paused"] for each in api.get("/dags")["dags"])  # what runs is for its owner to say
        assert "galley" in {each["package_name"] for each in api.get("/providers", limit=100)["providers"]}
        assert "galley" in {each["name"] for each in api.get("/plugins")["plugins"]}

        # A watcher: its trigger must be importable where the triggerer runs.
        rows = (
            {"custom_id": "copy", "kind": "text", "prompt": "Product: Velorin Peak, desk lamp | Copy:"},
            {"custom_id": "picture", "kind": "image", "prompt": "a large red circle on a white background"},
        )
        inbox = elsewhere.home / "galley" / "store" / "inbox"
        inbox.mkdir(parents=True, exist_ok=True)
        (inbox / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        api.patch(f"/dags/{INBOX}", {"is_paused": False})
        run = eventually(lambda: api.get(f"/dags/{INBOX}/dagRuns")["dag_runs"], "the file to start a run")[0]
        path = f"/dags/{INBOX}/dagRuns/{run['dag_run_id']}"
        eventually(lambda: api.get(path)["state"] in ("success", "failed"), "the run to end", PATIENCE)
        tasks = {each["task_id"]: each["state"] for each in api.get(f"{path}/taskInstances")["task_instances"]}
        assert api.get(path)["state"] == "success", tasks
    items = [json.loads(line) for line in elsewhere.run("galley", "items", "--format", "jsonl").splitlines()]
    states = {item["custom_id"]: item["state"] for item in items}
    assert set(states) == {"copy", "picture"} and set(states.values()) <= {"published", "held"}, states
    assert "published" in states.values(), states
