"""The Docker runtime on a real daemon: what every runtime must do, what a job cannot do, and what is left behind.

The daemon is that of DOCKER_HOST where it is set, else one of the tests' own. The image is the echo engine's.
"""

from __future__ import annotations

import gc
import signal
import sys
from pathlib import Path

import pytest

from galley.errors import JobInterrupted, JobSpecError
from galley.exit_codes import meaning
from galley.items import Resources
from galley.runtimes import open_runtime
from galley.storage.local import local_root
from tests.integration.echo_image import NAME
from tests.integration.executed import published_by
from tests.integration.sandbox import a_listener, probe, sealed
from tests.jobs import put_job, request
from tests.pipeline import installation
from tests.runtimes.conformance import SLEEPER, RuntimeConformance, log, wait

MIB = 2**20
TRIES = """
attempt("write its specification", lambda: open({job!r}, "a"))
attempt("replace its specification", lambda: os.rename(__file__, {job!r}))
attempt("remove its specification", lambda: os.unlink({job!r}))
attempt("write beside its prefix", lambda: open({beside!r}, "w"))
attempt("read another run", lambda: open({other!r}))
"""
HUNGRY = "hoard = []\nwhile True:\n    hoard.append(bytearray(8 * 2**20))\n"


@pytest.fixture
def settings(installed, tmp_path):
    return installed(tmp_path)


