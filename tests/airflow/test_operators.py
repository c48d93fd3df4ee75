from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred
from airflow.triggers.base import TriggerEvent

from galley.airflow.job_trigger import JobTrigger
from galley.airflow.operators import JobOperator
from galley.errors import JobError, JobInterrupted, JobSpecError
from galley.items import Job
from galley.runtimes import JobStatus, LogChunk
from galley.storage import Zones


@dataclass
class FakeRuntime:
    """A working runtime of jobs that end when they have been looked at often enough.

    Attributes:
        codes: exit codes of the executions, in order; the last one repeats.
        looks: how often a running execution is seen running before it ends.
        running: label of a job to the handle of its running execution.
    """

    codes: list[int | None] = field(default_factory=lambda: [0])
    looks: int = 1
    name: str = "fake"
    running: dict[str, str] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)

    def submit(self, job: Job, uri: str) -> str:
        label = f"{job.run}/{job.job}"
        if label not in self.running:
            self.running[label] = f"{label}/{len(self.started) + 1}"
            self.started.append(self.running[label])
        return self.running[label]

    def find(self, job: Job) -> str | None:
        return self.running.get(f"{job.run}/{job.job}")

    def status(self, handle: str) -> JobStatus:
        self.seen[handle] = self.seen.get(handle, 0) + 1
        if handle in self.running.values() and self.seen[handle] <= self.looks:
            return JobStatus("running")
        self.running = {label: other for label, other in self.running.items() if other != handle}
        number = int(handle.rsplit("/", 1)[1]) - 1
        return JobStatus("ended", self.codes[min(number, len(self.codes) - 1)])

    def logs(self, handle: str, cursor: int = 0) -> LogChunk:
        lines = [f"{handle} line {number}" for number in range(3)]
        return LogChunk(tuple(lines[cursor:]), len(lines))

    def reap(self, wanted: Callable[[str], bool]) -> list[str]:
        return []

    def cancel(self, handle: str, grace: float = 20.0) -> None:
        self.cancelled.append(handle)
        self.running = {label: other for label, other in self.running.items() if other != handle}


class FakeState(dict[str, Any]):
    """What Airflow keeps of a task between its tries."""

    def set(self, key: str, value: Any, **_: Any) -> None:
        self[key] = value


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("GALLEY_HOME", str(tmp_path))
    from galley.settings import Settings

    work = Zones.from_settings(Settings()).work
    job = Job(job="generate-a", run="run-1", command="generate", prefix=f"{work.url}/runs/run-1/jobs/generate-a")
    written = work.put("runs/run-1/jobs/generate-a/job.json", job.model_dump_json().encode())
    return {"job": job.job, "uri": f"{job.prefix}/job.json", "sha256": written.sha256, "runtime": "", "requests": 3}


def operator(spec: dict[str, Any], runtime: FakeRuntime, **given: Any) -> JobOperator:
    return JobOperator(task_id="generate", spec=spec, open_runtime=lambda name, settings: runtime, **given)


def triggerer(deferred: TaskDeferred, runtime: FakeRuntime) -> JobTrigger:
    """The trigger as the triggerer makes it from what was stored."""
    path, arguments = deferred.trigger.serialize()
    assert path == "galley.airflow.job_trigger.JobTrigger"
    return JobTrigger(**arguments | {"poll": 0.0}, open_runtime=lambda name, settings: runtime)


async def events(trigger: JobTrigger) -> list[TriggerEvent]:
    return [event async for event in trigger.run()]


def context(state: FakeState | None = None) -> dict[str, Any]:
    return {"task_state_store": FakeState() if state is None else state}


