from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from galley.catalog.facade import Catalog
from galley.errors import InputError, ModelRefused
from galley.items import Job
from galley.runtimes.access import access
from galley.stages.collect import Trigger
from galley.stages.run import PlannedTask, PlanRecord
from galley.storage import memory_zones
from tests.jobs import image_model, text_model
from tests.pipeline import BRIEF, DAY, Pipeline, installation


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(installation(tmp_path / "root"), memory_zones())


def planned(pipeline: Pipeline) -> PlanRecord:
    pipeline.collect()
    return pipeline.plan()


def spec(pipeline: Pipeline, task: PlannedTask) -> Job:
    job = pipeline.files.read(f"jobs/{task.job}/job.json", Job)
    assert job is not None and job.job == task.job
    return job


def other_run(pipeline: Pipeline, name: str, **changes: Any) -> Pipeline:
    return replace(pipeline, trigger=Trigger("on_demand_content", name, DAY), **changes)


def test_a_plan_is_the_same_however_often_it_is_made(pipeline: Pipeline) -> None:
    first = planned(pipeline)
    before = {info.key: pipeline.zones.work.get(info.key) for info in pipeline.zones.work.list("runs/")}
    assert pipeline.plan() == first
    assert before == {info.key: pipeline.zones.work.get(info.key) for info in pipeline.zones.work.list("runs/")}


def test_every_job_names_its_runtime_so_that_another_default_parts_nobody_from_it(pipeline: Pipeline) -> None:
    assert pipeline.settings.runtime == ""
    plan = planned(pipeline)
    assert {task.runtime for task in (plan.prompts, *plan.generate, *plan.screen, plan.publish)} == {"process"}


def test_a_plan_does_not_depend_on_how_far_the_run_has_come(pipeline: Pipeline) -> None:
    """Else a resumed stock engine would make other batches, and so other bytes, than an undisturbed one."""
    first = planned(pipeline)
    batches = [spec(pipeline, task).batches for task in first.generate]
    pipeline.job(first.prompts)
    pipeline.job(first.generate[0])
    again = pipeline.plan()
    assert again.generate == ()  # all of it is made: there is nothing to execute
    assert [spec(pipeline, task).batches for task in first.generate] == batches
    assert (again.screen, again.publish, again.reused) == (first.screen, first.publish, 0)
    pipeline.run()
    assert pipeline.plan() == again, "the catalog knows the run's own artifacts now, and that changes nothing"


def test_a_job_may_read_the_run_s_pictures_where_its_requests_begin_with_one(pipeline: Pipeline) -> None:
    models = pipeline.settings.models_file
    image_model(models.parent / "painter")
    models.write_text(models.read_text() + "  painter: {kind: image, source: ./painter, engine: echo, licence: ours}\n")
    brief = "name: begun\nkind: image\nprompt: a jar\nmodel: painter\ninit_image: jar.png\n"
    (pipeline.settings.briefs_dir / "begun.yaml").write_text(brief)
    pipeline.zones.inbox.put("images/jar.png", b"\xff\xd8\xff")
    own = replace(pipeline)  # with the models as they are now
    plan = planned(own)
    folder = pipeline.files.uri("inputs/images")
    for task in plan.generate:
        job = spec(own, task)
        assert job.model is not None
        assert job.inputs.get("images") == (folder if job.model.name == "painter" else None)
        granted = access(job, task.uri, pipeline.zones, None)
        sha256 = hashlib.sha256(b"\xff\xd8\xff").hexdigest()
        assert granted.may_read(f"{folder}/{sha256}") is (job.model.name == "painter")
        assert not granted.may_write(f"{folder}/{sha256}")


def test_a_lost_artifact_is_made_again(pipeline: Pipeline) -> None:
    first = planned(pipeline)
    pipeline.job(first.prompts)
    pipeline.job(first.generate[0])
    lost = next(info.key for info in pipeline.zones.work.list(pipeline.files.key("jobs")) if "/artifacts/" in info.key)
    pipeline.zones.work.delete(lost)
    assert pipeline.plan().generate == first.generate


def test_another_run_reuses_what_is_whole_and_makes_what_is_not(pipeline: Pipeline) -> None:
    brief = pipeline.settings.briefs_dir / "echoes.yaml"
    brief.write_text(BRIEF.split("variants:")[0] + "seed_policy: fixed\n")
    report = pipeline.run()
    assert report.reused == 0
    tomorrow = replace(pipeline, trigger=Trigger("daily_content", "scheduled__2", DAY + timedelta(days=1)))
    artifacts = [info.key for info in pipeline.zones.work.list("runs/") if "/artifacts/" in info.key]
    damaged, gone, *_ = artifacts
    data = pipeline.zones.work.get(damaged)
    pipeline.zones.work.put(damaged, bytes([data[0] ^ 1]) + data[1:])
    pipeline.zones.work.delete(gone)
    plan = planned(tomorrow)
    assert plan.reused == len(artifacts) - 2
    made = {line.request_key for line in tomorrow.files.reused()}
    asked = {key for task in plan.generate for key in _keys(tomorrow, task)}
    assert not made & asked
    report = tomorrow.run()
    assert report.counts == {"published": 4, "held": 1, "blocked": 2, "failed": 1} and report.reused == plan.reused


