"""The Kubernetes runtime over a store in S3: jobs that have no keys, and gates that let them into their own."""

# ruff: noqa: F401, F811 - fixtures are imported, and named again where they are used

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from galley.exit_codes import meaning
from galley.items import Job, ModelSource
from galley.runtimes import Runtime, open_runtime
from galley.settings import Settings
from galley.storage import Zones
from tests.integration.cluster import Cluster, seen_by_pods
from tests.integration.echo_image import NAME
from tests.integration.executed import published_by
from tests.integration.s3 import S3
from tests.integration.sandbox import a_listener, probe, sealed
from tests.integration.services.base import Unavailable
from tests.integration.services.kubernetes_store import KEYS
from tests.integration.services.minio import MinioServer
from tests.integration.test_docker_s3 import TRIES
from tests.integration.test_kubernetes import deployed, model, own_pods, root, stand_in
from tests.jobs import put_job, request
from tests.pipeline import installation
from tests.runtimes.conformance import RuntimeConformance, log, until, wait

SECRET = "galley-store"


@dataclass
class Store:
    """A server that this process and gates reach under one address.

    Attributes:
        s3: the server.
        endpoint: its URL.
    """

    s3: S3
    endpoint: str


@pytest.fixture(scope="module")
def store(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The server, its credentials in a secret of the namespace."""
    service, folder = MinioServer(), tmp_path_factory.mktemp("minio")
    try:
        service.up(folder)
    except Unavailable as error:
        pytest.skip(str(error))
    s3 = S3(service, folder)
    cluster.keys(SECRET, s3.environment)
    try:
        with seen_by_pods(int(s3.endpoint.rpartition(":")[2])) as endpoint, pytest.MonkeyPatch.context() as patch:
            for name in KEYS:
                patch.setenv(name, s3.environment[name])
            yield Store(s3, endpoint)
    finally:
        service.down(folder)


@pytest.fixture
def settings(deployed: Callable[..., Settings], root: str, store: Store) -> Settings:
    return deployed(root, store_url=store.s3.prefix(), s3_endpoint_url=store.endpoint)


class TestKubernetesRuntimeOverS3(RuntimeConformance):
    @pytest.fixture
    def model(self, model: ModelSource) -> ModelSource:
        return model

    def test_credentials_are_in_no_pod_s_specification(
        self,
        cluster: Cluster,
        sleeper: Runtime,
        job: tuple[Job, str],
        store: Store,
    ) -> None:
        sleeper.submit(*job)
        (pod,) = own_pods(cluster, job[0])
        assert store.s3.environment["AWS_SECRET_ACCESS_KEY"] not in str(pod)
        assert pod["metadata"]["labels"]["galley.network"] == "store"

    def test_a_gate_that_was_killed_comes_back(
        self,
        cluster: Cluster,
        stand_in: Any,
        job: tuple[Job, str],
    ) -> None:
        spec, uri = job
        assert spec.model is not None
        go = Path(spec.model.source) / "go"
        program = (
            "import os, sys, time\nprint('started', file=sys.stderr, flush=True)\n"
            f"while not os.path.exists({str(go)!r}):\n    time.sleep(0.05)\n"
            "sys.path.insert(0, '/opt/galley/include')\nimport runpy\n"
            f"sys.argv = ['galley.worker', 'generate', '--job', {uri!r}]\n"
            "runpy.run_module('galley.worker', run_name='__main__')\n"
        )
        runtime = open_runtime("", stand_in(program))
        handle = runtime.submit(spec, uri)
        until(lambda: "started" in log(runtime, handle))
        cluster.kill_container(own_pods(cluster, spec)[-1], "gate")
        go.touch()
        code = wait(runtime, handle)
        assert code == 0 or meaning(code) == "again", log(runtime, handle)
        assert code == 0 or wait(runtime, runtime.submit(spec, uri)) == 0

    def test_from_inside_a_job_nothing_else_can_be_touched(
        self,
        stand_in: Any,
        zones: Zones,
        model: ModelSource,
        job: tuple[Job, str],
        store: Store,
    ) -> None:
        spec, uri = job
        other, _ = put_job(zones, [request("text", "secret", model.digest)], model, run="run-2")
        key = {name: zones.resolve(each.prefix)[1] for name, each in (("own", spec), ("other", other))}
        tries = TRIES.format(
            own=f"{key['own']}/job.json",
            prefix=key["own"],
            other=f"{key['other']}/requests.jsonl",
            secret=store.s3.environment["AWS_SECRET_ACCESS_KEY"],
        )
        with a_listener() as (addresses, port):
            runtime = open_runtime("", stand_in(probe(tries, addresses, port)))
            handle = runtime.submit(spec, uri)
            assert wait(runtime, handle) == 0, log(runtime, handle)
        found = sealed(log(runtime, handle)[-1])
        for what in ("read another run", "write another run", "write its specification", "list everything"):
            assert "answered 403" in found["tried"][what]
        assert zones.read(uri) == spec.model_dump_json().encode()


def test_a_run_over_s3_publishes_the_same_bytes_as_one_in_processes(
    cluster: Cluster,
    deployed: Callable[..., Settings],
    root: str,
    tmp_path: Path,
    store: Store,
) -> None:
    found = {}
    for name, place in (("process", tmp_path), ("kubernetes", cluster.files / root)):
        pods = deployed(root)
        over = {"store_url": store.s3.prefix(), "s3_endpoint_url": store.endpoint} if name == "kubernetes" else {}
        settings = installation(
            place / name,
            runtime=name,
            worker_python=Path(sys.executable),
            image_generation=NAME,
            image_compliance=NAME,
            kubernetes_namespace=pods.kubernetes_namespace,
            kubernetes_volumes=pods.kubernetes_volumes,
            **over,
        )
        found[name] = published_by(settings)
    assert found["kubernetes"] == found["process"]
    assert found["kubernetes"][0]
