"""What every runtime must do. A runtime's test module subclasses `RuntimeConformance` and provides two fixtures.

``settings`` are an installation's whose runtime it is, with the echo engine's environment for its jobs.
``stand_in(program)`` gives settings of the same installation whose jobs run a Python program in place of the worker.
Whatever still runs at the end is the module's to end.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from galley.errors import JobSpecError
from galley.exit_codes import meaning
from galley.ledger import read_results
from galley.runtimes import open_runtime
from galley.storage import Zones
from tests.jobs import put_job, request, source, text_model

SLEEPER = """
import signal, sys, time
if {stubborn}:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("started", file=sys.stderr, flush=True)
time.sleep(120)
"""
TALKER = """
import os, sys, time
go = {go!r}
print("x" * 50000, file=sys.stderr, flush=True)
print("first", file=sys.stderr, flush=True)
print("half a ", end="", file=sys.stderr, flush=True)
while not os.path.exists(go):
    time.sleep(0.02)
print("line", file=sys.stderr, flush=True)
print("no end", end="", file=sys.stderr, flush=True)
"""
SUBMITTER = """
import sys
from galley.items import Job
from galley.runtimes import open_runtime
from galley.settings import Settings
settings, job, uri = Settings.model_validate_json(input()), Job.model_validate_json(input()), input()
print(open_runtime("", settings).submit(job, uri), flush=True)
input()
"""
PATIENCE = 120.0
"""Seconds that tests wait for what must come."""


def log(runtime, handle):
    lines, cursor = [], 0
    while (chunk := runtime.logs(handle, cursor)).lines:
        lines, cursor = [*lines, *chunk.lines], chunk.cursor
    return lines


def until(condition, what=lambda: ""):
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, what()
        threading.Event().wait(0.02)
    return found


def wait(runtime, handle):
    until(lambda: runtime.status(handle).state == "ended", lambda: log(runtime, handle))
    return runtime.status(handle).exit_code


class RuntimeConformance:
    @pytest.fixture
    def runtime(self, settings):
        return open_runtime("", settings)

    @pytest.fixture
    def zones(self, settings):
        return Zones.from_settings(settings)

    @pytest.fixture
    def model(self, tmp_path):
        return source(text_model(tmp_path / "model"), engine="echo")

    @pytest.fixture
    def job(self, zones, model):
        return put_job(zones, [request("text", "hello", model.digest)], model)

    @pytest.fixture
    def sleeper(self, stand_in):
        return open_runtime("", stand_in(SLEEPER.format(stubborn=False)))

    def test_a_job_runs_to_its_end_and_its_exit_code_and_log_are_kept(self, runtime, zones, job):
        spec, uri = job
        handle = runtime.submit(spec, uri)
        assert wait(runtime, handle) == 0, log(runtime, handle)
        store, key = zones.resolve(spec.prefix)
        assert len(read_results(store, f"{key}/results", check="sha256").lines) == 1
        chunk = runtime.logs(handle)
        assert any("event=generated" in line for line in chunk.lines)
        assert runtime.logs(handle, chunk.cursor).lines == ()
        assert runtime.find(spec) is None

    @pytest.mark.parametrize("change", [{"model": None}, {"batches": ()}])
    def test_a_wrong_job_ends_with_65(self, runtime, zones, job, change):
        spec, uri = job
        store, key = zones.resolve(uri)
        store.put(key, spec.model_copy(update=change).model_dump_json().encode())
        assert wait(runtime, runtime.submit(spec, uri)) == 65

    def test_a_bug_ends_with_1_and_a_traceback(self, runtime, zones, model):
        spec, uri = put_job(zones, [request("text", "CRASH", model.digest)], model)
        handle = runtime.submit(spec, uri)
        assert wait(runtime, handle) == 1
        assert "RuntimeError: the engine crashed" in "\n".join(log(runtime, handle))

    def test_a_second_submission_finds_the_first(self, sleeper, settings, job):
        spec, uri = job
        first = sleeper.submit(spec, uri)
        assert sleeper.submit(spec, uri) == first
        assert open_runtime("", settings).find(spec) == first
        assert sleeper.status(first).state == "running"
        sleeper.cancel(first)
        assert sleeper.find(spec) is None

    def test_of_racing_submissions_one_starts_the_job(self, sleeper, job):
        spec, uri = job
        with ThreadPoolExecutor(6) as pool:
            handles = set(pool.map(lambda _: sleeper.submit(spec, uri), range(6)))
        assert len(handles) == 1
        sleeper.cancel(handles.pop(), grace=0)

    def test_jobs_of_one_run_are_under_way_side_by_side(self, sleeper, zones, model, job):
        other, other_uri = put_job(zones, [request("text", "hello", model.digest)], model, job="generate-toy-01")
        handles = [sleeper.submit(*job), sleeper.submit(other, other_uri)]
        assert [sleeper.find(job[0]), sleeper.find(other)] == handles
        sleeper.cancel(handles[0], grace=0)
        assert sleeper.status(handles[1]).state == "running"
        sleeper.cancel(handles[1], grace=0)

    def test_another_execution_has_a_handle_and_a_log_of_its_own(self, runtime, job):
        first = runtime.submit(*job)
        wait(runtime, first)
        second = runtime.submit(*job)
        assert second != first
        assert wait(runtime, second) == 0
        assert runtime.status(first).exit_code == 0
        assert any("event=generated" in line for line in log(runtime, first))
        assert not any("event=generated" in line for line in log(runtime, second))

    def test_cancel_terminates(self, sleeper, job):
        handle = sleeper.submit(*job)
        until(lambda: "started" in log(sleeper, handle))
        sleeper.cancel(handle)
        assert sleeper.status(handle).exit_code in (-signal.SIGTERM, 128 + signal.SIGTERM)
        sleeper.cancel(handle)

    def test_cancel_kills_what_does_not_listen(self, stand_in, job):
        stubborn = open_runtime("", stand_in(SLEEPER.format(stubborn=True)))
        handle = stubborn.submit(*job)
        until(lambda: "started" in log(stubborn, handle))
        stubborn.cancel(handle, grace=0.1)
        assert stubborn.status(handle).exit_code in (-signal.SIGKILL, 128 + signal.SIGKILL)
        assert meaning(stubborn.status(handle).exit_code) == "again"

    def test_the_log_comes_in_whole_lines_and_goes_on_where_it_was_left(self, stand_in, settings, model, job):
        spec, uri = job
        go = Path(model.source) / "go"  # a job sees its model, wherever its store is
        talker = open_runtime("", stand_in(TALKER.format(go=str(go))))
        handle = talker.submit(spec, uri)
        lines, cursor = [], 0

        def more():
            nonlocal cursor
            chunk = open_runtime("", settings).logs(handle, cursor)
            cursor = chunk.cursor
            lines.extend(chunk.lines)
            return lines

        until(lambda: len(more()) >= 2, lambda: lines)
        assert lines == ["x" * 50000, "first"]
        go.touch()
        wait(talker, handle)
        until(lambda: len(more()) >= 4, lambda: lines)
        assert more() == ["x" * 50000, "first", "half a line", "no end"]

    def test_the_job_survives_the_process_group_that_submitted_it(self, stand_in, job):
        spec, uri = job
        settings = stand_in(SLEEPER.format(stubborn=False))
        with subprocess.Popen(
            [sys.executable, "-c", SUBMITTER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        ) as submitter:  # fmt: skip
            submitter.stdin.write(f"{settings.model_dump_json()}\n{spec.model_dump_json()}\n{uri}\n")
            submitter.stdin.flush()
            handle = submitter.stdout.readline().strip()
            os.killpg(submitter.pid, signal.SIGKILL)
            submitter.wait()
        runtime = open_runtime("", settings)
        assert runtime.status(handle).state == "running"
        assert runtime.find(spec) == handle
        assert runtime.submit(spec, uri) == handle
        runtime.cancel(handle)

    @pytest.mark.parametrize("handle", ["../../etc", "/etc", "run/job/../../../..", ""])
    def test_what_is_no_handle_is_refused(self, runtime, handle):
        for ask in (runtime.status, runtime.logs, runtime.cancel):
            with pytest.raises(JobSpecError, match="not the handle"):
                ask(handle)

    def test_an_environment_has_a_lasting_name(self, settings, stand_in):
        assert open_runtime("", settings).environment() == open_runtime("", settings).environment()
