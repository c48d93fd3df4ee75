from __future__ import annotations

import errno
import itertools
import logging
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from galley.errors import ObjectExists, ObjectNotFound, StoreError, StoreUnavailable, WriteUnknown
from galley.settings import Settings
from galley.storage import LocalStore, ObjectStore, Retries, local, open_store

from .conformance import StoreConformance, StreamingConformance, keys, sha256
from .racer import race


class Make:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()

    def __call__(self) -> LocalStore:
        return LocalStore(f"file://{self._folder}/{next(self._numbers)}")

    def peer(self, store: ObjectStore) -> ObjectStore:
        return LocalStore(store.url)


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    # What fsync is for, test_crash.py shows; here it would only cost minutes.
    monkeypatch.setattr(os, "fsync", lambda _: None)
    return Make(tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(f"file://{tmp_path}/store", retries=Retries.at_once(1))


class TestLocalStore(StoreConformance, StreamingConformance):
    pass


# ── URLs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "url",
    [
        "file://relative/dir", "file://host/dir", "file:dir", "file://", "file:///", "file:///../etc", "file:///a/../b",
        "file:///a%00b", "file:///a?x", "file:///a#x", "/a/b", "", "gopher://host/dir", "http://host/dir", "file:///%2e%2e/a",
    ],
)  # fmt: skip
def test_urls_that_name_no_directory(url: str) -> None:
    with pytest.raises(StoreError, match="store URL"):
        open_store(url, Settings())


def test_one_spelling(tmp_path: Path) -> None:
    for url in (f"file://{tmp_path}/a b", f"file://{tmp_path}/a%20b", f"file://localhost{tmp_path}//a%20b/./"):
        assert open_store(url, Settings()).url == f"file://{tmp_path}/a%20b"
    open_store(f"file://{tmp_path}/a b", Settings()).put("k", b"x")
    assert (tmp_path / "a b" / "k").read_bytes() == b"x"


def test_opening_and_reading_make_nothing(tmp_path: Path, store: LocalStore) -> None:
    assert store.head("a") is None and keys(store) == [] and keys(store, "a/b") == []
    with pytest.raises(ObjectNotFound):
        store.get("a")
    store.delete("a/b")
    assert list(tmp_path.iterdir()) == []


# ── links and strange files ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def outside(tmp_path: Path, store: LocalStore) -> Path:
    """A directory and a file outside the store, with links to them inside it."""
    store.put("real/x", b"x")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (tmp_path / "store" / "link").symlink_to(outside / "secret")
    (tmp_path / "store" / "folder").symlink_to(outside)
    (tmp_path / "store" / "real" / "dangling").symlink_to(outside / "made")
    os.mkfifo(tmp_path / "store" / "pipe")
    return outside


def test_links_and_pipes_are_no_objects(store: LocalStore, outside: Path) -> None:
    assert keys(store) == ["real/x"] and keys(store, "folder/") == []
    for key in ("link", "folder/secret", "folder", "real/dangling", "pipe"):
        assert store.head(key) is None
        with pytest.raises(ObjectNotFound):
            store.get(key)
        store.delete(key)
    assert (outside / "secret").read_bytes() == b"secret"


def test_nothing_is_written_through_a_link(store: LocalStore, outside: Path) -> None:
    for key in ("link", "folder/secret", "folder/new", "folder/new/x", "folder", "real/dangling", "pipe"):
        with pytest.raises(StoreError, match=f"/{key}"):
            store.put(key, b"mine")
        with pytest.raises(StoreError):
            store.put_if_absent(key, b"mine")
    assert [path.name for path in outside.iterdir()] == ["secret"]
    assert (outside / "secret").read_bytes() == b"secret"


