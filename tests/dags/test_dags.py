from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from galley.airflow.retries import JobRetryPolicy
from galley.settings import Settings
from galley.stages.collect import FORM_KEYS
from tests.conftest import ROOT

DAGS = ("daily_content", "on_demand_content", "inbox_content", "inbox_content_sensor")
FIRST = {"inbox_content": ["claim_file"], "inbox_content_sensor": ["wait_for_file"]}
"""What comes before the stages: the task that claims a request file."""
EXAMPLE = "published_example"
FILES = sorted((ROOT / "dags").glob("*.py"))
STAGES = ["collect", "plan", "screen_prompts", "generate", "plan_screening", "screen", "publish", "record"]


def test_all_dag_files_are_imported_without_errors(dagbag: Any) -> None:
    assert not dagbag.import_errors
    assert set(dagbag.dags) == {*DAGS, EXAMPLE}


@pytest.mark.parametrize("name", [*DAGS, EXAMPLE])
def test_a_dag_says_what_it_is_for(dagbag: Any, name: str) -> None:
    dag = dagbag.dags[name]
    assert "content_generation" in dag.tags
    assert dag.doc_md.startswith("# ") and dag.description
    assert dag.catchup is False
    assert dag.start_date is not None and dag.start_date.year == 2025
    assert all(task.doc_md for task in dag.tasks)


@pytest.mark.parametrize("name", DAGS)
def test_all_dags_have_the_same_stages_in_the_same_order(dagbag: Any, name: str) -> None:
    dag = dagbag.dags[name]
    order = [task.task_id for task in dag.topological_sort()]
    assert order[: len(FIRST.get(name, []))] == FIRST.get(name, [])
    assert sorted(order) == sorted([*STAGES, *FIRST.get(name, [])])
    assert order.index("screen_prompts") < order.index("generate") < order.index("screen") < order.index("publish")
    assert order[-1] == "record"
    assert {task.task_id for task in dag.tasks if task.is_mapped} == {"generate", "screen"}


@pytest.mark.parametrize("name", DAGS)
def test_every_task_has_retries_a_short_delay_and_the_policy(dagbag: Any, name: str) -> None:
    for task in dagbag.dags[name].tasks:
        assert task.retries == 5
        assert task.retry_delay == timedelta(seconds=10)
        assert isinstance(task.retry_policy, JobRetryPolicy)


@pytest.mark.parametrize("name", DAGS)
def test_jobs_run_in_pools_and_are_named_by_their_label(dagbag: Any, name: str) -> None:
    for task_id in ("screen_prompts", "generate", "screen", "publish"):
        task = dagbag.dags[name].get_task(task_id)
        assert task.pool == "generation"
        assert task.map_index_template == "{{ label }}"
        assert task.trigger_rule == "none_failed_min_one_success"
    assert dagbag.dags[name].get_task("record").trigger_rule == "all_done"


def test_the_schedule_is_a_cron_expression_in_a_named_timezone(dagbag: Any) -> None:
    dag = dagbag.dags["daily_content"]
    settings = Settings()
    assert dag.timetable.expression == settings.schedule
    assert str(dag.timetable.timezone) == str(dag.timezone) == settings.timezone
    assert dagbag.dags["on_demand_content"].schedule is None


def test_the_inbox_is_watched_by_a_trigger_that_the_triggerer_can_make_again(dagbag: Any) -> None:
    (watcher,) = dagbag.dags["inbox_content"].timetable.asset_condition.watchers
    path, arguments = watcher.trigger.serialize()
    module, name = path.rsplit(".", 1)
    again = getattr(importlib.import_module(module), name)(**arguments)
    assert again.serialize() == (path, arguments) and arguments["folder"] == ""


def test_the_sensor_has_a_folder_of_its_own_and_holds_no_worker_while_it_waits(dagbag: Any) -> None:
    dag = dagbag.dags["inbox_content_sensor"]
    sensor = dag.get_task("wait_for_file")
    assert sensor.folder == Settings().inbox_sensor_folder
    assert sensor.soft_fail and sensor.timeout == 3600
    assert dag.max_active_runs == 2 and dag.timetable.expression == "* * * * *"


def test_record_announces_the_release(dagbag: Any) -> None:
    (outlet,) = dagbag.dags["daily_content"].get_task("record").outlets
    assert (outlet.name, outlet.uri) == ("galley_published", "x-galley://published")
    assert dagbag.dags[EXAMPLE].timetable.asset_condition == outlet


def test_the_form_asks_for_what_collect_knows(dagbag: Any) -> None:
    dag = dagbag.dags["on_demand_content"]
    params = {name: dag.params.get_param(name) for name in dag.params}
    assert set(params) == FORM_KEYS
    for name, param in params.items():
        schema = param.schema
        assert schema["title"] and bool(schema.get("section")) != (name in ("text", "brief", "source")), name
        assert param.description or schema.get("description_md"), name
        param.resolve()  # defaults are valid
    briefs = {path.stem for path in (ROOT / "include" / "briefs").glob("*.yaml")}
    assert {None, *briefs} == set(params["brief"].schema["enum"])
    assert {None, "default"} <= set(params["policy"].schema["enum"])
    for name in ("brief", "model", "policy"):  # each has a label, and no two the same
        assert len(set(params[name].schema["values_display"].values())) == len(params[name].schema["enum"])
    assert {None, "starter-image", "starter-text"} <= set(params["model"].schema["enum"])
    assert dagbag.dags["daily_content"].params == {}


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_a_dag_file_is_short_and_parses_fast_without_heavy_modules(file: Any) -> None:
    assert len(file.read_text().splitlines()) <= 80
    code = f"""
import sys, time
import airflow.sdk
before, cpu, wall = set(sys.modules), time.process_time(), time.perf_counter()
exec(compile(open({str(file)!r}).read(), {str(file)!r}, "exec"), {{"__name__": "dag", "__doc__": ""}})
print(time.process_time() - cpu)
heavy = "torch transformers diffusers detoxify docker kubernetes galley.catalog galley.compliance".split()
print(*sorted(name for name in sys.modules if name.startswith(tuple(heavy))))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, heavy = done.stdout.split("\n")[:2]
    # Processor time, so that a busy machine does not make the test fail; on an idle one it is what the clock says.
    assert float(seconds) < 0.5
    assert heavy == ""


@pytest.mark.filterwarnings("ignore:GitWildMatchPattern")  # Airflow's own use of pathspec
def test_plugins_are_registered_from_files_of_the_folder_alone(tmp_path: Path) -> None:
    """Airflow's loader imports every file under plugins/ by its bare name, and would shadow real packages with it."""
    from airflow._shared.plugins_manager import _load_plugins_from_plugin_directory

    shutil.copy(ROOT / "plugins" / ".airflowignore", tmp_path)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for place in (tmp_path, tmp_path / "deep", tmp_path / "deep" / "er"):
        (place / "galley_shadow.py").write_text(f"raise ImportError('{place.name}')")
    _, errors = _load_plugins_from_plugin_directory(str(tmp_path))
    assert list(errors) == [str(tmp_path / "galley_shadow.py")]
