"""Both DAGs executed by Airflow in this process, with real worker processes and the echo model."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from galley.airflow.run_notes import take_note
from galley.catalog.facade import Catalog
from galley.items import run_name
from galley.publishing.releases import history
from galley.settings import Settings
from galley.stages.record import Report
from galley.stages.run import RunFiles
from galley.storage import Zones
from tests.conftest import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("airflow_database", "installed"),
    pytest.mark.filterwarnings("ignore"),  # of Airflow's own code, which runs in this process here
]
LOGICAL = datetime(2026, 11, 23, tzinfo=UTC)


def load(dag_id: str) -> Any:
    """The DAG, parsed anew: `dag.test()` leaves a run's Params behind in the object it was called on."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(ROOT / "dags" / f"{dag_id}.py").dags[dag_id]


def run(dag: Any, when: datetime, conf: dict[str, Any] | None = None) -> Any:
    return dag.test(run_conf=conf, logical_date=when, run_after=when)


def states(dag_run: Any) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for instance in dag_run.get_task_instances():
        found.setdefault(instance.task_id, set()).add(str(instance.state))
    return {task: ", ".join(sorted(each)) for task, each in found.items()}


def note_of(dag_run: Any) -> str:
    """The run's note, as a scheduler leaves it that ends the run."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        ended = session.scalars(select(DagRun).where(DagRun.run_id == dag_run.run_id)).one()
        take_note(ended)
        return str(ended.note)


def link_of(dag_run: Any) -> str | None:
    """Where the button on the last task leads, as the UI asks for it."""
    from airflow.models.dagbag import DBDagBag
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        dag = DBDagBag().get_latest_version_of_dag(dag_run.dag_id, session=session)
        mine = (TaskInstance.run_id == dag_run.run_id, TaskInstance.task_id == "record")
        link: str | None = dag.get_task("record").get_extra_links(
            session.scalars(select(TaskInstance).where(*mine)).one(), "What this run made"
        )
        return link


def files_of(dag_run: Any) -> tuple[RunFiles, Zones]:
    zones = Zones.from_settings(Settings())
    return RunFiles(zones.work, run_name(dag_run.dag_id, dag_run.run_id)), zones


def test_a_daily_run_publishes_and_the_same_again_makes_nothing_new(installed: Settings) -> None:
    first = run(load("daily_content"), LOGICAL)
    assert states(first) == dict.fromkeys(load("daily_content").task_ids, "success")
    files, zones = files_of(first)
    report = files.read("report.json", Report)
    assert report is not None and report.counts == {"published": 4, "held": 1, "blocked": 2, "failed": 1}
    assert str(report.content_date) == "2026-11-23" and Path(report.sheet).read_text().startswith("<!doctype html>")
    released = history(zones.published, files.run)
    assert len(released) == 1 and report.release_uri.endswith("/00001.json")
    generated = [info.key for info in zones.work.list(files.key("jobs")) if "/artifacts/" in info.key]

    again = run(load("daily_content"), LOGICAL)
    assert again.run_id == first.run_id
    assert states(again) == dict.fromkeys(load("daily_content").task_ids, "success") | {"generate": "skipped"}
    assert generated == [info.key for info in zones.work.list(files.key("jobs")) if "/artifacts/" in info.key]
    assert history(zones.published, files.run) == released
    with Catalog.open(installed.catalog_url) as catalog:
        (summary,) = catalog.runs()
        assert summary.info.state == "success" and summary.counts["published"] == 4


def test_a_deferred_run_publishes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    dag = load("on_demand_content")
    assert dag.get_task("publish").deferrable
    dag_run = run(dag, LOGICAL.replace(hour=20), {"text": "a sentence to wait for", "kind": "text"})
    assert states(dag_run) == dict.fromkeys(dag.task_ids, "success")
    files, _ = files_of(dag_run)
    report = files.read("report.json", Report)
    assert report is not None and report.counts == {"published": 1}


def test_labels_name_the_jobs_and_xcoms_stay_small() -> None:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    dag_run = run(load("on_demand_content"), LOGICAL, {"text": "a calm sentence", "kind": "text"})
    labels = {each.task_id: each.rendered_map_index for each in dag_run.get_task_instances()}
    assert labels["generate"].startswith("generate-echo-") and labels["screen"] == "screen-00"
    with create_session() as session:
        values = session.scalars(select(XComModel.value).where(XComModel.run_id == dag_run.run_id)).all()
    assert values and max(len(json.dumps(value)) for value in values) < 2000


def test_the_release_is_announced() -> None:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    dag_run = run(load("on_demand_content"), LOGICAL.replace(hour=1), {"text": "another calm sentence", "kind": "text"})
    files, _ = files_of(dag_run)
    with create_session() as session:
        extra = session.scalars(select(AssetEvent.extra).where(AssetEvent.source_run_id == dag_run.run_id)).one()
    assert extra["run"] == files.run and extra["release"].endswith("/00001.json")


def test_the_last_task_leads_to_the_runs_page_and_the_note_says_what_was_made(installed: Settings) -> None:
    dag_run = run(
        load("on_demand_content"), LOGICAL.replace(hour=5), {"text": "write to me@example.com", "kind": "text"}
    )
    page = f"/galley/runs/{files_of(dag_run)[0].run}"
    assert link_of(dag_run) == page
    assert note_of(dag_run) == f"**Galley:** [1 held]({page})"


@pytest.mark.parametrize(
    ("conf", "named"),
    [
        ({"text": "x", "promt": "y"}, "promt"),
        ({"text": "x", "brief": "echoes"}, "exactly one of"),
        ({"text": "name: a\nkind: text\nprompt: hello\ncuont: 3\n"}, "count"),
        ({"text": "hello {{ nobody }}", "kind": "text"}, "nobody"),
        ({"text": "hello", "kind": "text", "variants": [{"name": "A b"}]}, "variants[0].name"),
    ],
)
def test_a_wrong_form_fails_the_run_at_once_and_its_note_says_why(conf: dict[str, Any], named: str) -> None:
    dag_run = run(load("on_demand_content"), LOGICAL.replace(hour=2), conf)
    found = states(dag_run)
    assert str(dag_run.state) == "failed"
    assert (found["collect"], found["publish"], found["record"]) == ("failed", "upstream_failed", "failed")
    (collect,) = [each for each in dag_run.get_task_instances() if each.task_id == "collect"]
    assert collect.try_number == 1
    note = note_of(dag_run)
    assert note.startswith("**Galley:** nothing made, `") and named in note


def test_a_job_that_fails_fails_the_run_which_is_recorded_with_what_it_has() -> None:
    prompt = 'name: crash\nkind: text\nprompt: "{{ w }}"\nvariables: [{w: calm}, {w: CRASH}]\n'
    dag = load("on_demand_content")
    with pytest.MonkeyPatch.context() as patch:
        # One try: the delays of the policy are its own test's matter.
        for task in dag.tasks:
            patch.setitem(task.partial_kwargs, "retries", 0) if task.is_mapped else patch.setattr(task, "retries", 0)
        dag_run = run(dag, LOGICAL.replace(hour=3), {"text": prompt})
    found = states(dag_run)
    assert str(dag_run.state) == "failed"
    assert (found["generate"], found["publish"], found["record"]) == ("failed", "upstream_failed", "failed")
    files, zones = files_of(dag_run)
    report = files.read("report.json", Report)
    assert report is not None and report.state == "failed" and not report.complete
    assert history(zones.published, files.run) == []


def test_a_request_file_runs_by_its_uri(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"custom_id": "a", "kind": "text", "prompt": "hello there"}\n{"custom_id": "b"}\n')
    dag_run = run(load("on_demand_content"), LOGICAL.replace(hour=4), {"source": path.as_uri()})
    files, _ = files_of(dag_run)
    report = files.read("report.json", Report)
    assert report is not None and report.state == "success"
    assert (report.counts, report.rejects, report.complete) == ({"published": 1}, 1, False)
