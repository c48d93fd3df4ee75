"""What the last task of a run ends: its own jobs, and those of runs that ended without one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from galley.airflow.pipeline import _reap
from galley.errors import StoreUnavailable
from galley.items import Job, run_name
from galley.settings import Settings
from galley.stages.run import RunFiles, RunRecord
from galley.storage import Zones


@dataclass
class FakeRuntime:
    """Has jobs that run and jobs that ended, and asks about both, as the process runtime does."""

    running: list[str]
    ended: list[str] = field(default_factory=list)

    def find(self, job: Job) -> str | None:
        label = f"{job.run}/{job.job}"
        return label if label in self.running else None

    def reap(self, wanted: Callable[[str], bool]) -> list[str]:
        reaped = [label for label in sorted(self.running + self.ended) if not wanted(label) and label in self.running]
        self.running = [label for label in self.running if label not in reaped]
        return reaped


@dataclass
class FakeAirflow:
    """Knows the states of some runs and notes for which it was asked."""

    states: Mapping[str, str]
    asked: list[str] = field(default_factory=list)

    def state(self, dag_id: str, run_id: str) -> str:
        self.asked.append(run_id)
        if run_id not in self.states:
            raise RuntimeError(f"Dag run {run_id} of {dag_id} was not found")
        return self.states[run_id]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(root=tmp_path, home=tmp_path / "home")


def files_of(settings: Settings, run_id: str) -> RunFiles:
    """The objects of a run that was collected."""
    files = RunFiles(Zones.from_settings(settings).work, run_name("daily_content", run_id))
    started = datetime(2026, 11, 23, tzinfo=UTC)
    files.write(
        "run.json",
        RunRecord(
            run=files.run, dag_id="daily_content", run_id=run_id, content_date=date(2026, 11, 23), started=started
        ),
    )
    return files


def reaped(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, runtime: FakeRuntime, state_of: Callable[[str, str], str]
) -> None:
    monkeypatch.setattr("galley.airflow.runtimes.open_runtime", lambda name, settings: runtime)
    _reap(settings, files_of(settings, "mine"), [""], state_of)


def test_its_own_jobs_are_ended_without_asking_airflow(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    runtime, airflow = FakeRuntime([f"{files_of(settings, 'mine').run}/generate-a"]), FakeAirflow({})
    reaped(monkeypatch, settings, runtime, airflow.state)
    assert (runtime.running, airflow.asked) == ([], [])


@pytest.mark.parametrize(
    ("state", "ends"), [("failed", True), ("success", True), ("running", False), ("queued", False), (None, False)]
)
def test_another_run_s_job_is_ended_only_where_airflow_says_that_the_run_has_ended(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, state: str | None, ends: bool
) -> None:
    label = f"{files_of(settings, 'other').run}/generate-a"
    mine = f"{files_of(settings, 'mine').run}/screen-00"
    runtime = FakeRuntime([label, mine])
    reaped(monkeypatch, settings, runtime, FakeAirflow({"other": state} if state else {}).state)
    assert runtime.running == ([] if ends else [label])


def test_airflow_is_asked_only_about_jobs_that_run(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    old, other = files_of(settings, "old").run, files_of(settings, "other").run
    runtime = FakeRuntime([f"{other}/generate-a"], ended=[f"{old}/generate-{number}" for number in range(9)])
    airflow = FakeAirflow({"old": "success", "other": "failed"})
    reaped(monkeypatch, settings, runtime, airflow.state)
    assert (runtime.running, airflow.asked) == ([], ["other"])


def test_a_run_that_left_no_record_is_left_alone(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    runtime, airflow = FakeRuntime(["by-hand--run--1/generate-a"]), FakeAirflow({})
    reaped(monkeypatch, settings, runtime, airflow.state)
    assert (runtime.running, airflow.asked) == (["by-hand--run--1/generate-a"], [])


def test_what_cannot_be_asked_is_said_and_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    class Away(FakeRuntime):
        def reap(self, wanted: Callable[[str], bool]) -> list[str]:
            raise StoreUnavailable("the daemon does not answer")

    def unknown(*_: Any) -> str:
        raise ConnectionError("no answer")

    label = f"{files_of(settings, 'other').run}/generate-a"
    with caplog.at_level(logging.WARNING):
        reaped(monkeypatch, settings, FakeRuntime([label]), unknown)
        reaped(monkeypatch, settings, Away([]), unknown)
    assert f"Whether anybody waits for {label} cannot be told: no answer" in caplog.text
    assert "Jobs that nobody waits for may be left: the daemon does not answer" in caplog.text
