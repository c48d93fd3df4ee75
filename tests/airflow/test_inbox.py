from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowSensorTimeout, AirflowSkipException, TaskDeferred

from galley.airflow.inbox import INBOX_NAME, INBOX_URI, RequestFileSensor, claim_file, offers
from galley.airflow.inbox_trigger import RequestFileTrigger
from galley.airflow.run_notes import NOTE_KEY
from galley.errors import InputError, StoreError, StoreUnavailable
from galley.items import run_name
from galley.settings import Settings
from galley.stages.inbox import Arrival, Inbox, Lookout
from galley.storage import Zones, memory_zones
from tests.airflow.events import triggering


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inbox:
    monkeypatch.setenv("GALLEY_HOME", str(tmp_path))
    return Inbox.of(Settings(), Zones.from_settings(Settings()), "sensor")


def drop(inbox: Inbox, *names: str) -> None:
    for name in names:
        inbox.zones.inbox.put(f"sensor/{name}.jsonl", name.encode())


@dataclass
class FakeTask:
    """What Airflow knows of a task instance: when it first started, and the XComs that it left."""

    start_date: datetime = field(default_factory=lambda: datetime.now(UTC))
    xcoms: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


def context(number: int, conf: dict[str, Any] | None = None, task: FakeTask | None = None) -> dict[str, Any]:
    dag_run = SimpleNamespace(dag_id="inbox_content_sensor", run_id=f"run-{number}", conf=conf)
    return {"dag_run": dag_run, "ti": task or FakeTask()}


async def told(trigger: RequestFileTrigger, number: int, claim: Any = None) -> list[Arrival]:
    """The first events, each claimed where ``claim`` says so before the trigger goes on."""
    found: list[Arrival] = []
    async for event in trigger.run():
        found.append(Arrival.model_validate(event.payload))
        if claim is not None:
            claim(found[-1], len(found))
        if len(found) == number:
            return found
    raise AssertionError("the trigger ended")


# ── the trigger ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_trigger_tells_of_one_file_after_the_other_as_they_are_claimed(inbox: Inbox) -> None:
    drop(inbox, "a", "b", "c")
    trigger = RequestFileTrigger(folder="sensor", poll=0.001, again=600)

    def claim(arrival: Arrival, number: int) -> None:
        assert inbox.claim(f"run-{number}", [arrival], lambda line: None)

    found = asyncio.run(told(trigger, 3, claim))
    assert sorted(each.key for each in found) == ["sensor/a.jsonl", "sensor/b.jsonl", "sensor/c.jsonl"]


def test_the_trigger_tells_of_an_unclaimed_file_again_and_of_no_other_meanwhile(inbox: Inbox) -> None:
    drop(inbox, "a", "b")
    found = asyncio.run(told(RequestFileTrigger(folder="sensor", poll=0.001, again=0.01), 3))
    assert len(set(found)) == 1


def test_a_store_that_is_away_does_not_end_the_trigger(
    inbox: Inbox, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "inbox").write_text("a file where the inbox should be")

    async def away_for_a_while() -> list[Arrival]:
        waiting = asyncio.create_task(told(RequestFileTrigger(folder="sensor", poll=0.001), 1))
        while "cannot be looked at" not in capfd.readouterr().out:
            await asyncio.sleep(0.001)
        (tmp_path / "store" / "inbox").unlink()
        drop(inbox, "a")
        return await waiting

    (found,) = asyncio.run(asyncio.wait_for(away_for_a_while(), 60))
    assert found.key == "sensor/a.jsonl"


@pytest.fixture
def watched() -> Iterator[tuple[RequestFileTrigger, Inbox]]:
    """A trigger that looks every ten minutes, and its inbox in memory."""
    inbox, trigger = Inbox(memory_zones(), "sensor"), RequestFileTrigger(folder="sensor", poll=600)
    trigger._lookout = Lookout(inbox, 600)
    before = set(threading.enumerate())
    yield trigger, inbox
    for thread in set(threading.enumerate()) - before:
        thread.join(60)
        assert not thread.is_alive()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("galley.airflow.inbox_bell.LISTEN_SECONDS", 0.05)


def test_a_store_that_tells_of_writes_wakes_the_trigger(watched: tuple[RequestFileTrigger, Inbox]) -> None:
    trigger, inbox = watched

    async def arrives() -> list[Arrival]:
        waiting = asyncio.create_task(told(trigger, 1))
        while not waiting.done():
            drop(inbox, "a")
            await asyncio.sleep(0.01)
        return await waiting

    (found,) = asyncio.run(asyncio.wait_for(arrives(), 60))
    assert found.key == "sensor/a.jsonl"


@pytest.mark.parametrize("error", [StoreError("does not tell of writes"), StoreUnavailable("away")])
def test_a_store_that_tells_of_nothing_is_looked_at_all_the_same(
    watched: tuple[RequestFileTrigger, Inbox], monkeypatch: pytest.MonkeyPatch, error: StoreError
) -> None:
    trigger, inbox = watched
    trigger.poll, asked = 0.001, []

    def wait_for_write(prefix: str, seconds: float) -> bool:
        asked.append(prefix)
        raise error

    monkeypatch.setattr(inbox.zones.inbox, "wait_for_write", wait_for_write)

    async def arrives() -> list[Arrival]:
        waiting = asyncio.create_task(told(trigger, 1))
        while not asked:
            await asyncio.sleep(0.001)
        drop(inbox, "a")
        return await waiting

    (found,) = asyncio.run(asyncio.wait_for(arrives(), 60))
    assert found.key == "sensor/a.jsonl" and asked == ["sensor/"]


