"""The process runtime, with this interpreter as the worker's and the echo engine as the model."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from galley.errors import JobSpecError
from galley.runtimes import ProcessRuntime, label, open_runtime
from galley.runtimes.base import HEAP
from galley.runtimes.process import worker_environment
from galley.settings import Settings
from tests.jobs import put_job, request
from tests.runtimes.conformance import RuntimeConformance, log, until, wait


class TestProcessRuntime(RuntimeConformance):
    @pytest.fixture
    def settings(self, tmp_path):
        made = Settings(home=tmp_path / "home", worker_python=Path(sys.executable), runtime="process")
        yield made
        runtime = ProcessRuntime.from_settings(made)
        for lock in (made.home / "jobs").glob("*/*/lock"):
            runtime.cancel(f"{lock.parent.relative_to(made.home / 'jobs')}/{lock.read_text()}", grace=0)

    @pytest.fixture
    def stand_in(self, tmp_path, settings):
        def interpreter(program):
            path = tmp_path / "python"
            (tmp_path / "program.py").write_text(program)
            this = sys.executable
            path.write_text(
                f'#!/bin/sh\nif [ "$1" = -m ]; then exec {this} {tmp_path}/program.py; fi\nexec {this} "$@"\n'
            )
            path.chmod(0o755)
            return settings.model_copy(update={"worker_python": path})

        return interpreter

    def test_a_worker_whose_guardian_died_still_counts_as_running_and_can_be_ended(self, settings, sleeper, job):
        handle = sleeper.submit(*job)
        until(lambda: "started" in log(sleeper, handle))
        os.kill(processes(settings, handle)["pid"], signal.SIGKILL)
        assert sleeper.status(handle).state == "running"
        assert sleeper.find(job[0]) == handle
        sleeper.cancel(handle)
        assert sleeper.status(handle).exit_code is None

    def test_the_reaper_ends_what_nobody_waits_for(self, sleeper, zones, model, job):
        other, other_uri = put_job(zones, [request("text", "x", model.digest)], model, run="run-2")
        wanted, orphan = sleeper.submit(*job), sleeper.submit(other, other_uri)
        assert sleeper.reap(lambda label: label.startswith("run-1/")) == [f"run-2/{other.job}"]
        assert [sleeper.status(handle).state for handle in (wanted, orphan)] == ["running", "ended"]
        sleeper.cancel(wanted, grace=0)
        assert sleeper.reap(lambda label: False) == []

    def test_a_killed_worker_leaves_its_signal(self, settings, sleeper, job):
        handle = sleeper.submit(*job)
        until(lambda: "started" in log(sleeper, handle))
        os.kill(processes(settings, handle)["group"], signal.SIGKILL)
        assert wait(sleeper, handle) == -signal.SIGKILL

    def test_a_recycled_process_id_is_neither_mistaken_for_the_job_nor_signalled(self, settings, runtime, job):
        handle = runtime.submit(*job)
        wait(runtime, handle)
        with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True) as other:
            path = settings.home / "jobs" / handle / "handle.json"
            path.write_text(json.dumps(json.loads(path.read_bytes()) | {"group": other.pid}))
            assert runtime.status(handle).state == "ended"
            runtime._signal(handle, signal.SIGKILL)
            assert other.poll() is None
            other.kill()

    def test_the_worker_sees_no_airflow_secrets_and_the_same_stores(self, settings, monkeypatch):
        monkeypatch.setenv("AIRFLOW_CONN_STORE", "hunter2")
        monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "hunter2")
        monkeypatch.setenv("GALLEY_DATABASE_URL", "postgresql://user:hunter2@db/galley")
        environment = worker_environment(settings)
        assert "hunter2" not in " ".join(environment.values())
        assert environment["GALLEY_WORK_URL"] == settings.zone("work")
        assert environment["GALLEY_HOME"] == str(settings.home)
        assert environment.items() >= HEAP.items()

    def test_a_missing_interpreter_is_named_with_its_remedy(self, tmp_path, settings, job):
        runtime = ProcessRuntime(settings.home, tmp_path / "none", {})
        with pytest.raises(JobSpecError, match="make setup"):
            runtime.submit(*job)

    def test_an_unknown_execution_has_ended_without_a_code(self, runtime):
        status = runtime.status("run/job/0007")
        assert (status.state, status.exit_code) == ("ended", None)

    def test_runtimes_have_names(self, settings, job):
        assert open_runtime("", settings).name == open_runtime("process", settings).name == "process"
        with pytest.raises(JobSpecError, match="no runtime 'moon'"):
            open_runtime("moon", settings)
        assert label(job[0]) == f"{job[0].run}/{job[0].job}"


def processes(settings, handle):
    return json.loads((settings.home / "jobs" / handle / "handle.json").read_bytes())
