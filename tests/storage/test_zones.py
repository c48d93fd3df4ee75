from __future__ import annotations

from pathlib import Path

import pytest

from galley.errors import IntegrityError, ObjectNotFound, StoreError
from galley.settings import Settings
from galley.storage import ZONES, LocalStore, MemoryStore, Zones, memory_zones
from galley.storage.faulty import Faults, FaultyStore

from .conformance import sha256


@pytest.fixture
def zones(tmp_path: Path) -> Zones:
    return Zones.from_settings(Settings(home=tmp_path / "home"))


def test_the_default_is_below_home_and_made_only_when_used(zones: Zones, tmp_path: Path) -> None:
    assert zones.work.url == f"file://{tmp_path}/home/store/work"
    assert not (tmp_path / "home").exists()
    zones.published.put("releases/r/00001.json", b"{}")
    assert (tmp_path / "home" / "store" / "published" / "releases" / "r" / "00001.json").read_bytes() == b"{}"
    assert [path.name for path in (tmp_path / "home" / "store").iterdir()] == ["published"]


def test_each_zone_has_one_store(zones: Zones) -> None:
    stores = [zones.inbox, zones.work, zones.quarantine, zones.published]
    assert stores == [zones.zone(name) for name in ZONES]
    assert len({store.url for store in stores}) == 4
    assert zones.inbox is zones.inbox


def test_uri_and_resolve_are_inverse(zones: Zones) -> None:
    for name in ZONES:
        store = zones.zone(name)
        uri = zones.uri(store, "runs/r/items.jsonl")
        assert uri == f"{store.url}/runs/r/items.jsonl"
        assert zones.resolve(uri) == (store, "runs/r/items.jsonl")
    with pytest.raises(StoreError):
        zones.uri(zones.work, "../x")


def test_read_by_uri(zones: Zones) -> None:
    zones.work.put("a/b", b"bytes")
    uri = zones.uri(zones.work, "a/b")
    assert zones.read(uri) == zones.read(uri, sha256(b"bytes")) == b"bytes"
    with pytest.raises(IntegrityError):
        zones.read(uri, sha256(b"other"))
    with pytest.raises(ObjectNotFound):
        zones.read(uri + "c")


@pytest.mark.parametrize(
    "uri",
    [
        "", "/etc/passwd", "etc/passwd", "file:///etc/passwd", "file:///proc/self/environ", "s3://other/key", "http://127.0.0.1/",
        "{work}", "{work}/", "{work}/../secret", "{work}/a/../../secret", "{work}/%2e%2e/secret", "{work}//etc/passwd",
        "{work}x/a", "{work}/a?versionId=1", "{work}/a#x", "{work}/a b", "{work}/.tmp-1", "FILE://{path}/a",
        "file:{path}/a",
        "file://localhost{path}/a", " {work}/a", "{work}/a\n", "{work}/a\0",
    ],
)  # fmt: skip
def test_other_uris_are_refused(zones: Zones, tmp_path: Path, uri: str) -> None:
    (tmp_path / "home" / "store").mkdir(parents=True)
    (tmp_path / "home" / "store" / "secret").write_bytes(b"secret")
    uri = uri.replace("{work}", zones.work.url).replace("{path}", zones.work.url.removeprefix("file://"))
    for act in (zones.resolve, zones.read):
        with pytest.raises(StoreError, match=r"not allowed|not the URI"):
            act(uri)


@pytest.mark.parametrize(
    ("work", "published"), [("file:///s/x", "file:///s/x"), ("file:///s/x", "file:///s/x/y"), ("file:///s/x/y", "file:///s/x/")]
)  # fmt: skip
def test_zones_do_not_overlap(tmp_path: Path, work: str, published: str) -> None:
    with pytest.raises(StoreError, match=r"lies in zone .*GALLEY_(WORK|PUBLISHED)_URL"):
        Zones.from_settings(Settings(home=tmp_path, work_url=work, published_url=published))


def test_neighbours_with_the_same_beginning_are_fine(tmp_path: Path) -> None:
    zones = Zones.from_settings(
        Settings(home=tmp_path, work_url=f"file://{tmp_path}/x", published_url=f"file://{tmp_path}/x-y")
    )
    assert zones.resolve(f"file://{tmp_path}/x-y/k") == (zones.published, "k")


def test_a_job_process_gets_the_same_zones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zones = Zones.from_settings(Settings(home=tmp_path / "with a space", inbox_url=f"file://{tmp_path}/in box"))
    for name, value in zones.environment().items():
        monkeypatch.setenv(name, value)
    job = Zones.from_settings(Settings(home=tmp_path / "elsewhere"))
    assert job.environment() == zones.environment()
    zones.inbox.put("a", b"x")
    assert job.read(zones.uri(zones.inbox, "a")) == b"x"
    assert (tmp_path / "in box" / "a").exists()


def test_a_wrong_url_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="'gopher://x/y'"):
        Zones.from_settings(Settings(home=tmp_path, work_url="gopher://x/y"))


def test_wrapping_keeps_uris_and_objects() -> None:
    zones, faults = memory_zones(), Faults(seed=5, rate=0.0)
    faulty = zones.wrapped(lambda store: FaultyStore(store, faults))
    faulty.work.put("a", b"x")
    assert isinstance(faulty.work, FaultyStore) and isinstance(zones.work, MemoryStore)
    assert faulty.uri(faulty.work, "a") == zones.uri(zones.work, "a")
    assert zones.read(zones.uri(zones.work, "a")) == b"x"
    assert faults.operations == 1


def test_local_stores_are_what_the_settings_open(zones: Zones) -> None:
    assert isinstance(zones.work, LocalStore)
