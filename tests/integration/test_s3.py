"""The S3 store on real servers: MinIO and Versity S3 Gateway."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import logging
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import minio.time
import pytest
from minio.credentials import StaticProvider

from galley.airflow.inbox_trigger import RequestFileTrigger
from galley.errors import ObjectExists, ObjectNotFound, StoreError, StoreUnavailable, WriteUnknown
from galley.settings import Settings
from galley.storage import Retries, Zones
from galley.storage.minio import PART, MinioStore
from galley.storage.probe import require_conditional_writes
from tests.integration.fault_proxy import Do, FaultProxy
from tests.integration.s3 import S3
from tests.integration.services.base import Server, Unavailable
from tests.integration.services.minio import BUCKET, MinioServer
from tests.integration.services.versitygw import VersityServer
from tests.pipeline import Pipeline, installation
from tests.storage.conformance import StoreConformance, StreamingConformance, keys, race, sha256, told

ROUNDS = 50
"""Races of 16 writers."""
LISTED = 10_000
"""Objects of the long listing."""
LARGE = 1 << 30
"""Bytes of the large object."""
PATIENT = Retries(attempts=60, timeout=90.0, wait_initial=0.2, wait_max=1.0, wait_jitter=0.2)
"""For a server that is started again meanwhile."""


@pytest.fixture(scope="module", params=[MinioServer(), VersityServer()], ids=lambda service: service.name)
def s3(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """One server for the tests of this module."""
    service: Server = request.param
    folder = tmp_path_factory.mktemp(service.name)
    try:
        service.up(folder)
    except Unavailable as error:
        pytest.skip(str(error))
    try:
        yield S3(service, folder)
    finally:
        service.down(folder)


@pytest.fixture
def proxy(s3: S3) -> Iterator[FaultProxy]:
    """Between a store and the server; harmless until it gets a rule."""
    with FaultProxy(s3.endpoint).serving() as serving:
        yield serving


class TestConformance(StoreConformance, StreamingConformance):
    @pytest.fixture
    def make(self, s3: S3) -> S3:
        return s3


# ── write once ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_of_16_clients_that_race_one_wins(s3: S3) -> None:
    url = s3.prefix()
    clients = [s3.store(url) for _ in range(16)]
    for number in range(ROUNDS):
        ends: list[tuple[int, bool]] = []

        def write(index: int, key: str = f"releases/r/{number:05d}.json", ends: list[tuple[int, bool]] = ends) -> None:
            try:
                ends.append((index, clients[index].put_if_absent(key, b"writer %d" % index).created))
            except ObjectExists:
                ends.append((index, False))

        race(16, write)
        (winner,) = [index for index, won in ends if won]
        assert len(ends) == 16 and clients[0].get(f"releases/r/{number:05d}.json") == b"writer %d" % winner


def test_a_server_is_tried_once_before_it_is_relied_on(s3: S3, proxy: FaultProxy) -> None:
    store = s3.store(endpoint=proxy.url, probe=True)
    store.put_if_absent("a", b"x")
    writes = sum(seen.method == "PUT" for seen in proxy.seen)
    assert writes == 5 * 8 + 1 + 1  # the races, the note that it was tried, the object
    assert keys(store) == ["a"]
    for _ in range(2):
        s3.store(store.url, endpoint=proxy.url, probe=True).put_if_absent("a", b"x")
    assert sum(seen.method == "PUT" for seen in proxy.seen) == writes + 2


def test_a_server_that_only_pretends_is_refused(s3: S3, proxy: FaultProxy) -> None:
    proxy.dropped = {"if-none-match"}
    store = s3.store(endpoint=proxy.url, probe=True)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"8 writers .* 8 were told"):
            store.put_if_absent("releases/r/00001.json", b"x")
    assert s3.store(store.url).head("releases/r/00001.json") is None
    require_conditional_writes(s3.store())


# ── a network that fails ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", [Do.BUSY, Do.BUSY_AFTER, Do.LOST, Do.LOST_AFTER])
def test_every_operation_survives_a_failed_request(s3: S3, proxy: FaultProxy, fault: Do) -> None:
    proxy.rule = lambda seen, number: fault if number == 0 else Do.PASS
    acts: list[Callable[[str], object]] = [
        lambda url: s3.store(url, endpoint=proxy.url).put_if_absent("once", b"mine").size == 4,
        lambda url: s3.store(url, endpoint=proxy.url).put("again", b"x" * 100).size == 100,
        lambda url: s3.store(url, endpoint=proxy.url).put("long", iter([b"x" * PART, b"y"])).size == PART + 1,
        lambda url: s3.store(url, endpoint=proxy.url).get("there") == b"there",
        lambda url: s3.store(url, endpoint=proxy.url).head("there") is not None,
        lambda url: keys(s3.store(url, endpoint=proxy.url)) != [],
        lambda url: s3.store(url, endpoint=proxy.url).delete("there") is None,
    ]
    for act in acts:
        truth = s3.store()
        truth.put("there", b"there")
        proxy.seen.clear()
        assert act(truth.url)
        assert {info.size for info in truth.list()} <= {4, 5, 100, PART + 1}
    assert truth.head("there") is None


def test_a_lost_reply_to_a_conditional_write_is_settled(s3: S3, proxy: FaultProxy) -> None:
    """The write won, the client sends it again and is refused: it won all the same; another's is a conflict."""
    proxy.rule = lambda seen, number: Do.LOST_AFTER if seen.method == "PUT" and number == 0 else Do.PASS
    store = s3.store(endpoint=proxy.url)
    assert store.put_if_absent("a", b"mine").sha256 == sha256(b"mine")
    proxy.seen.clear()
    s3.store(store.url).put("b", b"theirs")
    with pytest.raises(ObjectExists):
        store.put_if_absent("b", b"mine")
    assert s3.store(store.url).get("b") == b"theirs"


