"""The network policies of ``docker/kubernetes``, enforced by kube-router: what a job in a pod reaches with and without.

An engine learns of a pod when it starts, so a job tries until what it must not reach is shut, and then again.
"""

# ruff: noqa: F401, F811 - fixtures are imported, and named again where they are used

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from galley.items import ModelSource
from galley.ledger import read_results
from galley.runtimes import open_runtime
from galley.settings import Settings
from galley.storage import Zones
from tests.integration.cluster import Cluster
from tests.integration.services.kubernetes_config import GATEWAY
from tests.integration.test_kubernetes import Job_, StandIn, deployed, model, own_pods, root, settings, stand_in
from tests.integration.test_kubernetes_s3 import Store, store
from tests.jobs import put_job, request
from tests.runtimes.conformance import SLEEPER, log, until, wait

PORT = 8000
LISTENS = f"""
import socket, sys, time
listener = socket.create_server(("0.0.0.0", {PORT}))
print("listens", file=sys.stderr, flush=True)
time.sleep(600)
"""
TRIES = """
import json, socket, sys, time
def reached(host, port):
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True
deadline = time.monotonic() + {patience}
while any([reached(*each) for each in {shut!r}]) and time.monotonic() < deadline:
    time.sleep(0.2)
found = {{name: [reached(*each) for _ in range(3)] for name, each in {all!r}.items()}}
print(json.dumps(found), file=sys.stderr, flush=True)
"""
Address = tuple[str, int]


@contextmanager
def listening() -> Iterator[Address]:
    """Something else on this machine, at the address of it that pods reach."""
    with socket.create_server((GATEWAY, 0)) as listener:
        yield GATEWAY, int(listener.getsockname()[1])


def reached(
    stand_in: StandIn, job: Job_, shut: Mapping[str, Address], opened: Mapping[str, Address], patience: float = 60
) -> dict[str, list[bool]]:
    """Whether a job's three tries for each address succeed, once none for ``shut`` does or patience has ended."""
    runtime = open_runtime("", stand_in(TRIES.format(patience=patience, shut=[*shut.values()], all={**shut, **opened})))
    handle = runtime.submit(*job)
    assert wait(runtime, handle) == 0, log(runtime, handle)
    found: dict[str, list[bool]] = json.loads(log(runtime, handle)[-1])
    return found


@pytest.fixture
def other(cluster: Cluster, stand_in: StandIn, settings: Settings, model: ModelSource) -> Iterator[Address]:
    """A job that listens."""
    job = put_job(Zones.from_settings(settings), [request("text", "x", model.digest)], model, run="run-2")
    runtime = open_runtime("", stand_in(LISTENS))
    handle = runtime.submit(*job)
    until(lambda: "listens" in log(runtime, handle))
    yield own_pods(cluster, job[0])[-1]["status"]["podIP"], PORT
    runtime.cancel(handle)


@pytest.fixture
def job(settings: Settings, model: ModelSource) -> Job_:
    return put_job(Zones.from_settings(settings), [request("text", "hello", model.digest)], model)


def test_a_job_reaches_nothing_that_it_reached_without_policies(
    cluster: Cluster, stand_in: StandIn, job: Job_, other: Address
) -> None:
    with listening() as node:
        shut = {"its node": node, "another job": other}
        assert reached(stand_in, job, shut, {}, patience=0) == dict.fromkeys(shut, [True] * 3)
        with cluster.sealed():
            assert reached(stand_in, job, shut, {}) == dict.fromkeys(shut, [False] * 3)


class TestWithAGate:
    @pytest.fixture
    def settings(self, deployed: Callable[..., Settings], root: str, store: Store) -> Settings:
        return deployed(root, store_url=store.s3.prefix(), s3_endpoint_url=store.endpoint)

    def test_a_job_s_pod_reaches_the_store_alone(
        self, cluster: Cluster, stand_in: StandIn, job: Job_, store: Store
    ) -> None:
        url = urlsplit(store.endpoint)
        with listening() as node, cluster.sealed(store.endpoint):
            opened = {"the store": (str(url.hostname), int(url.port or 0))}
            found = reached(stand_in, job, {"its node": node}, opened)
        assert found == {"its node": [False] * 3, "the store": [True] * 3}

    def test_a_job_does_its_work_under_the_policies(
        self, cluster: Cluster, settings: Settings, job: Job_, store: Store
    ) -> None:
        with cluster.sealed(store.endpoint):
            runtime = open_runtime("", settings)
            handle = runtime.submit(*job)
            assert wait(runtime, handle) == 0, log(runtime, handle)
        objects, key = Zones.from_settings(settings).resolve(job[0].prefix)
        assert len(read_results(objects, f"{key}/results", check="sha256").lines) == 1