def test_what_was_planned_once_stays_planned_whatever_other_runs_make_meanwhile(pipeline: Pipeline) -> None:
    """Two runs at once may make one request in different batches: to different bytes, of which the catalog has one."""
    brief = pipeline.settings.briefs_dir / "echoes.yaml"
    brief.write_text(BRIEF.split("variants:")[0] + "seed_policy: fixed\n")
    tomorrow, later = (
        replace(pipeline, trigger=Trigger("daily_content", f"scheduled__{days}", DAY + timedelta(days=days)))
        for days in (1, 2)
    )
    first, second = planned(pipeline), planned(tomorrow)  # neither knows of the other
    assert (first.reused, second.reused) == (0, 0)
    pipeline.run()
    third = planned(later)
    assert third.reused == 5  # two are blocked, one fails
    reused = list(later.files.reused())
    assert tomorrow.run().reused == 0, "though the first run has made it all by now"
    with Catalog.open(pipeline.settings.catalog_url) as catalog:
        (known, *_) = catalog.known_results([line.request_key for line in reused], reused[0].artifact.numerics.digest)  # type: ignore[union-attr]
    assert known.artifact and tomorrow.trigger.run in known.artifact.uri, "the catalog has the bytes of the second run"
    again = pipeline.plan()
    assert isinstance(again, PlanRecord) and (again.reused, again.publish) == (0, first.publish)
    later.plan()
    assert list(later.files.reused()) == reused
    artifact = reused[0].artifact
    assert artifact is not None
    pipeline.zones.work.delete(pipeline.files.key(artifact.uri.split(f"/{pipeline.trigger.run}/")[1]))
    later.plan()
    (instead,) = [line for line in later.files.reused() if line.request_key == reused[0].request_key]
    assert instead.artifact and tomorrow.trigger.run in instead.artifact.uri, "lost, and found with the other run"


def _keys(pipeline: Pipeline, task: PlannedTask) -> list[str]:
    from galley.items import PlannedRequest

    return [line.key for line in pipeline.files.lines(f"jobs/{task.job}/requests.jsonl", PlannedRequest)]


def test_numerics_are_asked_for_once_and_decide_what_can_be_reused(pipeline: Pipeline) -> None:
    planned(pipeline)
    asked = [info.key for info in pipeline.zones.work.list(pipeline.files.key("jobs/numerics"))]
    assert [key.rsplit("/", 1)[1] for key in asked] == ["job.json", "numerics.json"]
    second = other_run(pipeline, "2")
    planned(replace(second, trigger=replace(second.trigger, dag_id="daily_content")))
    more_threads = pipeline.settings.model_copy(update={"worker_threads": 2})
    third = other_run(pipeline, "3", settings=more_threads)
    third = replace(third, trigger=replace(third.trigger, dag_id="daily_content"))
    planned(third)
    runs = {info.key.split("/")[1] for info in pipeline.zones.work.list("runs/") if "/jobs/numerics" in info.key}
    assert runs == {pipeline.trigger.run, third.trigger.run}


def test_a_model_that_changed_since_its_items_were_collected_is_refused(pipeline: Pipeline) -> None:
    pipeline.collect()
    text_model(pipeline.settings.models_file.parent / "echo", b"\1\0\0\0")
    with pytest.raises(InputError, match="other files now"):
        Pipeline(pipeline.settings, pipeline.zones, pipeline.trigger).plan()


def test_a_model_that_cannot_be_loaded_fails_what_needs_it_and_nothing_else(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    text_model(pipeline.settings.models_file.parent / "torn", b"\1\0\0\0")
    with pipeline.settings.models_file.open("a") as file:
        file.write("  torn: {source: ./torn, kind: text, engine: echo, licence: none}\n")
    (pipeline.settings.briefs_dir / "torn.yaml").write_text("name: torn\nkind: text\nmodel: torn\nprompt: hello\n")
    pipeline, command = Pipeline(pipeline.settings, pipeline.zones), Pipeline.command

    def torn(self: Pipeline, job: Job) -> None:
        if job.command == "numerics" and job.model is not None and job.model.name == "torn":
            raise ModelRefused("model.safetensors is cut off")
        command(self, job)

    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "command", torn)
        report = pipeline.run()
    with pipeline.catalog() as catalog:
        found = list(catalog.items(pipeline.files.run))
    (needy,) = [each for each in found if each.item.brief == "torn"]
    assert needy.state == "failed" and "model.safetensors is cut off" in str(needy.generation)
    assert "published" in {each.state for each in found if each.item.brief == "echoes"}
    again = pipeline.run()
    assert again.counts["failed"] == report.counts["failed"] - 1
    assert again.counts["published"] == report.counts["published"] + 1


def test_a_run_without_items_publishes_an_empty_release(pipeline: Pipeline) -> None:
    (pipeline.settings.briefs_dir / "echoes.yaml").unlink()
    report = pipeline.run()
    assert (report.counts, report.complete, report.release_uri != "") == ({}, True, True)


def test_job_specs_name_what_the_worker_needs(pipeline: Pipeline) -> None:
    plan = planned(pipeline)
    (task,) = plan.generate
    job = spec(pipeline, task)
    assert task.uri == pipeline.files.uri("jobs", task.job, "job.json")
    assert pipeline.zones.read(task.uri, task.sha256)
    assert set(job.inputs) == {"requests", "prompt_verdicts"} and job.settings["numerics"]
    assert sorted(index for batch in job.batches for index in batch) == list(range(task.requests))
    publish = spec(pipeline, plan.publish)
    assert {"items", "policies", "prompt_verdicts", "verdicts-00", "results-000"} <= set(publish.inputs)
