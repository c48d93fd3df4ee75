"""The gate between a sealed job and its S3 store: what it lets through, and that a store behind it is a whole store."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from minio.credentials import StaticProvider

from galley.errors import JobSpecError, StoreError, StoreUnavailable
from galley.runtimes.access import Access
from galley.runtimes.gate import Denied, S3Request, check
from galley.runtimes.gate_server import GateServer
from galley.settings import Settings
from galley.storage import ObjectStore, Retries
from galley.storage.minio import PART, MinioStore, connect
from tests.storage.conformance import StoreConformance, keys
from tests.storage.fake_s3 import BUCKET, FakeS3

OWN = f"s3://{BUCKET}/work/runs/r/jobs/a"
GRANTED = Access(
    objects=(f"{OWN}/job.json", f"{OWN}/requests.jsonl", f"s3://{BUCKET}/work/runs/old/jobs/g/artifacts/x.txt"),
    folders=(f"s3://{BUCKET}/work/runs/r/jobs/b/results",),
    outputs=(OWN, f"s3://{BUCKET}/published/2026-11-26"),
    models=(),
)
AN_OBJECT = f"/{BUCKET}/work/runs/r/jobs/a/results/part-00000.jsonl"
SIGNED = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=x&X-Amz-Signature=y"


def granted(method: str, target: str) -> bool:
    try:
        check(S3Request.parse(method, target), GRANTED)
    except Denied:
        return False
    return True


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_a_job_does_what_it_likes_below_its_prefix(method: str) -> None:
    assert granted(method, AN_OBJECT)
    assert granted(method, f"{AN_OBJECT}?{SIGNED}")


@pytest.mark.parametrize(
    "target",
    ["job.json", "requests.jsonl", "../b/results/x", "/../../b", "%2e%2e/b/job.json", "results/%2e%2e/job.json"],
)
def test_its_specification_and_inputs_are_not_its_to_change(target: str) -> None:
    for method in ("PUT", "DELETE", "POST"):
        assert not granted(method, f"/{BUCKET}/work/runs/r/jobs/a/{target}")
        assert not granted(method, f"/{BUCKET}/work/runs/r/jobs/a/{target}?uploads=")


def test_inputs_are_read_and_listed_and_their_neighbours_are_not() -> None:
    for key in ("a/job.json", "b/results/x/part-00000.jsonl"):
        assert granted("GET", f"/{BUCKET}/work/runs/r/jobs/{key}")
    for key in ("b/job.json", "b/results", "b/results-2/x", "ab/x", "a", "c/results/x"):
        assert not granted("GET", f"/{BUCKET}/work/runs/r/jobs/{key}")
    assert granted("HEAD", f"/{BUCKET}/work/runs/old/jobs/g/artifacts/x.txt")
    assert not granted("HEAD", f"/{BUCKET}/work/runs/old/jobs/g/artifacts/y.txt")
    assert not granted("GET", "/another/work/runs/r/jobs/a/job.json")
    listing = f"/{BUCKET}?list-type=2&delimiter=&max-keys=1000&prefix="
    assert granted("GET", f"{listing}work%2Fruns%2Fr%2Fjobs%2Fb%2Fresults%2F")
    for prefix in ("", "work/", "work/runs/r/jobs/a", "work/runs/r/jobs/b/results", "work/runs/r/jobs/b/", "../"):
        assert not granted("GET", listing + prefix)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/"),
        ("GET", f"/{BUCKET}"),
        ("GET", f"/{BUCKET}?versions&prefix=work/runs/r/jobs/a/"),
        ("GET", f"/{BUCKET}?uploads&prefix=work/runs/r/jobs/a/"),
        ("GET", f"/{BUCKET}?list-type=2&prefix=work/runs/r/jobs/a/&prefix="),
        ("PUT", f"/{BUCKET}"),
        ("PUT", f"/{BUCKET}?policy"),
        ("POST", f"/{BUCKET}?delete"),
        ("DELETE", f"/{BUCKET}"),
        ("HEAD", f"/{BUCKET}"),
        ("GET", f"{AN_OBJECT}?acl"),
        ("GET", f"{AN_OBJECT}?versionId=1"),
        ("PUT", f"{AN_OBJECT}?acl"),
        ("PUT", f"{AN_OBJECT}?tagging"),
        ("DELETE", f"{AN_OBJECT}?versionId=1"),
        ("POST", AN_OBJECT),
        ("POST", f"{AN_OBJECT}?select&select-type=2"),
        ("PATCH", AN_OBJECT),
        ("PUT", f"/{BUCKET}/published/2026-11-27/x.txt"),
        ("PUT", f"/{BUCKET}/published/2026-11-26"),
        ("PUT", f"/{BUCKET}//published/2026-11-26/x.txt"),
    ],
)
def test_all_else_of_s3_is_refused(method: str, target: str) -> None:
    assert not granted(method, target)


@pytest.mark.parametrize("upload", ["..", "../x", "..%2F..%2Fruns", "%2e%2e%2fx", ".x", "a/b", "a..b", "", "a%00", "ü"])
def test_the_id_of_an_upload_is_no_path(upload: str) -> None:
    """A server that keeps parts in folders joins it to a path: what it names there would go with DELETE."""
    assert granted("DELETE", f"{AN_OBJECT}?uploadId=ZWJ0.b2-_~=%2B3")
    assert granted("PUT", f"{AN_OBJECT}?partNumber=12&uploadId=0b7e3ae1-1f8d-4b6e-8f8b-2b1d7f3f6d55")
    for method, query in (("DELETE", ""), ("POST", ""), ("PUT", "partNumber=1&")):
        assert not granted(method, f"{AN_OBJECT}?{query}uploadId={upload}")
    assert not granted("PUT", f"{AN_OBJECT}?partNumber=../1&uploadId=x")
    assert not granted("PUT", f"{AN_OBJECT}?partNumber=0&uploadId=x")


@given(
    st.text(alphabet="abr/.%2eE5cF?&=prefix-_\\ \0ü", max_size=40), st.sampled_from(["GET", "PUT", "DELETE", "HEAD"])
)
def test_no_spelling_leads_out_of_what_is_granted(rest: str, method: str) -> None:
    target = f"/{BUCKET}/work/runs/r/jobs/a/{rest}"
    if granted(method, target):
        key = S3Request.parse(method, target).key
        assert key.startswith("work/runs/r/jobs/a/") and ".." not in key.split("/") and "//" not in key


# ── through the socket ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def server() -> Iterator[FakeS3]:
    with FakeS3().serving() as serving:
        yield serving


@contextmanager
def gate(endpoint: str, granted: Access | Exception = GRANTED) -> Iterator[str]:
    """The endpoint of a gate before the store of another."""

    def grants() -> Access:
        if isinstance(granted, Exception):
            raise granted
        return granted

    client = connect(Settings(s3_endpoint_url=endpoint), StaticProvider("user", "secret"))
    with TemporaryDirectory() as folder, GateServer(f"{folder}/s3.sock", client, grants) as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield f"unix://{folder}/s3.sock"
        serving.shutdown()
        thread.join()


def store(url: str, endpoint: str, *, probe: bool = False) -> MinioStore:
    client = connect(Settings(s3_endpoint_url=endpoint, s3_addressing="path"), StaticProvider("galley-job", "none"))
    return MinioStore(url, client, endpoint, retries=Retries.at_once(2), probe=probe)


class TestAStoreBehindAGate(StoreConformance):
    numbers = itertools.count()

    @pytest.fixture
    def make(self, server: FakeS3) -> Iterator[type]:
        everything = Access((), (), (f"s3://{BUCKET}/conformance",), ())
        with gate(server.url, everything) as endpoint:

            class Make:
                def __new__(cls) -> MinioStore:  # type: ignore[misc]
                    return store(f"s3://{BUCKET}/conformance/t{next(self.numbers)}", endpoint)

                @staticmethod
                def peer(other: ObjectStore) -> ObjectStore:
                    return store(other.url, endpoint)

            yield Make


def test_a_job_sees_its_own_and_nothing_else(server: FakeS3) -> None:
    truth = store(f"s3://{BUCKET}/work", server.url)
    for key in ("runs/r/jobs/a/job.json", "runs/r/jobs/c/job.json"):
        truth.put(key, b"{}")
    with gate(server.url) as endpoint:
        work = store(f"s3://{BUCKET}/work", endpoint, probe=True)
        assert work.get("runs/r/jobs/a/job.json") == b"{}"
        assert work.put_if_absent("runs/r/jobs/a/results/1/part-00000.jsonl", b"x").created
        assert work.put("runs/r/jobs/a/artifacts/long", iter([b"x" * PART, b"y"])).size == PART + 1
        assert keys(work, "runs/r/jobs/a/results/") == ["runs/r/jobs/a/results/1/part-00000.jsonl"]
        acts = (
            lambda: work.get("runs/r/jobs/c/job.json"),
            lambda: work.head("runs/r/jobs/c/job.json"),
            lambda: work.put("runs/r/jobs/a/job.json", b"forged"),
            lambda: work.put("runs/r/jobs/c/x", b"x" * 3 * PART),
            lambda: work.delete("runs/r/jobs/a/job.json"),
            lambda: keys(work),
        )
        for act in acts:
            with pytest.raises(StoreError, match="answered 403"):
                act()
    assert truth.get("runs/r/jobs/a/job.json") == b"{}"


@pytest.mark.parametrize("length", ["-5", "+5", "1_0", "five", "0x5"])
def test_a_length_that_is_no_number_is_refused_and_the_connection_with_it(server: FakeS3, length: str) -> None:
    with gate(server.url) as endpoint, socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(endpoint.removeprefix("unix://"))
        path = f"/{BUCKET}/work/runs/r/jobs/a/x"
        client.sendall(f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\nhello".encode())
        answer = b""
        while part := client.recv(4096):
            answer += part
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert store(f"s3://{BUCKET}/work", server.url).head("runs/r/jobs/a/x") is None


@pytest.mark.parametrize("why", [JobSpecError("there is no such job"), StoreUnavailable("it is away")])
def test_why_there_are_no_grants_reaches_the_job(server: FakeS3, why: Exception) -> None:
    with gate(server.url, why) as endpoint, pytest.raises(StoreError, match=str(why)) as caught:
        store(f"s3://{BUCKET}/work", endpoint).get("x")
    assert isinstance(caught.value, StoreUnavailable) == isinstance(why, StoreUnavailable)


def test_a_store_that_is_away_is_away_for_the_job_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with gate(nobody) as endpoint, pytest.raises(StoreUnavailable, match="ServiceUnavailable"):
        store(f"s3://{BUCKET}/work", endpoint).get("runs/r/jobs/a/job.json")


@pytest.mark.parametrize("before", [False, True], ids=["none", "one that ended"])
def test_a_gate_that_comes_late_is_waited_for(server: FakeS3, tmp_path: Path, before: bool) -> None:
    path = tmp_path / "s3.sock"
    if before:
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(path))
    client = connect(Settings(s3_endpoint_url=server.url), StaticProvider("user", "secret"))
    began = threading.Event()
    found: list[object] = []

    def look() -> None:
        began.set()
        found.append(store(f"s3://{BUCKET}/work", f"unix://{path}").head("runs/r/jobs/a/none"))

    looking = threading.Thread(target=look)
    looking.start()
    began.wait()
    looking.join(0.3)
    assert looking.is_alive()
    with GateServer(str(path), client, lambda: GRANTED) as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        looking.join()
        serving.shutdown()
        thread.join()
    assert found == [None]
