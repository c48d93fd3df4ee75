"""The Docker runtime over a store in S3: jobs that have no network and no keys, and gates that let them into their own.

The server is MinIO; the image is the echo engine's.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import docker
import pytest

from galley.exit_codes import meaning
from galley.items import Job, ModelSource, Resources
from galley.runtimes import open_runtime
from galley.settings import Settings
from galley.storage import Zones
from tests.integration.echo_image import NAME
from tests.integration.executed import published_by
from tests.integration.s3 import S3
from tests.integration.sandbox import a_listener, probe, sealed
from tests.integration.services.base import Unavailable
from tests.integration.services.minio import MinioServer
from tests.integration.test_docker import HUNGRY, MIB
from tests.jobs import put_job, request
from tests.pipeline import installation
from tests.runtimes.conformance import SLEEPER, RuntimeConformance, log, until, wait

TRIES = """
sys.path.insert(0, "/opt/galley/include")
from galley.settings import Settings
from galley.storage import Retries, Zones
from galley.storage.zones import ZONES
zones = Zones.from_settings(Settings())
for name in ZONES:
    zones.zone(name)._retries = Retries.at_once(1)
work = zones.work
assert work.get({own!r}) and work.put("{prefix}/results/1/part-00000.jsonl", b"x").created
assert [info.key for info in work.list("{prefix}/results/")]
attempt("write its specification", lambda: work.put({own!r}, b"x"))
attempt("remove its specification", lambda: work.delete({own!r}))
attempt("write its requests", lambda: work.put("{prefix}/requests.jsonl", b"x"))
attempt("read another run", lambda: work.get({other!r}))
attempt("look at another run", lambda: work.head({other!r}))
attempt("write another run", lambda: work.put({other!r}, b"x"))
attempt("list its run", lambda: list(work.list("runs/")))
attempt("list everything", lambda: list(work.list()))
for name in ZONES[2:]:
    attempt("write into " + name, lambda: zones.zone(name).put("intruder", b"x"))
pids = [pid for pid in os.listdir("/proc") if pid.isdigit()]
gates = [pid for pid in pids if b"galley.runtimes.gate" in open(f"/proc/{{pid}}/cmdline", "rb").read()]
assert len(gates) == 1
for path in ("environ", "mem", "root/etc/hostname"):
    attempt("read the gate's " + path, lambda: open(f"/proc/{{gates[0]}}/{{path}}").read())
attempt("end the gate", lambda: os.kill(int(gates[0]), signal.SIGKILL))
attempt("take the gate's place", lambda: os.unlink("/run/galley/s3.sock"))
assert {secret!r} not in str(os.environ)
"""


LOOKER = """
import sys, time
sys.path.insert(0, "/opt/galley/include")
from galley.settings import Settings
from galley.storage import Zones
zones, end = Zones.from_settings(Settings()), time.monotonic() + {seconds}
while time.monotonic() < end:
    zones.read({uri!r})
    time.sleep(0.1)
"""
LENT = timedelta(minutes=15)


@pytest.fixture
def lent(s3: S3, keys: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[datetime]]:
    """When keys were asked for of the service that gives a container its role's, which is where all come from."""
    asked: list[datetime] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            asked.append(datetime.now(UTC))
            keys = s3.credentials.retrieve()
            lent = {"AccessKeyId": keys.access_key, "SecretAccessKey": keys.secret_key, "Token": ""}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({**lent, "Expiration": f"{asked[-1] + LENT:%Y-%m-%dT%H:%M:%SZ}"}).encode())

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{server.server_port}/role")
        yield asked
        server.shutdown()


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    service, folder = MinioServer(), tmp_path_factory.mktemp("minio")
    try:
        service.up(folder)
    except Unavailable as error:
        pytest.skip(str(error))
    try:
        yield S3(service, folder)
    finally:
        service.down(folder)


@pytest.fixture
def keys(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, s3.environment[name])


@pytest.fixture
def settings(installed: Callable[..., Settings], tmp_path: Path, s3: S3, keys: None) -> Settings:
    return installed(tmp_path, store_url=s3.prefix(), s3_endpoint_url=s3.endpoint)