def test_a_job_is_submitted_waited_for_and_named(spec: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    runtime, given = FakeRuntime(looks=3), context()
    result = operator(spec, runtime).execute(given)
    assert result == spec["uri"].removesuffix("/job.json")
    assert runtime.started == ["run-1/generate-a/1"]
    assert given["label"] == "generate-a"


@pytest.mark.parametrize(
    ("code", "error"), [(65, JobSpecError), (75, JobInterrupted), (-9, JobInterrupted), (1, JobError)]
)
def test_the_exit_code_becomes_the_error_with_the_last_log_lines(spec: dict[str, Any], code: int, error: type) -> None:
    with pytest.raises(error, match="line 2") as caught:
        operator(spec, FakeRuntime(codes=[code])).execute(context())
    assert type(caught.value) is error


def test_another_try_finds_the_running_job_by_its_handle_and_returns_the_result(spec: dict[str, Any]) -> None:
    runtime, state = FakeRuntime(), FakeState()
    handle = operator(spec, runtime).submit_job(context(state))
    state.set("execution", handle)  # and then the task's process died
    result = operator(spec, runtime).execute(context(state))
    assert result == spec["uri"].removesuffix("/job.json")
    assert runtime.started == ["run-1/generate-a/1"]


def test_a_job_found_by_its_label_alone_is_executed_once_more_afterwards(spec: dict[str, Any]) -> None:
    runtime = FakeRuntime(running={"run-1/generate-a": "run-1/generate-a/1"}, started=["run-1/generate-a/1"])
    operator(spec, runtime).execute(context())
    assert runtime.started == ["run-1/generate-a/1", "run-1/generate-a/2"]


@pytest.mark.parametrize("looks", [0, 3])
def test_a_found_job_is_executed_once_more_also_where_the_task_died_again(spec: dict[str, Any], looks: int) -> None:
    runtime, state = FakeRuntime(looks=9), FakeState()
    runtime.running, runtime.started = {"run-1/generate-a": "run-1/generate-a/1"}, ["run-1/generate-a/1"]
    with pytest.raises(TaskDeferred):
        operator(spec, runtime, deferrable=True).execute(context(state))
    runtime.looks, runtime.seen = looks, {}  # and then the triggerer died too
    result = operator(spec, runtime).execute(context(state))
    assert result == spec["uri"].removesuffix("/job.json")
    assert runtime.started == ["run-1/generate-a/1", "run-1/generate-a/2"]


def test_a_job_planned_anew_after_a_found_one_is_executed_once(spec: dict[str, Any]) -> None:
    runtime = FakeRuntime()
    state = FakeState(execution={"handle": "run-1/generate-a/1", "sha256": "0" * 64, "found": True})
    operator(spec, runtime).execute(context(state))
    assert runtime.started == ["run-1/generate-a/1"]
    assert state["execution"] == {"handle": "run-1/generate-a/1", "sha256": spec["sha256"]}


def test_a_job_that_succeeded_before_the_task_died_is_not_submitted_again(spec: dict[str, Any]) -> None:
    runtime = FakeRuntime()
    state = FakeState(execution={"handle": "run-1/generate-a/1", "sha256": spec["sha256"]})
    assert operator(spec, runtime).execute(context(state)) == spec["uri"].removesuffix("/job.json")
    assert runtime.started == []


@pytest.mark.parametrize("code", [75, 1, -9])
def test_a_job_that_ended_otherwise_is_submitted_again(spec: dict[str, Any], code: int) -> None:
    runtime = FakeRuntime(codes=[code, 0])
    with pytest.raises(JobError):
        operator(spec, runtime).execute(context(state := FakeState()))
    operator(spec, runtime).execute(context(state))
    assert runtime.started == ["run-1/generate-a/1", "run-1/generate-a/2"]


def test_a_job_under_another_specification_is_ended_and_this_one_started(spec: dict[str, Any]) -> None:
    runtime = FakeRuntime(running={"run-1/generate-a": "run-1/generate-a/1"}, started=["run-1/generate-a/1"])
    state = FakeState(execution={"handle": "run-1/generate-a/1", "sha256": "0" * 64})
    operator(spec, runtime).execute(context(state))
    assert runtime.cancelled == ["run-1/generate-a/1"]
    assert runtime.started == ["run-1/generate-a/1", "run-1/generate-a/2"]
    assert state["execution"] == {"handle": "run-1/generate-a/2", "sha256": spec["sha256"]}


def test_ending_the_task_ends_the_job(spec: dict[str, Any]) -> None:
    runtime = FakeRuntime()
    task = operator(spec, runtime)
    task.on_kill()  # nothing to end yet
    task.submit_job(context())
    task.on_kill()
    assert runtime.cancelled == ["run-1/generate-a/1"]
    assert runtime.running == {}


def test_deferred_it_waits_in_the_triggerer_and_goes_on_at_the_end(spec: dict[str, Any]) -> None:
    runtime, state = FakeRuntime(looks=4), FakeState()
    with pytest.raises(TaskDeferred) as deferred:
        operator(spec, runtime, deferrable=True).execute(context(state))
    assert state["execution"] == {"handle": "run-1/generate-a/1", "sha256": spec["sha256"]}  # before it deferred
    (event,) = asyncio.run(events(triggerer(deferred.value, runtime)))
    assert event.payload["tail"] == [f"run-1/generate-a/1 line {number}" for number in range(3)]
    resumed = operator(spec, runtime, deferrable=True)
    result = getattr(resumed, deferred.value.method_name)(context(state), event.payload, **deferred.value.kwargs)
    assert result == spec["uri"].removesuffix("/job.json")
    assert runtime.started == ["run-1/generate-a/1"]


def test_deferred_a_server_that_is_away_for_a_while_is_asked_again(spec: dict[str, Any]) -> None:
    class Away(FakeRuntime):
        def status(self, handle: str) -> JobStatus:
            found = super().status(handle)
            if self.seen[handle] in (2, 3, 5):
                raise JobInterrupted("the daemon does not answer; try again")
            return found

    runtime = Away(looks=5)
    with pytest.raises(TaskDeferred) as deferred:
        operator(spec, runtime, deferrable=True).execute(context())
    (event,) = asyncio.run(events(triggerer(deferred.value, runtime)))
    assert event.payload["tail"][-1] == "run-1/generate-a/1 line 2"
    assert runtime.seen["run-1/generate-a/1"] >= 6 and runtime.started == ["run-1/generate-a/1"]


def test_deferred_a_server_that_stays_away_fails_the_try_and_the_job_is_taken_over_by_the_next(
    spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away(FakeRuntime):
        away = False

        def status(self, handle: str) -> JobStatus:
            if self.away:
                raise JobInterrupted("the daemon at unix:///none does not answer; try again")
            return super().status(handle)

    monkeypatch.setenv("GALLEY_RUNTIME_PATIENCE", "0.05")
    runtime, state = Away(looks=9), FakeState()
    with pytest.raises(TaskDeferred) as deferred:
        operator(spec, runtime, deferrable=True).execute(context(state))
    runtime.away = True
    (event,) = asyncio.run(events(triggerer(deferred.value, runtime)))
    resumed = operator(spec, runtime, deferrable=True)
    with pytest.raises(
        JobInterrupted, match=r"for 0\.05 seconds nobody could tell of run-1/generate-a/1.*unix:///none"
    ):
        resumed.execute_complete(context(state), event.payload, **deferred.value.kwargs)
    runtime.away = False
    assert operator(spec, runtime).execute(context(state)) == spec["uri"].removesuffix("/job.json")
    assert runtime.started == ["run-1/generate-a/1"]


@pytest.mark.parametrize(("code", "error"), [(65, JobSpecError), (75, JobInterrupted), (1, JobError)])
def test_deferred_the_exit_code_becomes_the_error_with_the_last_log_lines(
    spec: dict[str, Any], code: int, error: type
) -> None:
    runtime = FakeRuntime(looks=2, codes=[code])
    with pytest.raises(TaskDeferred) as deferred:
        operator(spec, runtime, deferrable=True).execute(context())
    (event,) = asyncio.run(events(triggerer(deferred.value, runtime)))
    with pytest.raises(error, match="line 2") as caught:
        operator(spec, runtime, deferrable=True).execute_complete(context(), event.payload, found=False)
    assert type(caught.value) is error


@pytest.mark.parametrize("code", [0, 75])
def test_deferred_a_job_that_is_running_after_all_is_waited_for(spec: dict[str, Any], code: int) -> None:
    runtime = FakeRuntime(looks=3, codes=[code])
    task = operator(spec, runtime, deferrable=True)
    event = {"handle": task.submit_job(context())["handle"], "tail": []}
    if code:
        with pytest.raises(JobInterrupted, match="line 2"):
            task.execute_complete(context(), event)
    else:
        assert task.execute_complete(context(), event) == spec["uri"].removesuffix("/job.json")
    assert runtime.started == ["run-1/generate-a/1"] and runtime.seen["run-1/generate-a/1"] > 3


def test_deferred_another_try_takes_the_running_job_over(spec: dict[str, Any]) -> None:
    runtime, state = FakeRuntime(looks=9), FakeState()
    for _ in range(2):
        with pytest.raises(TaskDeferred):
            operator(spec, runtime, deferrable=True).execute(context(state))
    assert runtime.started == ["run-1/generate-a/1"]


def test_deferred_a_job_found_by_its_label_alone_is_executed_once_more_afterwards(spec: dict[str, Any]) -> None:
    runtime = FakeRuntime(looks=3, running={"run-1/generate-a": "run-1/generate-a/1"}, started=["run-1/generate-a/1"])
    with pytest.raises(TaskDeferred) as deferred:
        operator(spec, runtime, deferrable=True).execute(context())
    (event,) = asyncio.run(events(triggerer(deferred.value, runtime)))
    operator(spec, runtime, deferrable=True).execute_complete(context(), event.payload, **deferred.value.kwargs)
    assert runtime.started == ["run-1/generate-a/1", "run-1/generate-a/2"]


def test_acting_on_the_deferred_task_ends_the_job_and_a_stopping_triggerer_does_not(spec: dict[str, Any]) -> None:
    runtime = FakeRuntime(looks=9)
    with pytest.raises(TaskDeferred) as deferred:
        operator(spec, runtime, deferrable=True).execute(context())
    trigger = triggerer(deferred.value, runtime)
    asyncio.run(trigger.cleanup())
    assert runtime.cancelled == []
    asyncio.run(trigger.on_kill())
    assert runtime.cancelled == ["run-1/generate-a/1"]


def test_a_job_that_ended_at_once_is_not_deferred(spec: dict[str, Any]) -> None:
    runtime = FakeRuntime(looks=0)
    assert operator(spec, runtime, deferrable=True).execute(context()) == spec["uri"].removesuffix("/job.json")


def test_airflow_s_own_setting_says_whether_to_defer(spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert not operator(spec, FakeRuntime()).deferrable
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    assert operator(spec, FakeRuntime()).deferrable
    assert not operator(spec, FakeRuntime(), deferrable=False).deferrable