def test_a_trigger_that_is_cancelled_waits_for_no_server(
    watched: tuple[RequestFileTrigger, Inbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger, inbox = watched
    listening, silent = threading.Event(), threading.Event()

    def wait_for_write(prefix: str, seconds: float) -> bool:
        listening.set()
        return silent.wait(60)  # and is told then, when nobody waits any more

    monkeypatch.setattr(inbox.zones.inbox, "wait_for_write", wait_for_write)

    async def cancelled() -> None:
        waiting = asyncio.create_task(told(trigger, 1))
        while not listening.is_set():
            await asyncio.sleep(0.001)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    try:
        asyncio.run(asyncio.wait_for(cancelled(), 30))
    finally:
        silent.set()


# ── the events ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_events_of_another_making_offer_nothing(inbox: Inbox) -> None:
    good = {"key": "a.jsonl", "version": "1"}
    payloads = [None, 3, {"key": "../etc/passwd", "version": "1"}, {"key": "a.jsonl"}, {**good, "more": 1}, good]
    extras: list[dict[str, Any]] = [{}, *({"from_trigger": True, "payload": payload} for payload in payloads)]
    events = triggering(Asset(INBOX_NAME, uri=INBOX_URI), *extras)
    assert list(offers(events[asset] for asset in events)) == [Arrival(**good)]


# ── the sensor ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def sensor() -> Iterator[RequestFileSensor]:
    yield RequestFileSensor(task_id="wait_for_file", folder="sensor", poke_interval=3.0, timeout=60.0)


def test_the_sensor_waits_in_the_triggerer_and_claims_what_it_is_told_of(
    inbox: Inbox, sensor: RequestFileSensor
) -> None:
    drop(inbox, "a")
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute(context(1))  # type: ignore[arg-type]
    path, arguments = deferred.value.trigger.serialize()
    assert path == "galley.airflow.inbox_trigger.RequestFileTrigger"
    assert (arguments["folder"], arguments["poll"]) == ("sensor", 3.0)
    assert deferred.value.timeout is not None and 50 < deferred.value.timeout.total_seconds() <= 60
    (arrival,) = asyncio.run(told(RequestFileTrigger(**arguments | {"poll": 0.001}), 1))
    resume = getattr(sensor, deferred.value.method_name)
    uri = resume(context(1), arrival.model_dump())
    assert uri == f"{inbox.zones.inbox.url}/sensor/a.jsonl"
    assert sensor.execute(context(1)) == uri  # type: ignore[arg-type]  # cleared, it has what it had


def lost(inbox: Inbox) -> dict[str, Any]:
    """An event that tells of a file which another run has claimed meanwhile."""
    drop(inbox, "a")
    (arrival,) = inbox.waiting(0)
    inbox.claim(run_name("inbox_content_sensor", "run-2"), [arrival], lambda line: None)
    return arrival.model_dump()


def test_a_sensor_that_was_too_late_waits_on_for_the_time_that_is_left(inbox: Inbox, sensor: RequestFileSensor) -> None:
    task = FakeTask(start_date=datetime.now(UTC) - timedelta(seconds=40))
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute_complete(context(1, task=task), lost(inbox))  # type: ignore[arg-type]
    assert deferred.value.timeout is not None and 10 < deferred.value.timeout.total_seconds() <= 20


def test_a_sensor_that_was_too_late_and_has_no_time_left_has_timed_out(inbox: Inbox, sensor: RequestFileSensor) -> None:
    event, late = lost(inbox), context(1, task=FakeTask(start_date=datetime.now(UTC) - timedelta(seconds=61)))
    with pytest.raises(AirflowSensorTimeout, match="within 60 s"):
        sensor.execute_complete(late, event)  # type: ignore[arg-type]
    sensor.soft_fail = True
    with pytest.raises(AirflowSkipException):
        sensor.resume_execution("execute_complete", {"event": event}, late)  # type: ignore[arg-type]


def test_a_run_by_hand_with_parameters_is_refused_before_it_claims_anything(
    inbox: Inbox, sensor: RequestFileSensor
) -> None:
    task = FakeTask()
    with pytest.raises(InputError, match="brief"):
        sensor.execute(context(1, {"brief": "echoes"}, task))  # type: ignore[arg-type]
    assert task.xcoms[NOTE_KEY].startswith("nothing made, `") and "brief" in task.xcoms[NOTE_KEY]


def test_a_file_that_was_deleted_before_it_was_copied_fails_the_sensor_and_the_note_says_why(
    inbox: Inbox, sensor: RequestFileSensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(inbox, "a")
    (arrival,) = inbox.waiting(0)
    monkeypatch.setattr(Inbox, "_to_be_had", lambda *_: True)  # it was, a moment ago
    inbox.zones.inbox.delete("sensor/a.jsonl")
    task, sensor.soft_fail = FakeTask(), True
    with pytest.raises(InputError, match="was deleted after it was claimed"):
        sensor.resume_execution("execute_complete", {"event": arrival.model_dump()}, context(1, task=task))  # type: ignore[arg-type]
    assert "sensor/a.jsonl" in task.xcoms[NOTE_KEY] and "was deleted after it was claimed" in task.xcoms[NOTE_KEY]


def test_the_task_that_claims_leaves_the_same_note(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    task = FakeTask()
    given = context(1, {"brief": "echoes"}, task) | {"triggering_asset_events": {}}
    monkeypatch.setattr("galley.airflow.inbox.get_current_context", lambda: given)
    with pytest.raises(InputError, match="brief"):
        claim_file.function()
    assert task.xcoms[NOTE_KEY].startswith("nothing made, `") and "brief" in task.xcoms[NOTE_KEY]
