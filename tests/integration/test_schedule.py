"""The daily run and the form's, under the real scheduler."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from galley.airflow.rest import AirflowApi, ApiError
from tests.integration.standing import Standing, eventually

DAILY, FORM = "daily_content", "on_demand_content"


def test_the_daily_run_goes_by_itself_and_publishes(airflow: Standing) -> None:
    run = eventually(lambda: airflow.runs(DAILY), "the scheduler to make today's run")[0]
    assert run["run_type"] == "scheduled"
    assert airflow.wait(DAILY, run["dag_run_id"]) == "success", airflow.states(DAILY, run["dag_run_id"])
    report = airflow.report(DAILY, run["dag_run_id"])
    assert report.counts == {"published": 4, "held": 1, "blocked": 2, "failed": 1}
    assert len(airflow.runs(DAILY)) == 1  # catch-up is off: the days before are nobody's wish


def test_a_form_is_triggered_over_rest(airflow: Standing) -> None:
    run_id = airflow.trigger(FORM, {"text": "a sentence over REST", "kind": "text"})
    assert airflow.wait(FORM, run_id) == "success", airflow.states(FORM, run_id)
    assert airflow.report(FORM, run_id).counts == {"published": 1}


def test_a_form_with_a_value_that_its_schema_forbids_is_refused_at_once(airflow: Standing) -> None:
    before = len(airflow.runs(FORM))
    with pytest.raises(ApiError) as refused:
        airflow.trigger(FORM, {"text": "x", "kind": "sculpture"})
    assert refused.value.status == 400 and "sculpture" in str(refused.value)
    assert len(airflow.runs(FORM)) == before


def test_a_form_with_an_unknown_key_fails_in_collect_which_names_it(airflow: Standing) -> None:
    run_id = airflow.trigger(FORM, {"text": "x", "promt": "y"})
    assert airflow.wait(FORM, run_id) == "failed"
    (collect,) = [each for each in airflow.tasks(FORM, run_id) if each["task_id"] == "collect"]
    assert (collect["state"], collect["try_number"]) == ("failed", 1)
    assert "promt" in airflow.task_log(collect)


def test_what_people_and_tasks_write_at_once_waits_for_no_time_out(airflow: Standing) -> None:
    run_id = airflow.trigger(FORM, {"text": "a sentence among writers", "kind": "text"})

    def writes(person: int) -> None:
        with AirflowApi(airflow.url, airflow.user, airflow.password) as api:
            for number in range(8):
                api.post("/variables", {"key": f"written-{person}-{number}", "value": "x"})

    with ThreadPoolExecutor(3) as people:
        list(people.map(writes, range(3)))  # one that waited for the database in vain would raise `ApiError`
    assert airflow.wait(FORM, run_id) == "success", airflow.states(FORM, run_id)
    tries = [each["try_number"] for each in airflow.tasks(FORM, run_id)]
    assert max(tries) == 1  # no task has lost its place either


def test_galley_run_uses_the_airflow_that_is_up(airflow: Standing) -> None:
    before = airflow.members()
    done = airflow.galley("run")
    assert "the Airflow that is up" in done.stdout and "contact sheet:" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 3  # one of its items fails
    assert len(airflow.runs(DAILY)) == 1  # the schedule's own run, executed again
    assert set(before[:4]) <= set(airflow.members())


def test_up_again_says_that_it_is_up_and_where(airflow: Standing) -> None:
    again = airflow.galley("up")
    assert again.returncode == 0 and "is up already" in again.stdout
    assert airflow.url in again.stdout and airflow.password in again.stdout


def test_the_password_is_in_no_log(airflow: Standing) -> None:
    for log in airflow.logs.rglob("*.log"):
        assert airflow.password not in log.read_text(errors="replace"), log