@pytest.mark.parametrize("fault", [Do.CUT, Do.SLOW])
def test_a_body_that_breaks_off_is_read_again_and_a_slow_one_waited_for(s3: S3, proxy: FaultProxy, fault: Do) -> None:
    store, data = s3.store(endpoint=proxy.url), b"0123456789" * 50_000
    store.put("a", data)
    proxy.rule = lambda seen, number: fault if seen.method == "GET" and number == 0 else Do.PASS
    assert store.get("a", sha256=sha256(data)) == data
    proxy.seen.clear()
    if fault is Do.CUT:
        with pytest.raises(StoreUnavailable), store.open("a") as stream:
            stream.read()


def test_a_server_that_stays_busy_is_said_to_be(s3: S3, proxy: FaultProxy) -> None:
    proxy.rule = lambda seen, number: Do.BUSY
    store = s3.store(endpoint=proxy.url, retries=Retries.at_once(3))
    acts = (
        lambda: store.put("a", b""),
        lambda: store.put_if_absent("a", b""),
        lambda: store.get("a"),
        lambda: keys(store),
    )
    for act in acts:
        proxy.seen.clear()
        with pytest.raises(StoreUnavailable, match=f"{proxy.url} answered 503 SlowDown"):
            act()
        assert len(proxy.seen) == 3


# ── a server that dies ───────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def restarting(s3: S3) -> Iterator[Callable[[], None]]:
    """Gives what kills the server and starts it again, the same port and data, without waiting for it."""
    threads: list[threading.Thread] = []

    def strike() -> None:
        s3.service.kill(s3.folder)
        threads.append(threading.Thread(target=s3.service.up, args=(s3.folder,)))
        threads[-1].start()

    try:
        yield strike
    finally:
        for thread in threads:
            thread.join()


def test_killed_in_the_middle_of_an_upload(s3: S3) -> None:
    store, chunk = s3.store(retries=Retries.at_once(2)), b"0123456789abcdef" * (1 << 16)
    store.put("big", b"old")

    def source(strike: Callable[[], None]) -> Iterator[bytes]:
        for number in range(24):
            if number == 13:
                strike()
            yield chunk

    with pytest.raises(StoreUnavailable):
        store.put("big", source(lambda: s3.service.kill(s3.folder)))
    s3.service.up(s3.folder)
    assert store.get("big") == b"old" and keys(store) == ["big"]
    assert store.sweep() == 0  # somebody may be at it
    # MinIO lists no uploads below a prefix; it removes them itself after a day.
    assert store.sweep(-60) == (0 if s3.service.name == "minio" else 1)
    assert store.sweep(-60) == 0
    assert store.get("big") == b"old"
    # And where the server is back soon enough, even a stream that can be read only once goes through.
    with restarting(s3) as strike:
        written = s3.store(store.url, retries=PATIENT).put("big", source(strike))
    assert written.size == 24 << 20
    assert store.get("big", sha256=written.sha256) == chunk * 24
    assert store.sweep(-60) == 0


def test_killed_in_the_middle_of_a_listing(s3: S3) -> None:
    store, names = s3.store(retries=PATIENT), [f"k{number:04d}" for number in range(1100)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: store.put(name, b""), names))
    listing = store.list()
    seen = [info.key for info in itertools.islice(listing, 500)]
    with restarting(s3) as strike:
        strike()
        seen += [info.key for info in listing]
    assert seen == names
    s3.service.kill(s3.folder)
    try:
        with pytest.raises(StoreUnavailable, match=s3.endpoint):
            keys(s3.store(store.url, retries=Retries.at_once(2)))
    finally:
        s3.service.up(s3.folder)