class TestDockerRuntime(RuntimeConformance):
    def test_an_unknown_execution_has_ended_without_a_code(self, runtime):
        status = runtime.status("0" * 64)
        assert (status.state, status.exit_code) == ("ended", None)
        assert runtime.logs("0" * 64).lines == ()
        runtime.cancel("0" * 64)

    def test_a_container_of_another_installation_is_none_of_ours(self, sleeper, job, installed, tmp_path):
        handle = sleeper.submit(*job)
        stranger = open_runtime("", installed(tmp_path / "other"))
        assert stranger.find(job[0]) is None
        with pytest.raises(JobSpecError, match="not of this store"):
            stranger.cancel(handle)
        assert stranger.reap(lambda label: False) == []
        sleeper.cancel(handle, grace=0)

    def test_a_killed_container_is_tried_again(self, client, sleeper, job):
        handle = sleeper.submit(*job)
        client.kill(handle, signal.SIGKILL)
        assert meaning(wait(sleeper, handle)) == "again"

    def test_more_memory_than_the_job_asked_for_ends_it_and_it_is_tried_again(self, stand_in, zones, job):
        spec, uri = job
        small = spec.model_copy(update={"resources": Resources(memory_bytes=48 * MIB)})
        store, key = zones.resolve(uri)
        store.put(key, small.model_dump_json().encode())
        runtime = open_runtime("", stand_in(HUNGRY))
        code = wait(runtime, runtime.submit(small, uri))
        assert code == 128 + signal.SIGKILL
        assert meaning(code) == "again"

    def test_one_ended_execution_is_kept_beside_the_next(self, client, settings, runtime, job):
        handles = []
        for _ in range(3):
            handles.append(runtime.submit(*job))
            wait(runtime, handles[-1])
        label = f"galley.job={job[0].run}/{job[0].job}"
        left = [found["Id"] for found in client.containers(all=True, filters={"label": label})]
        assert set(handles[1:]) <= set(left)
        assert handles[0] not in left

    def test_the_reaper_ends_what_nobody_waits_for_and_removes_what_is_old(self, client, sleeper, zones, model, job):
        other, other_uri = put_job(zones, [request("text", "x", model.digest)], model, run="run-2")
        wanted, orphan = sleeper.submit(*job), sleeper.submit(other, other_uri)
        assert sleeper.reap(lambda label: label.startswith("run-1/")) == [f"run-2/{other.job}"]
        assert sleeper.status(orphan).exit_code is None
        assert sleeper.status(wanted).state == "running"
        sleeper.cancel(wanted, grace=0)
        assert sleeper.reap(lambda label: True) == []
        assert sleeper.reap(lambda label: True, older_than=0) == [f"run-1/{job[0].job}"]

    def test_a_container_that_was_never_started_is_started_or_made_anew(self, client, stand_in, runtime, job):
        settings = stand_in(SLEEPER.format(stubborn=False))
        half = open_runtime("", settings)
        name = half._container(job[0])
        config = half._config(client, *job)
        made = client.create_container_from_config(config, name)["Id"]
        assert half.find(job[0]) is None
        assert half.submit(*job) == made
        half.cancel(made, grace=0)
        # The same name, made for another image.
        client.remove_container(made)
        stale = client.create_container_from_config(config, name)["Id"]
        handle = runtime.submit(*job)
        assert handle != stale
        assert wait(runtime, handle) == 0

    def test_an_image_that_is_not_there_is_named_with_its_remedy(self, settings, job):
        runtime = open_runtime("", settings.model_copy(update={"image_generation": "localhost/galley/none:1"}))
        with pytest.raises(JobSpecError, match=r'"localhost/galley/none:1" is not .* make images'):
            runtime.submit(*job)
        with pytest.raises(JobSpecError, match="make images"):
            runtime.environment()

    def test_a_gpu_that_is_not_there_is_an_error_and_leaves_nothing_behind(self, client, runtime, zones, job):
        if any(name.startswith("nvidia") for name in client.info()["Runtimes"]):
            pytest.skip("this daemon serves GPUs")
        spec, uri = job
        greedy = spec.model_copy(update={"resources": Resources(gpu=1)})
        with pytest.raises(JobSpecError, match="NVIDIA container toolkit"):
            runtime.submit(greedy, uri)
        assert client.containers(all=True, filters={"label": f"galley.store={runtime._store}"}) == []

    @pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
    def test_a_daemon_that_does_not_answer_may_answer_later(self, runtime, job, tmp_path, monkeypatch):
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
        for ask in (lambda: runtime.submit(*job), lambda: runtime.status("0" * 64)):
            with pytest.raises(JobInterrupted, match="no Docker daemon answers at unix://"):
                ask()
        gc.collect()  # the docker package leaves the socket open whose connect failed

    def test_a_link_that_a_job_left_in_its_folder_is_not_followed(self, runtime, zones, model, tmp_path):
        first, _ = put_job(zones, [request("text", "x", model.digest)], model, job="first")
        (tmp_path / "secret").mkdir()
        prefix = local_root(first.prefix)
        (prefix / "verdicts").symlink_to(tmp_path / "secret")
        inputs = {"prompt_verdicts": f"{first.prefix}/verdicts"}
        job, uri = put_job(zones, [request("text", "x", model.digest)], model, inputs=inputs)
        with pytest.raises(JobSpecError, match="may be a link"):
            runtime.submit(job, uri)

    def test_from_inside_a_job_nothing_else_can_be_touched(self, stand_in, zones, model, job):
        spec, uri = job
        other, _ = put_job(zones, [request("text", "secret", model.digest)], model, run="run-2")
        prefix = local_root(spec.prefix)
        tries = TRIES.format(
            job=str(local_root(uri)),
            beside=str(prefix.parent / "intruder"),
            other=str(local_root(f"{other.prefix}/requests.jsonl")),
        )
        with a_listener() as (addresses, port):
            runtime = open_runtime("", stand_in(probe(tries, addresses, port)))
            handle = runtime.submit(spec, uri)
            assert wait(runtime, handle) == 0, log(runtime, handle)
        found = sealed(log(runtime, handle)[-1])
        assert found["tried"]["read another run"] == "No such file or directory"
        assert len(found["tried"]) == 9 + len(addresses)


def test_a_run_in_containers_publishes_the_same_bytes_as_one_in_processes(client, installed, tmp_path):
    published = {}
    for name in ("process", "docker"):
        settings = installation(
            tmp_path / name,
            runtime=name,
            worker_python=Path(sys.executable),
            image_generation=NAME,
            image_compliance=NAME,
        )
        if name == "docker":
            installed(tmp_path / name)
        published[name] = published_by(settings)
    assert published["docker"] == published["process"]
    assert published["docker"][0]
