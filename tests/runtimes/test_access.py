"""What a job may touch, on stores in memory."""

from pathlib import Path

import pytest

from galley.engines.base import ECHO_NUMERICS
from galley.errors import JobSpecError
from galley.items import Artifact, Result, canonical_json
from galley.runtimes.access import access
from galley.storage import memory_zones
from tests.jobs import put_job, request, source, text_model

HUB = Path("/hub")


@pytest.fixture
def zones():
    return memory_zones()


@pytest.fixture
def model(tmp_path):
    return source(text_model(tmp_path / "model"), engine="echo")


def a_job(zones, toy, inputs=None, **changes):
    job, uri = put_job(zones, [request("text", "hello", toy.digest)], toy, inputs=inputs)
    return job.model_copy(update=changes), uri


def test_a_generation_job_reads_what_it_names_and_writes_below_its_prefix(zones, model):
    verdicts = f"{zones.work.url}/runs/run-1/jobs/screen-prompts/verdicts"
    job, uri = a_job(zones, model, {"prompt_verdicts": verdicts})
    granted = access(job, uri, zones, HUB)
    assert granted.objects == (uri, f"{job.prefix}/requests.jsonl")
    assert granted.folders == (verdicts,)
    assert granted.outputs == (job.prefix,)
    assert granted.models == (Path(model.source),)


def test_results_bring_the_artifacts_of_the_job_that_wrote_them(zones, model):
    other = f"{zones.work.url}/runs/run-1/jobs/generate-a"
    job, uri = a_job(zones, model, {"results-000": f"{other}/results"})
    assert access(job, uri, zones, HUB).folders == (f"{other}/results", f"{other}/artifacts")


def test_results_of_other_runs_bring_their_artifacts_one_by_one(zones, model):
    artifact = Artifact(
        uri=f"{zones.work.url}/runs/old/jobs/g/artifacts/a.txt",
        sha256="a" * 64, size=1, media_type="text/plain", numerics=ECHO_NUMERICS,
    )  # fmt: skip
    result = Result(request_key="b" * 64, status="ok", artifact=artifact)
    zones.work.put("runs/run-1/reused.jsonl", canonical_json(result.model_dump(mode="json")) + b"\n")
    job, uri = a_job(zones, model, {"results-reused": f"{zones.work.url}/runs/run-1/reused.jsonl"})
    granted = access(job, uri, zones, HUB)
    assert artifact.uri in granted.objects
    assert granted.folders == ()


def test_a_publish_job_writes_its_run_and_its_day_and_nothing_else(zones, model):
    job, uri = a_job(zones, model, command="publish", settings={"content_date": "2026-11-26"})
    published = zones.published.url
    assert access(job, uri, zones, HUB).outputs == (
        job.prefix,
        f"{zones.quarantine.url}/run-1",
        f"{published}/2026-11-26",
        f"{published}/releases/run-1",
    )
    for settings in ({}, {"content_date": "../../releases"}, {"content_date": 7}):
        with pytest.raises(JobSpecError, match="content_date"):
            access(job.model_copy(update={"settings": settings}), uri, zones, HUB)


def test_hub_models_are_read_with_what_their_links_lead_to(zones, model):
    hub_model = model.model_copy(update={"source": "org/name", "revision": "a" * 40})
    checkers = {"toxic": {"directory": "/hub/models--org--toxic/snapshots/1", "sha256": ""}}
    job, uri = a_job(zones, model, model=hub_model, settings={"checkers": checkers})
    assert set(access(job, uri, zones, HUB).models) == {HUB / "models--org--name", HUB / "models--org--toxic"}


@pytest.mark.parametrize("prefix", ["runs/run-2/jobs/generate-toy-00", "runs/run-1", "runs/run-1/jobs/other"])
def test_a_prefix_that_is_not_the_jobs_own_is_refused(zones, model, prefix):
    job, uri = a_job(zones, model, prefix=f"{zones.work.url}/{prefix}")
    with pytest.raises(JobSpecError, match="is not its own"):
        access(job, uri, zones, HUB)


@pytest.mark.parametrize("named", ["file:///etc/passwd", "memory://work/../etc", "memory://elsewhere/x"])
def test_an_input_outside_the_zones_is_refused(zones, model, named):
    job, uri = a_job(zones, model, {"extra": named})
    with pytest.raises(JobSpecError):
        access(job, uri, zones, HUB)
