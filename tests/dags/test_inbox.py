"""The DAGs of the inbox executed by Airflow in this process, with real worker processes and the echo model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from galley.settings import Settings
from galley.stages.record import Report
from galley.storage import Zones
from tests.dags.test_run import files_of, load, run, states

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("airflow_database", "installed"),
    pytest.mark.filterwarnings("ignore"),  # of Airflow's own code, which runs in this process here
]
LOGICAL = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("GALLEY_INBOX_POLL", "0.1")
    yield
    inbox = Zones.from_settings(Settings()).inbox
    for info in inbox.list():
        inbox.delete(info.key)


def drop(key: str) -> str:
    inbox, row = Zones.from_settings(Settings()).inbox, {"custom_id": "a", "kind": "text", "prompt": f"a calm {key}"}
    inbox.put(key, json.dumps(row).encode())
    return f"{inbox.url}/{key}"


@pytest.mark.parametrize(
    ("dag_id", "first", "key"),
    [
        ("inbox_content", "claim_file", "echoes/rows.jsonl"),
        ("inbox_content_sensor", "wait_for_file", "sensor/echoes/rows.jsonl"),
    ],
)
def test_a_request_file_is_taken_by_one_run_and_published_as_its_brief_says(dag_id: str, first: str, key: str) -> None:
    uri, dag = drop(key), load(dag_id)
    taken = run(dag, LOGICAL)
    assert states(taken) == dict.fromkeys(dag.task_ids, "success")
    (instance,) = [each for each in taken.get_task_instances() if each.task_id == first]
    assert instance.xcom_pull(task_ids=first) == uri
    files, _ = files_of(taken)
    report = files.read("report.json", Report)
    assert report is not None and report.counts == {"published": 1}
    assert [line.brief for line in report.table] == ["echoes"]

    Zones.from_settings(Settings()).inbox.delete(key)
    again = run(load(dag_id), LOGICAL)  # as a cleared run is: it has its claim and its copy
    assert again.run_id == taken.run_id and states(again)[first] == states(again)["record"] == "success"


def test_a_run_for_which_no_file_is_left_is_skipped_whole() -> None:
    dag = load("inbox_content")
    skipped = run(dag, LOGICAL.replace(hour=1))
    assert str(skipped.state) == "success"
    assert states(skipped) == dict.fromkeys(dag.task_ids, "skipped")