def test_files_that_no_key_can_name_are_left_out_aloud(
    store: LocalStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.put("good.jsonl", b"x")
    (tmp_path / "store" / "my requests.jsonl").write_bytes(b"x")
    (tmp_path / "store" / ".DS_Store").write_bytes(b"x")
    with caplog.at_level(logging.WARNING):
        assert keys(store) == keys(store) == ["good.jsonl"]
    assert len(caplog.records) == 1
    assert "my requests.jsonl is left out" in caplog.text and "rename it" in caplog.text


def test_a_file_copied_in_by_hand_is_an_object(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "store" / "brief").mkdir(parents=True)
    (tmp_path / "store" / "brief" / "today.jsonl").write_bytes(b"{}\n")
    assert store.get("brief/today.jsonl", sha256=sha256(b"{}\n")) == b"{}\n"
    assert keys(store) == ["brief/today.jsonl"]


def test_a_file_that_grows_while_it_is_read_is_noticed(store: LocalStore, tmp_path: Path) -> None:
    store.put("a", b"x" * 10)
    with pytest.raises(StoreUnavailable, match="longer than the announced 10 bytes"), store.open("a") as stream:
        with (tmp_path / "store" / "a").open("ab") as file:
            file.write(b"more")
        stream.read()


# ── temporaries ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_temporaries_of_the_dead_are_unseen_and_swept(store: LocalStore, tmp_path: Path) -> None:
    store.put("a/b", b"x")
    orphans = [tmp_path / "store" / "a" / ".tmp-0123", tmp_path / "store" / ".tmp-dead"]
    for orphan in orphans:
        orphan.write_bytes(b"half")
    assert keys(store) == ["a/b"]
    assert store.sweep() == 0 and all(orphan.exists() for orphan in orphans)
    for orphan in orphans:
        os.utime(orphan, (0, 0))
    assert store.sweep() == 2 and not any(orphan.exists() for orphan in orphans)
    assert store.get("a/b") == b"x"


def test_failed_writes_leave_no_temporary(store: LocalStore, tmp_path: Path) -> None:
    def broken() -> Any:
        yield b"x"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.put("a", broken())
    store.put("b", b"1")
    with pytest.raises(ObjectExists):
        store.put_if_absent("b", b"2")
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["b"]


# ── errors of the system ─────────────────────────────────────────────────────────────────────────────────────────────


class Failing:
    """The `os` module with calls that fail: name to the error number, and how often (-1: always)."""

    def __init__(self, **errors: tuple[int, int]) -> None:
        self._errors = {name: [number, times] for name, (number, times) in errors.items()}

    def __getattr__(self, name: str) -> Any:
        call = getattr(os, name)
        if name not in self._errors:
            return call

        def failing(*args: Any, **kwargs: Any) -> Any:
            number, times = self._errors[name]
            if times:
                self._errors[name][1] -= 1
                raise OSError(number, os.strerror(number))
            return call(*args, **kwargs)

        return failing


@pytest.mark.parametrize(
    ("call", "number", "error", "words"),
    [
        ("write", errno.ENOSPC, StoreUnavailable, "full.*MiB free.*GALLEY_STORE_URL"),
        ("write", errno.EDQUOT, StoreUnavailable, "quota"),
        ("fsync", errno.EIO, StoreUnavailable, "Input/output error"),
        ("link", errno.EPERM, StoreError, "hard links"),
        ("link", errno.EIO, StoreUnavailable, "Input/output error"),
        ("utime", errno.EROFS, StoreError, "Read-only file system.*chown"),
        ("open", errno.EACCES, StoreError, "Permission denied.*needs the right.*chown.*GALLEY_STORE_URL"),
        ("open", errno.EMFILE, StoreUnavailable, "Too many open files"),
    ],
)
def test_system_errors_say_what_to_do(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    call: str, number: int, error: type[StoreError], words: str,
) -> None:  # fmt: skip
    store.put("there", b"x")
    monkeypatch.setattr(local, "os", Failing(**{call: (number, -1)}))
    with pytest.raises(error, match=words) as caught:
        store.put_if_absent("a", b"data")
    assert type(caught.value) is error and f"{store.url}/a" in str(caught.value)
    monkeypatch.undo()
    assert keys(store) == ["there"]
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["there"]


def test_a_folder_that_cannot_be_synced_is_settled_or_unknown(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("a/x", b"x")
    passing = type("Passing", (Failing,), {})
    for failures, outcome in ((1, "settled"), (-1, "unknown")):
        calls = itertools.count()
        failing = passing()

        def fsync(file: int, calls: Any = calls, failures: int = failures) -> None:
            number = next(calls)  # the first is that of the file itself
            if number and (failures < 0 or number <= failures):
                raise OSError(errno.EIO, "EIO")

        failing.fsync = fsync
        monkeypatch.setattr(local, "os", failing)
        if outcome == "settled":
            assert store.put_if_absent("a/settled", b"data").created is False
        else:
            with pytest.raises(WriteUnknown, match="do not clean up"):
                store.put_if_absent("a/unknown", b"data")
    monkeypatch.undo()
    assert store.put_if_absent("a/unknown", b"data").created is False
    with pytest.raises(ObjectExists):
        store.put_if_absent("a/unknown", b"other")


def test_a_passing_error_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(f"file://{tmp_path}/store", retries=Retries.at_once(3))
    monkeypatch.setattr(local, "os", Failing(write=(errno.ESTALE, 1), stat=(errno.ESTALE, 1)))
    assert store.put("a", b"x").created
    monkeypatch.setattr(local, "os", Failing(write=(errno.ESTALE, 3)))
    with pytest.raises(StoreUnavailable):
        store.put("b", b"x")
    monkeypatch.setattr(local, "os", Failing(write=(errno.ESTALE, 1)))
    with pytest.raises(StoreUnavailable):
        store.put("b", iter([b"a stream cannot be sent twice"]))


def test_a_root_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for url in (f"file://{tmp_path}/file", f"file://{tmp_path}/file/below"):
        with pytest.raises(StoreError, match="is a file"):
            LocalStore(url).put("a", b"x")


# ── processes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_of_racing_processes_one_wins(tmp_path: Path) -> None:
    """With fsync, and with the folders made by whoever comes first."""
    context, processes, rounds = multiprocessing.get_context("spawn"), 4, 15
    barrier, won = context.Barrier(processes), context.Queue()
    url = f"file://{tmp_path}/store"
    racers = [context.Process(target=race, args=(url, barrier, index, rounds, won)) for index in range(processes)]
    for racer in racers:
        racer.start()
    winners = dict(won.get(timeout=60) for _ in range(rounds))
    for racer in racers:
        racer.join(60)
        assert racer.exitcode == 0
    assert won.empty()
    won.close()
    store = LocalStore(url)
    assert {number: int(store.get(f"r{number}/release")) for number in range(rounds)} == winners


def test_64_mib_in_constant_resident_memory(tmp_path: Path) -> None:
    """What tracemalloc cannot see: the resident size of a fresh process."""
    script = """
import resource, sys
from galley.storage import LocalStore
store, chunk = LocalStore(sys.argv[1]), b"x" * 65536
store.put("warm", chunk)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
store.put("big", (chunk for _ in range(1024)))
with store.open("big") as stream:
    while stream.read(1 << 20):
        pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, f"file://{tmp_path}/store"], check=True, capture_output=True, text=True
    )
    assert int(done.stdout) < 12_000  # KiB