# ── versions ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_bytes_written_again_a_second_later_are_another_version(s3: S3) -> None:
    """So that a request file that is delivered again gets a run again, as on a disk."""
    store, versions, end = s3.store(), set[str](), time.monotonic() + 30
    while len(versions) < 2 and time.monotonic() < end:
        store.put("a", b"x")
        (listed,) = store.list()
        assert store.head("a") == listed
        versions.add(listed.version)
    assert len(versions) == 2


# ── writes that are told of ──────────────────────────────────────────────────────────────────────────────────────────


def test_who_waits_is_told_of_writes_by_a_server_that_tells(s3: S3) -> None:
    store = s3.store()
    store.put("in/there", b"x")
    if s3.service.name == "minio":
        assert told(store, "in/", 60, s3.store(store.url), "in/a")
        assert not told(store, "in/", 3, s3.store(store.url), "out/a")
        assert not told(store, "in/", 3, s3.store(), "in/a")
    else:
        with pytest.raises(StoreError, match="does not tell of writes"):
            store.wait_for_write("in/", 60)


@pytest.mark.parametrize("heard", [True, False], ids=["heard", "missed"])
def test_the_inbox_watcher_wakes_for_writes_and_finds_what_it_was_not_told_of_when_it_looks(
    s3: S3, monkeypatch: pytest.MonkeyPatch, heard: bool
) -> None:
    settled = {"GALLEY_STORE_URL": s3.prefix(), "GALLEY_RUNTIME": "process", "AIRFLOW_CONN_GALLEY_STORE": "aws://"}
    for name, value in {**s3.environment, **settled}.items():
        monkeypatch.setenv(name, value)
    tells = heard and s3.service.name == "minio"
    trigger = RequestFileTrigger(folder="sensor", poll=600 if tells else 1)
    inbox = Zones.from_settings(Settings()).inbox

    async def arrives() -> str:
        events = trigger.run()
        waiting = asyncio.ensure_future(anext(events))
        for number in itertools.count(1):
            await asyncio.sleep(1)
            if waiting.done():
                break
            if tells or number == 1:  # MinIO's last commit tells of several together
                await asyncio.to_thread(inbox.put, "sensor/a.jsonl", b"x")
        await events.aclose()
        return str((await waiting).payload["key"])

    assert asyncio.run(asyncio.wait_for(arrives(), 60)) == "sensor/a.jsonl"


# ── what people get wrong ────────────────────────────────────────────────────────────────────────────────────────────


def acts_on(store: MinioStore) -> list[Callable[[], object]]:
    """Everything that can be asked of a store."""
    return [
        lambda: store.put("a", b"x"),
        lambda: store.put("a", iter([b"x" * 2 * PART])),
        lambda: store.put_if_absent("a", b"x"),
        lambda: store.get("a"),
        lambda: store.head("a"),
        lambda: list(store.list()),
        lambda: store.delete("a"),
    ]


