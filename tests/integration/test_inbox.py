"""Request files that arrive, under the real scheduler and triggerer, in an Airflow that may keep many runs behind."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from galley.items import run_name
from galley.stages.inbox import Claim
from tests.integration.standing import WORKER, Standing, eventually, standing
from tests.pipeline import installation

WATCHED, SENSED = "inbox_content", "inbox_content_sensor"
BURST = 50


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    if not WORKER.exists():
        pytest.skip("the worker's environment is not there; run: make setup")
    settings = installation(tmp_path_factory.mktemp("installation") / "root", worker_python=WORKER)
    with standing(settings, GALLEY_INBOX_ACTIVE_RUNS=str(BURST + 10)) as running:
        yield running


def inbox(airflow: Standing) -> Path:
    return airflow.settings.home / "store" / "inbox"


def drop(airflow: Standing, *keys: str) -> None:
    """Write request files as others do: no store, no rename, one after the other."""
    for key in keys:
        path = inbox(airflow) / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"custom_id": "a", "kind": "text", "prompt": f"a sentence for {key}"}) + "\n")


def claims(airflow: Standing) -> dict[str, Claim]:
    """Key in the inbox to its claim; a key claimed twice is an error, for nothing is written twice here."""
    work = airflow.zones.work
    found = [Claim.model_validate_json(work.get(info.key)) for info in work.list("claims/")]
    keys = Counter(claim.arrival.key for claim in found)
    assert max(keys.values(), default=1) == 1, keys
    return {claim.arrival.key: claim for claim in found}


def claimed(airflow: Standing, prefix: str, number: int) -> Callable[[], dict[str, Claim] | None]:
    def look() -> dict[str, Claim] | None:
        found = {key: claim for key, claim in claims(airflow).items() if key.startswith(prefix)}
        return found if len(found) >= number else None

    return look


def runs(airflow: Standing, dag_id: str) -> dict[str, dict[str, Any]]:
    """Name of a run to the run, as the API has it."""
    return {run_name(dag_id, run["dag_run_id"]): run for run in airflow.runs(dag_id)}


def test_a_file_that_arrives_is_taken_by_a_run_that_publishes(airflow: Standing) -> None:
    drop(airflow, "echoes/one.jsonl")
    (claim,) = eventually(claimed(airflow, "echoes/one", 1), "a run to claim the file").values()
    run = runs(airflow, WATCHED)[claim.run]
    assert (run["run_type"], claim.brief) == ("asset_triggered", "echoes")
    assert airflow.wait(WATCHED, run["dag_run_id"]) == "success", airflow.states(WATCHED, run["dag_run_id"])
    assert airflow.report(WATCHED, run["dag_run_id"]).counts == {"published": 1}
    assert (airflow.settings.home / "swept").exists()


def test_the_sensor_s_files_are_taken_by_its_own_runs_one_each(airflow: Standing) -> None:
    keys = [f"sensor/{name}.jsonl" for name in ("a", "b", "c")]
    drop(airflow, *keys)
    found = eventually(claimed(airflow, "sensor/", 3), "the sensor's runs to claim their files")
    assert sorted(found) == keys and len({claim.run for claim in found.values()}) == 3
    sensed = runs(airflow, SENSED)
    for claim in found.values():
        run_id = sensed[claim.run]["dag_run_id"]
        assert airflow.wait(SENSED, run_id) == "success", airflow.states(SENSED, run_id)
        assert airflow.report(SENSED, run_id).counts == {"published": 1}


def test_a_release_wakes_the_dag_that_is_scheduled_on_releases(airflow: Standing) -> None:
    def woken() -> str | None:
        done = [run["dag_run_id"] for run in airflow.runs("published_example") if run["state"] == "success"]
        return done[0] if done else None

    run_id = eventually(woken, "a run of published_example")
    (instance,) = airflow.tasks("published_example", run_id)
    assert re.search(r"/releases/.+/00001\.json .*published", airflow.task_log(instance))


def test_a_burst_of_files_gets_a_run_each_though_triggerer_and_scheduler_are_killed(airflow: Standing) -> None:
    # The jobs of fifty runs would take half an hour and have tests of their own; who claims what is what matters here.
    airflow.api.patch("/pools/generation", {"pool": "generation", "slots": 0, "include_deferred": True})
    keys = [f"burst-{number:02d}.jsonl" for number in range(BURST)]
    drop(airflow, *keys)
    os.utime(inbox(airflow) / keys[37], (1_700_000_000, 1_700_000_000))  # years older than all that was seen before

    eventually(claimed(airflow, "burst-", BURST // 10), "the first claims")
    triggerer = airflow.pid("triggerer")
    airflow.kill("triggerer")
    airflow.wait_again("triggerer", triggerer)
    eventually(claimed(airflow, "burst-", BURST // 2), "half of the claims")
    scheduler = airflow.pid("scheduler")
    airflow.kill("scheduler")
    airflow.wait_again("scheduler", scheduler)
    found = eventually(claimed(airflow, "burst-", BURST), "all claims")

    assert sorted(found) == keys
    by_run = {claim.run: claim for claim in found.values()}
    assert len(by_run) == BURST
    known = runs(airflow, WATCHED)
    assert by_run.keys() <= known.keys()
    for name, claim in by_run.items():
        first = airflow.wait_task(WATCHED, known[name]["dag_run_id"], "claim_file", "success")
        assert claim.arrival.key in airflow.task_log(first)
    # Runs that found nothing left are skipped, and none failed.
    assert not [run for run in known.values() if run["state"] == "failed"]
