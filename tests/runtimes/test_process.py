"""The process runtime, with this interpreter as the worker's and the echo engine as the model."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from galley.errors import JobSpecError
from galley.ledger import read_results
from galley.runtimes import ProcessRuntime, label, open_runtime
from galley.runtimes.process import worker_environment
from galley.settings import Settings
from galley.storage import Zones
from tests.jobs import put_job, request, source, text_model

SLEEPER = """
import signal, sys, time
if {stubborn}:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("started", file=sys.stderr, flush=True)
time.sleep(60)
"""


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", worker_python=Path(sys.executable))


@pytest.fixture
def zones(settings):
    return Zones.from_settings(settings)


@pytest.fixture
def model(tmp_path):
    return source(text_model(tmp_path / "model"), engine="echo")


@pytest.fixture
def runtime(settings):
    made = ProcessRuntime.from_settings(settings)
    yield made
    for lock in (settings.home / "jobs").glob("*/*/lock"):
        made.cancel(f"{lock.parent.relative_to(settings.home / 'jobs')}/{lock.read_text()}", grace=0)


def stand_in(tmp_path, settings, program):
    """A runtime whose interpreter runs ``program`` in place of the worker."""
    path = tmp_path / "python"
    this = sys.executable
    path.write_text(f'#!/bin/sh\nif [ "$1" = -m ]; then exec {this} -c \'{program}\'; fi\nexec {this} "$@"\n')
    path.chmod(0o755)
    return ProcessRuntime(settings.home, path, worker_environment(settings))


def wait(runtime, handle, seconds=30.0):
    deadline = time.monotonic() + seconds
    while (status := runtime.status(handle)).state == "running":
        assert time.monotonic() < deadline, runtime.tail(handle)
        threading.Event().wait(0.01)
    return status.exit_code


def wait_for_line(runtime, handle, text):
    deadline = time.monotonic() + 30
    while text not in runtime.tail(handle):
        assert time.monotonic() < deadline, runtime.tail(handle)
        threading.Event().wait(0.01)


def some_job(zones, model, **more):
    return put_job(zones, [request("text", "hello", model.digest)], model, **more)


def test_a_job_runs_to_its_end_and_its_exit_code_and_log_are_kept(runtime, zones, model):
    job, uri = some_job(zones, model)
    handle = runtime.submit(job, uri)
    assert wait(runtime, handle) == 0, runtime.tail(handle)
    store, key = zones.resolve(job.prefix)
    assert len(read_results(store, f"{key}/results", check="sha256").lines) == 1
    chunk = runtime.logs(handle)
    assert any("event=generated" in line for line in chunk.lines)
    assert runtime.logs(handle, chunk.cursor).lines == ()
    assert runtime.find(job) is None


@pytest.mark.parametrize(("change", "code"), [({"model": None}, 65), ({"batches": ()}, 65)])
def test_a_wrong_job_ends_with_65(runtime, zones, model, change, code):
    job, uri = some_job(zones, model)
    store, key = zones.resolve(uri)
    store.put(key, job.model_copy(update=change).model_dump_json().encode())
    assert wait(runtime, runtime.submit(job, uri)) == code


def test_a_bug_ends_with_1_and_a_traceback(runtime, zones, model):
    job, uri = put_job(zones, [request("text", "CRASH", model.digest)], model)
    handle = runtime.submit(job, uri)
    assert wait(runtime, handle) == 1
    assert "RuntimeError: the engine crashed" in runtime.tail(handle)


def test_a_second_submission_finds_the_first(tmp_path, settings, zones, model, runtime):
    job, uri = some_job(zones, model)
    sleeper = stand_in(tmp_path, settings, SLEEPER.format(stubborn=False))
    first = sleeper.submit(job, uri)
    assert sleeper.submit(job, uri) == first
    assert ProcessRuntime.from_settings(settings).find(job) == first
    assert sleeper.status(first).state == "running"
    sleeper.cancel(first)
    assert sleeper.find(job) is None


def test_another_execution_has_a_handle_and_a_log_of_its_own(runtime, zones, model):
    job, uri = some_job(zones, model)
    first = runtime.submit(job, uri)
    wait(runtime, first)
    second = runtime.submit(job, uri)
    assert second != first
    assert wait(runtime, second) == 0
    assert runtime.status(first).exit_code == 0
    assert "event=generated" in runtime.tail(first)
    assert "event=generated" not in runtime.tail(second)


def test_cancel_terminates(tmp_path, settings, zones, model, runtime):
    job, uri = some_job(zones, model)
    sleeper = stand_in(tmp_path, settings, SLEEPER.format(stubborn=False))
    handle = sleeper.submit(job, uri)
    wait_for_line(sleeper, handle, "started")
    sleeper.cancel(handle)
    assert sleeper.status(handle).exit_code == -signal.SIGTERM


def test_cancel_kills_what_does_not_listen(tmp_path, settings, zones, model, runtime):
    job, uri = some_job(zones, model)
    sleeper = stand_in(tmp_path, settings, SLEEPER.format(stubborn=True))
    handle = sleeper.submit(job, uri)
    wait_for_line(sleeper, handle, "started")
    sleeper.cancel(handle, grace=0.1)
    assert sleeper.status(handle).state == "ended"
    assert sleeper.status(handle).exit_code == -signal.SIGKILL


def processes(settings, handle):
    return json.loads((settings.home / "jobs" / handle / "handle.json").read_bytes())


def test_a_worker_whose_guardian_died_still_counts_as_running_and_can_be_ended(
    tmp_path, settings, zones, model, runtime
):
    job, uri = some_job(zones, model)
    sleeper = stand_in(tmp_path, settings, SLEEPER.format(stubborn=False))
    handle = sleeper.submit(job, uri)
    wait_for_line(sleeper, handle, "started")
    os.kill(processes(settings, handle)["pid"], signal.SIGKILL)
    assert sleeper.status(handle).state == "running"
    assert sleeper.find(job) == handle
    sleeper.cancel(handle)
    assert sleeper.status(handle).exit_code is None


def test_a_killed_worker_leaves_its_signal(tmp_path, settings, zones, model, runtime):
    job, uri = some_job(zones, model)
    sleeper = stand_in(tmp_path, settings, SLEEPER.format(stubborn=False))
    handle = sleeper.submit(job, uri)
    wait_for_line(sleeper, handle, "started")
    os.kill(processes(settings, handle)["group"], signal.SIGKILL)
    assert wait(sleeper, handle) == -signal.SIGKILL


def test_a_recycled_process_id_is_neither_mistaken_for_the_job_nor_signalled(tmp_path, settings, zones, model, runtime):
    job, uri = some_job(zones, model)
    handle = runtime.submit(job, uri)
    wait(runtime, handle)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True) as innocent:
        path = settings.home / "jobs" / handle / "handle.json"
        path.write_text(json.dumps(json.loads(path.read_bytes()) | {"group": innocent.pid}))
        assert runtime.status(handle).state == "ended"
        runtime._signal(handle, signal.SIGKILL)
        assert innocent.poll() is None
        innocent.kill()


def test_the_job_survives_the_process_group_that_submitted_it(tmp_path, settings, zones, model, runtime):
    job, uri = some_job(zones, model)
    sleeper = stand_in(tmp_path, settings, SLEEPER.format(stubborn=False))
    program = (
        "import sys\nfrom pathlib import Path\nfrom galley.items import Job\n"
        "from galley.runtimes.process import ProcessRuntime, worker_environment\nfrom galley.settings import Settings\n"
        f"settings = Settings(home=Path({str(settings.home)!r}))\n"
        f"runtime = ProcessRuntime(settings.home, Path({str(tmp_path / 'python')!r}), worker_environment(settings))\n"
        f"print(runtime.submit(Job.model_validate_json(sys.stdin.read()), {uri!r}), flush=True)\n"
        "input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program.replace("sys.stdin.read()", "sys.stdin.readline()")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    ) as submitter:  # fmt: skip
        submitter.stdin.write(job.model_dump_json() + "\n")
        submitter.stdin.flush()
        handle = submitter.stdout.readline().strip()
        os.killpg(submitter.pid, signal.SIGKILL)
        submitter.wait()
    assert sleeper.status(handle).state == "running"
    assert sleeper.submit(job, uri) == handle
    sleeper.cancel(handle)


def test_the_worker_sees_no_airflow_secrets_and_the_same_stores(settings, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_STORE", "hunter2")
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "hunter2")
    monkeypatch.setenv("GALLEY_DATABASE_URL", "postgresql://user:hunter2@db/galley")
    environment = worker_environment(settings)
    assert "hunter2" not in " ".join(environment.values())
    assert environment["GALLEY_WORK_URL"] == settings.zone("work")
    assert environment["GALLEY_HOME"] == str(settings.home)


def test_a_missing_interpreter_is_named_with_its_remedy(tmp_path, settings, zones, model):
    job, uri = some_job(zones, model)
    runtime = ProcessRuntime(settings.home, tmp_path / "none", {})
    with pytest.raises(JobSpecError, match="make setup"):
        runtime.submit(job, uri)


@pytest.mark.parametrize("handle", ["../../etc", "/etc", "run/job/../../../.."])
def test_a_handle_cannot_lead_out_of_the_jobs(runtime, handle):
    with pytest.raises(JobSpecError, match="not the handle"):
        runtime.status(handle)


def test_an_unknown_execution_has_ended_without_a_code(runtime):
    status = runtime.status("run/job/0007")
    assert (status.state, status.exit_code) == ("ended", None)


def test_runtimes_have_names(settings, zones, model):
    assert open_runtime("", settings).name == open_runtime("process", settings).name == "process"
    with pytest.raises(JobSpecError, match="no runtime 'moon'"):
        open_runtime("moon", settings)
    job, _ = some_job(zones, model)
    assert label(job) == f"{job.run}/{job.job}"