@pytest.mark.parametrize("which", ["key", "secret"])
def test_wrong_credentials(s3: S3, which: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    user, secret = s3.environment["AWS_ACCESS_KEY_ID"], s3.environment["AWS_SECRET_ACCESS_KEY"]
    wrong = StaticProvider("nobody" if which == "key" else user, "hunter2hunter2")
    for probe in (False, True):
        for act in acts_on(s3.store(credentials=wrong, retries=Retries.at_once(2), probe=probe)):
            with pytest.raises(StoreError, match="AWS_ACCESS_KEY_ID") as caught:
                act()
            assert not isinstance(caught.value, ObjectNotFound | StoreUnavailable | WriteUnknown)
            assert s3.endpoint in str(caught.value) and BUCKET in str(caught.value)
            assert "hunter2" not in str(caught.value) and secret not in str(caught.value)
    assert "hunter2" not in caplog.text and secret not in caplog.text


def test_no_signed_url_reaches_a_log(s3: S3, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    s3.store().put("a", b"x")
    lines = [line for line in caplog.messages if "X-Amz-" in line]
    assert lines and all("X-Amz-Signature=***" in line and "X-Amz-Credential=***" in line for line in lines)


def test_no_credentials_at_all(s3: S3, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    # Where a machine's own role would be asked for; nobody is there.
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/role")
    store = MinioStore.from_settings(s3.prefix(), Settings(s3_endpoint_url=s3.endpoint))
    with pytest.raises(StoreError, match=r"no credentials for the S3 server .* AWS_ACCESS_KEY_ID"):
        store.get("a")
    key, secret = s3.credentials.retrieve().access_key, s3.credentials.retrieve().secret_key
    (tmp_path / "credentials").write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n")
    assert store.put_if_absent("a", b"x").created
    (tmp_path / "credentials").unlink()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    assert MinioStore.from_settings(store.url, Settings(s3_endpoint_url=s3.endpoint)).get("a") == b"x"


def test_a_missing_bucket_is_no_missing_object(s3: S3) -> None:
    store = s3.store("s3://no-such-bucket/x", retries=Retries.at_once(2))
    for act in acts_on(store):
        with pytest.raises(StoreError, match="bucket 'no-such-bucket' is not there") as caught:
            act()
        assert type(caught.value) is StoreError


@pytest.mark.parametrize("ahead", [timedelta(hours=2), timedelta(hours=-2)])
def test_a_wrong_clock_is_named(s3: S3, monkeypatch: pytest.MonkeyPatch, ahead: timedelta) -> None:
    now = minio.time.utcnow
    monkeypatch.setattr(minio.time, "utcnow", lambda: now() + ahead)
    monkeypatch.setattr("galley.storage.s3_transport.now", lambda: now() + ahead)
    acts = acts_on(s3.store(retries=Retries.at_once(2)))
    if s3.service.name == "versitygw" and ahead > timedelta():
        acts = acts[3:]  # it takes presigned requests, which our writes are, from the future
    for act in acts:
        with pytest.raises(StoreError, match=r"clock .* by 7[12]\d\d s"):
            act()


def test_names_that_are_no_keys_are_left_out(s3: S3, caplog: pytest.LogCaptureFixture) -> None:
    store = s3.store()
    raw, prefix = store._client, store._prefix
    store.put("a", b"x")
    for name in ("b c", "b/ü", "z.hidden/.x"):
        raw.put_object(BUCKET, prefix + name, io.BytesIO(b"x"), 1)
    assert keys(store) == ["a"]
    assert caplog.text.count("is left out") == 3
    assert keys(store) == ["a"] and caplog.text.count("is left out") == 3


# ── size ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

CHILD = """
import json, resource, sys
from galley.settings import Settings
from galley.storage.minio import MinioStore
store, size = MinioStore.from_settings(sys.argv[1], Settings()), int(sys.argv[2])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
chunk = bytes(range(256)) * 4096
def turn(key, number):
    written = store.put(key, (chunk for _ in range(number)))
    with store.open(key, sha256=written.sha256) as stream:
        read = sum(len(part) for part in iter(lambda: stream.read(1 << 20), b""))
    assert read == written.size == number << 20
turn("small", 12)
before = peak()
turn("large", size >> 20)
print(json.dumps([before, peak()]))
"""


def test_a_large_object_in_constant_memory(s3: S3) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, s3.prefix(), str(LARGE)],
        env=dict(s3.environment), capture_output=True, text=True, timeout=3000,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    before, after = json.loads(done.stdout)
    print(f"{LARGE >> 20} MiB: peak {after} MiB, {before} MiB before")
    assert after - before < 16


def test_a_long_listing_with_a_cursor(s3: S3) -> None:
    store, names = s3.store(), [f"f{number % 10}/k{number:05d}" for number in range(LISTED)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda name: store.put(name, b""), names))
    names.sort()
    assert keys(store) == names
    middle = names[LISTED // 3]
    assert keys(store, after=middle) == names[LISTED // 3 + 1 :]
    assert keys(store, "f7/", after=middle) == [name for name in names if name.startswith("f7/") and name > middle]
    seen, cursor = list[str](), ""
    while page := list(itertools.islice(store.list(after=cursor), 777)):
        seen, cursor = seen + [info.key for info in page], page[-1].key
    assert seen == names


# ── the whole ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_pipeline_publishes_what_it_publishes_on_a_disk(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GALLEY_STORE_URL")
    published = []
    for number, url in enumerate(("", s3.prefix())):
        settings = installation(tmp_path / str(number), store_url=url, s3_endpoint_url=s3.endpoint)
        pipeline = Pipeline(settings, Zones.from_settings(settings))
        report = pipeline.run()
        assert report.counts == {"published": 4, "held": 1, "blocked": 2, "failed": 1}
        assert report.release_uri.startswith(url or "file://")
        assert pipeline.run() == report  # again, nothing changes
        published.append(
            {
                zone: {
                    info.key: sha256(pipeline.zones.zone(zone).get(info.key))
                    for info in pipeline.zones.zone(zone).list()
                    if info.key.endswith(".txt")
                }
                for zone in ("published", "quarantine")
            }
        )
    assert published[0] == published[1] and len(published[0]["published"]) == 4


def test_a_presigned_url_reads_one_object(s3: S3) -> None:
    store = s3.store()
    store.put("a", b"x")
    url = store.presigned_url("a")
    with urllib.request.urlopen(url, timeout=60) as answer:
        assert answer.read() == b"x"
    store.put("b", b"y")
    for other in (url.replace("/a?", "/b?"), url.partition("?")[0]):
        with pytest.raises(OSError, match="403"):
            urllib.request.urlopen(other, timeout=60)
