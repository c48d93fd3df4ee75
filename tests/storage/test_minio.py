"""The S3 store against a small server in this process; tests/integration/test_s3.py has the real ones."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from minio.credentials import Credentials, StaticProvider

from galley.errors import ObjectNotFound, StoreError, StoreUnavailable
from galley.settings import Settings
from galley.storage import ObjectStore, Retries
from galley.storage.minio import PART, MinioStore, _Credentials, connect

from .conformance import StoreConformance, TellingConformance, keys, sha256
from .fake_s3 import BUCKET, FakeS3


@pytest.fixture(scope="module")
def server() -> Iterator[FakeS3]:
    with FakeS3().serving() as serving:
        yield serving


class Make:
    numbers = itertools.count()

    def __init__(self, server: FakeS3) -> None:
        self._server = server

    def __call__(self, url: str = "", *, probe: bool = False) -> MinioStore:
        client = connect(Settings(s3_endpoint_url=self._server.url), StaticProvider("user", "secret"))
        place = url or f"s3://{BUCKET}/t{next(self.numbers)}"
        return MinioStore(place, client, self._server.url, retries=Retries.at_once(3), probe=probe)

    def peer(self, store: ObjectStore) -> ObjectStore:
        return self(store.url)


@pytest.fixture
def make(server: FakeS3) -> Make:
    return Make(server)


class TestMinioStore(StoreConformance):
    pass


class TestNotifications(TellingConformance):
    @pytest.fixture(autouse=True)
    def telling(self, server: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server, "tells", True)


def test_a_server_that_tells_of_nothing_says_so(make: Make, server: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    store = make()
    store.put("a", b"x")
    with pytest.raises(StoreError, match=f"{server.url} does not tell of writes") as caught:
        store.wait_for_write("", 60)
    assert not isinstance(caught.value, StoreUnavailable)
    monkeypatch.setattr(server, "tells", True)
    monkeypatch.setattr(server, "notifications", lambda _: [b" "])  # and hangs up
    with pytest.raises(StoreUnavailable):
        store.wait_for_write("", 60)


@pytest.mark.parametrize("said", [[], [b" "]])
def test_who_waits_for_a_server_that_is_silent_waits_no_longer_than_it_wants(
    make: Make, server: FakeS3, monkeypatch: pytest.MonkeyPatch, said: list[bytes]
) -> None:
    """So is MinIO's last commit while little is written: not even its headers come."""
    over, answer = threading.Event(), server.answer

    def notifications(_: str) -> Iterator[bytes]:
        yield from said
        over.wait(60)

    def silent(*request: Any) -> tuple[int, bytes, dict[str, str]]:
        over.wait(60)
        return answer(*request)

    if said:
        monkeypatch.setattr(server, "tells", True)
        monkeypatch.setattr(server, "notifications", notifications)
    else:
        monkeypatch.setattr(server, "answer", silent)
    began = time.monotonic()
    assert not make().wait_for_write("", 0.3)
    assert time.monotonic() - began < 30
    over.set()