def gates(client: docker.APIClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.containers(all=True, filters={"label": "galley.gate"})
    return found


def volumes(client: docker.APIClient) -> set[str]:
    return {volume["Name"] for volume in client.volumes()["Volumes"] or ()}


class TestDockerRuntimeOverS3(RuntimeConformance):
    def test_no_gate_and_no_volume_outlives_its_job(
        self, client: docker.APIClient, stand_in: Any, job: tuple[Job, str]
    ) -> None:
        before = volumes(client)
        runtime = open_runtime("", stand_in(SLEEPER.format(stubborn=False)))
        handle = runtime.submit(*job)
        assert len(gates(client)) == 1
        assert len(volumes(client) - before) == 1
        client.kill(handle)  # and nobody of ours looks
        until(lambda: gates(client) == [])
        runtime.reap(lambda label: False, older_than=0)
        assert volumes(client) == before

    def test_a_job_whose_gate_is_gone_gets_another_from_whoever_looks(
        self, client: docker.APIClient, stand_in: Any, job: tuple[Job, str]
    ) -> None:
        program = "import sys\nsys.path.insert(0, '/opt/galley/include')\nimport runpy, time\n"
        program += "while not __import__('os').path.exists({go!r}):\n    time.sleep(0.05)\n"
        program += "sys.argv = ['galley.worker', 'generate', '--job', {uri!r}]\n"
        program += "runpy.run_module('galley.worker', run_name='__main__')\n"
        spec, uri = job
        assert spec.model is not None
        go = Path(spec.model.source) / "go"
        runtime = open_runtime("", stand_in(program.format(go=str(go), uri=uri)))
        handle = runtime.submit(spec, uri)
        (gate,) = gates(client)
        client.kill(gate["Id"])
        until(lambda: gates(client) == [])
        go.touch()
        assert wait(runtime, handle) == 0, log(runtime, handle)

    def test_a_gate_whose_keys_expire_makes_room_for_one_with_new_keys(
        self,
        client: docker.APIClient,
        stand_in: Any,
        job: tuple[Job, str],
        lent: list[datetime],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("galley.runtimes.docker_gate.SPARE", LENT.total_seconds())  # so: after the shortest time
        runtime = open_runtime("", stand_in(LOOKER.format(uri=job[1], seconds=20)))
        handle, seen = runtime.submit(*job), set[str]()
        while runtime.status(handle).state == "running":
            seen |= {gate["Id"] for gate in gates(client)}
            time.sleep(0.2)
        assert runtime.status(handle).exit_code == 0, log(runtime, handle)
        assert len(seen) >= 3 and len(lent) >= len(seen)

    def test_a_gate_that_was_lost_is_there_again_for_whoever_submits_again(
        self, client: docker.APIClient, stand_in: Any, job: tuple[Job, str]
    ) -> None:
        runtime = open_runtime("", stand_in(SLEEPER.format(stubborn=False)))
        handle = runtime.submit(*job)
        (gate,) = gates(client)
        client.kill(gate["Id"])
        until(lambda: gates(client) == [])
        assert runtime.submit(*job) == handle
        assert len(gates(client)) == 1
        runtime.cancel(handle, grace=0)

    def test_more_memory_than_the_job_asked_for_ends_it(
        self, stand_in: Any, zones: Zones, job: tuple[Job, str]
    ) -> None:
        spec, uri = job
        small = spec.model_copy(update={"resources": Resources(memory_bytes=48 * MIB)})
        store, key = zones.resolve(uri)
        store.put(key, small.model_dump_json().encode())
        runtime = open_runtime("", stand_in(HUNGRY))
        assert meaning(wait(runtime, runtime.submit(small, uri))) == "again"

    def test_from_inside_a_job_nothing_else_can_be_touched(
        self, stand_in: Any, zones: Zones, model: ModelSource, job: tuple[Job, str], s3: S3
    ) -> None:
        spec, uri = job
        other, _ = put_job(zones, [request("text", "secret", model.digest)], model, run="run-2")
        key = {name: zones.resolve(each.prefix)[1] for name, each in (("own", spec), ("other", other))}
        tries = TRIES.format(
            own=f"{key['own']}/job.json",
            prefix=key["own"],
            other=f"{key['other']}/requests.jsonl",
            secret=s3.environment["AWS_SECRET_ACCESS_KEY"],
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
    installed: Callable[..., Settings], tmp_path: Path, s3: S3, keys: None
) -> None:
    found = {}
    for name in ("process", "docker"):
        over = {"store_url": s3.prefix(), "s3_endpoint_url": s3.endpoint} if name == "docker" else {}
        settings = installation(
            tmp_path / name,
            runtime=name,
            worker_python=Path(sys.executable),
            image_generation=NAME,
            image_compliance=NAME,
            **over,
        )
        if name == "docker":
            installed(tmp_path / name, **over)
        found[name] = published_by(settings)
    assert found["docker"] == found["process"]
    assert found["docker"][0]