@pytest.mark.parametrize("extra", [-1, 0, 1, PART, PART + 1])
def test_parts(make: Make, server: FakeS3, extra: int) -> None:
    store, data = make(), (bytes(range(256)) * (PART // 256) + b"x" * 2 * PART)[: PART + extra]
    number = -(-len(data) // PART)
    for key, source in (("whole", data), ("stream", iter([data[:7], data[7:PART], data[PART:]]))):
        written = store.put(key, source)
        assert (written.sha256, written.size) == (sha256(data), len(data))
        assert store.get(key, sha256=sha256(data)) == data
        info = store.head(key)
        assert info is not None and info.version.partition("@")[0][32:] == (f"-{number}" if number > 1 else "")
    assert server.uploads == {}


def test_the_same_bytes_written_again_later_are_another_version(make: Make, server: FakeS3) -> None:
    store = make()
    store.put("a", b"x")
    before = store.head("a")
    (place,) = [key for key in server.objects if key.endswith("/a") and key.startswith(store._prefix)]
    data, tag, modified = server.objects[place]
    server.objects[place] = (data, tag, modified + timedelta(seconds=1))
    after = store.head("a")
    assert before is not None and after is not None and before.version != after.version
    assert list(store.list()) == [after]


@pytest.mark.parametrize(
    "answer", [b"", b"<html>welcome</html>", b" " * 400 + b"<Error><Code>InternalError</Code></Error>"]
)
def test_a_yes_that_is_none_ends_no_upload(
    make: Make, server: FakeS3, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    """S3 says 200 before it knows, and a proxy may say it of anything."""
    store, upload, asked = make(), server._upload, 0

    def _upload(method: str, key: str, query: dict[str, str], data: bytes) -> tuple[int, bytes, dict[str, str]]:
        nonlocal asked
        if method == "POST" and "uploadId" in query:
            asked += 1
            if asked == 1:
                return 200, answer, {}
        return upload(method, key, query, data)

    monkeypatch.setattr(server, "_upload", _upload)
    data = b"x" * (PART + 1)
    assert store.put("long", data).size == len(data)
    assert asked == 2 and store.get("long") == data


@pytest.mark.parametrize("size", [1, PART + 1])
def test_a_yes_without_an_etag_is_no_write(
    make: Make, server: FakeS3, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    store, answer, written = make(), server.answer, 0

    def _answer(method: str, target: str, headers: object, data: bytes) -> tuple[int, bytes, dict[str, str]]:
        nonlocal written
        written += method == "PUT"
        if method == "PUT" and written == 1:
            return 200, b"<html>welcome</html>", {}
        return answer(method, target, headers, data)

    monkeypatch.setattr(server, "answer", _answer)
    assert store.put("a", b"x" * size).size == size
    assert store.get("a") == b"x" * size and written == 1 + -(-size // PART)


def test_a_404_that_is_not_the_store_s_own_is_no_absence(
    make: Make, server: FakeS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make()
    store.put("there", b"x")
    monkeypatch.setattr(server, "_object", lambda *_: (404, b"<html>404 page not found</html>", {}))
    with pytest.raises(StoreUnavailable):
        store.get("there")
    with pytest.raises(StoreError) as caught:
        store.delete("there")
    assert not isinstance(caught.value, ObjectNotFound)


def test_credentials_that_cannot_be_renewed_may_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    keys_of = _Credentials("")
    monkeypatch.setattr(keys_of._chain, "retrieve", lambda: (_ for _ in ()).throw(ValueError("none")))
    with pytest.raises(StoreError) as never:
        keys_of.retrieve()
    assert not isinstance(never.value, StoreUnavailable)
    monkeypatch.setattr(keys_of._chain, "retrieve", lambda: Credentials("a", "b"))
    keys_of.retrieve()
    monkeypatch.setattr(keys_of._chain, "retrieve", lambda: (_ for _ in ()).throw(ValueError("none")))
    with pytest.raises(StoreUnavailable):
        keys_of.retrieve()


def test_a_broken_stream_leaves_no_parts(make: Make, server: FakeS3) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * 2 * PART
        raise OSError("the source broke")

    with pytest.raises(OSError, match="the source broke"):
        make().put("a", broken())
    assert server.uploads == {}


def test_what_a_dead_writer_left_is_swept(make: Make, server: FakeS3) -> None:
    store, other = make(), make()
    for place in (store, other):
        place._send("POST", "big", {"uploads": ""}, b"", {})
    assert store.sweep() == 0 and len(server.uploads) == 2
    assert store.sweep(-60) == 1 and store.sweep(-60) == 0
    assert [key for key, _ in server.uploads.values()] == [f"{other.url.rpartition('/')[2]}/big"]
    assert other.sweep(-60) == 1


def test_conditions_are_tried_once_for_a_zone(make: Make, server: FakeS3) -> None:
    store = make(probe=True)
    assert store.put_if_absent("a", b"x").created
    assert keys(store) == ["a"]
    prefix = store.url.removeprefix(f"s3://{BUCKET}/")
    (note,) = [key for key in server.objects if key.startswith(f"{prefix}/.galley/")]
    before = server.objects[note]
    make(store.url, probe=True).put_if_absent("b", b"x")
    assert server.objects[note] is before


def test_a_server_that_refused_the_trial_is_tried_again(
    make: Make, server: FakeS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only who may not do it takes another's word: a wrong clock or key may be right a moment later."""
    store, real = make(probe=True), server._object

    def skewed(method: str, *_: object) -> tuple[int, bytes, dict[str, str]]:
        code = b"" if method == "HEAD" else b"<Error><Code>RequestTimeTooSkewed</Code></Error>"
        return 403, code, {"Content-Type": "application/xml"}

    monkeypatch.setattr(server, "_object", skewed)
    with pytest.raises(StoreError, match="clock"):
        store.put_if_absent("a", b"x")
    monkeypatch.setattr(server, "_object", lambda method, key, given, data: real(method, key, {}, data))
    with pytest.raises(StoreError, match="8 writers"):
        store.put_if_absent("a", b"x")


@pytest.mark.parametrize(
    ("endpoint", "asked"),
    [
        ("http://minio:9000", "http://minio:9000"),
        ("https://notamazonaws.com", "https://notamazonaws.com"),
        ("https://s3.eu-west-1.amazonaws.com", None),
        ("https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com", None),
        ("", None),
    ],
)
def test_a_web_identity_is_taken_to_the_server_itself_but_not_to_amazon_s(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, asked: str | None
) -> None:
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/token")
    assert _Credentials(endpoint)._chain._providers[-1]._custom_endpoint == asked


def test_a_missing_bucket_is_no_missing_object(make: Make) -> None:
    store = make("s3://no-such-bucket/x")
    for act in (lambda: store.head("a"), lambda: store.get("a"), lambda: store.put("a", b""), lambda: keys(store)):
        with pytest.raises(StoreError, match="bucket 'no-such-bucket' is not there") as caught:
            act()
        assert type(caught.value) is StoreError


def test_a_wrong_setting_is_named(make: Make) -> None:
    for wrong in ({"s3_endpoint_url": "127.0.0.1:9000"}, {"s3_region": "no region", "s3_endpoint_url": "http://h"}):
        with pytest.raises(StoreError, match="GALLEY_S3_"):
            connect(Settings(**wrong))
