"""What every object store must do. A store's test module subclasses the classes here and provides the fixture `make`.

`make()` returns a new, empty store; `make.peer(store)` another client of the same objects, as another process has one.
"""

from __future__ import annotations

import hashlib
import io
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from galley.errors import IntegrityError, ObjectExists, ObjectNotFound, StoreError
from galley.storage.base import MAX_KEY, MAX_PART, ObjectStore, TellsOfWrites

HOSTILE_KEYS = [
    "", "/", "a/", "/a", "a//b", ".", "..", "../a", "a/../b", "a/..", "./a", "a/.", ".hidden", "a/.tmp-1", "a\\b",
    "a b", "a\n", "a\0b", "\0", "é", "𝒂", "a/\u202eb", "~root", "-rf", "a?b", "a#b", "a%2e%2e", "a:b", "file:///etc/x",
    "x" * (MAX_PART + 1), "/".join(["x" * 100] * 6),
]  # fmt: skip
assert len(HOSTILE_KEYS[-1]) > MAX_KEY

# Parts chosen so that the byte order of keys and the order of folders differ: '-' and '.' sort before '/'.
PARTS = st.sampled_from(["a", "b", "a-b", "a.b", "a0", "A", "Z9", "ab", "a=1"])
KEYS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
DATA = st.binary(max_size=40)
RELAXED = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


class Make(Protocol):
    """The fixture that a store's tests provide."""

    def __call__(self) -> ObjectStore: ...

    def peer(self, store: ObjectStore) -> ObjectStore: ...


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def keys(store: ObjectStore, prefix: str = "", after: str = "") -> list[str]:
    return [info.key for info in store.list(prefix, after=after)]


def fits(key: str, others: list[str]) -> bool:
    """Whether no key would be an object and a folder at once."""
    return not any(other.startswith(f"{key}/") or key.startswith(f"{other}/") for other in others)


def race(number: int, act: Callable[[int], None]) -> None:
    """Run ``act(0)`` … ``act(number - 1)`` as nearly at once as threads can; the first error is raised."""
    barrier = threading.Barrier(number)

    def start(index: int) -> None:
        barrier.wait()
        act(index)

    with ThreadPoolExecutor(number) as pool:
        list(pool.map(start, range(number)))


class StoreConformance:
    """The protocol, sentence by sentence."""

    # ── reading and writing ──────────────────────────────────────────────────────────────────────────────────────────

    def test_put_and_get(self, make: Make) -> None:
        store = make()
        written = store.put("runs/r/items.jsonl", b"one\n")
        assert (written.sha256, written.size, written.created) == (sha256(b"one\n"), 4, True)
        assert store.get("runs/r/items.jsonl") == b"one\n"
        assert make.peer(store).get("runs/r/items.jsonl") == b"one\n"

    def test_put_replaces(self, make: Make) -> None:
        store = make()
        store.put("a", b"old and long")
        before = store.head("a")
        assert store.put("a", b"new").created
        after = store.head("a")
        assert store.get("a") == b"new"
        assert before is not None and after is not None and before.version != after.version

    def test_a_version_changes_with_every_change_of_bytes(self, make: Make) -> None:
        store, versions = make(), set()
        for number in range(20):
            store.put("a", b"%02d" % number)
            info = store.head("a")
            assert info is not None
            versions.add(info.version)
        assert len(versions) == 20

    def test_empty_objects(self, make: Make) -> None:
        store = make()
        assert store.put("empty", b"").size == 0
        assert store.put_if_absent("none", b"").sha256 == sha256(b"")
        assert store.get("empty", sha256=sha256(b"")) == b""
        with store.open("none") as stream:
            assert stream.read() == b""
        assert [info.size for info in store.list()] == [0, 0]

    def test_what_is_not_there(self, make: Make) -> None:
        store = make()
        store.put("a/b", b"x")
        for key in ("missing", "a", "a/c", "a/b2", "c/d/e"):
            assert store.head(key) is None
            with pytest.raises(ObjectNotFound, match=key):
                store.get(key)
            with pytest.raises(ObjectNotFound), store.open(key):
                pass
            store.delete(key)
        assert keys(store) == ["a/b"]

    def test_head_and_list_tell_the_same(self, make: Make) -> None:
        store = make()
        store.put("a/b", b"12345")
        info = store.head("a/b")
        assert info is not None
        assert list(store.list()) == [info]
        assert (info.key, info.size) == ("a/b", 5) and info.version
        assert abs(info.modified - datetime.now(UTC)) < timedelta(minutes=10)

    def test_delete(self, make: Make) -> None:
        store = make()
        store.put("a/b", b"x")
        store.delete("a/b")
        store.delete("a/b")
        assert store.head("a/b") is None and keys(store) == []
        assert store.put_if_absent("a/b", b"y").created

    def test_a_key_is_no_folder(self, make: Make) -> None:
        """Either refused or served as two objects, never something in between."""
        for first, second in (("a", "a/b"), ("a/b/c", "a/b"), ("a/b", "a")):
            for write in ("put", "put_if_absent"):
                store = make()
                store.put(first, b"1")
                try:
                    getattr(store, write)(second, b"2")
                except ObjectExists:
                    pytest.fail("there is no such object")
                except StoreError as error:
                    assert second in str(error)
                    assert keys(store) == [first] and store.head(second) is None
                else:
                    # MinIO serves both and lists the outer one alone.
                    assert keys(store) in (sorted([first, second]), [min(first, second)])
                    assert store.get(second) == b"2"
                assert store.get(first) == b"1"

    def test_an_emptied_folder_makes_way(self, make: Make) -> None:
        store = make()
        store.put("a/b/c", b"1")
        store.delete("a/b/c")
        store.put("a", b"2")
        assert store.get("a") == b"2" and keys(store) == ["a"]

    @pytest.mark.parametrize("key", HOSTILE_KEYS)
    def test_hostile_keys_are_refused(self, make: Make, key: str) -> None:
        store = make()
        for act in (
            lambda: store.put(key, b"x"),
            lambda: store.put_if_absent(key, b"x"),
            lambda: store.get(key),
            lambda: store.open(key).__enter__(),
            lambda: store.head(key),
            lambda: store.delete(key),
        ):
            with pytest.raises(StoreError, match="not allowed"):
                act()
        assert keys(store) == []

    @pytest.mark.parametrize("prefix", ["/", "/a", "../", "a//", "a/../", ".", "a b", "é"])
    def test_prefixes_of_no_key_are_refused(self, make: Make, prefix: str) -> None:
        with pytest.raises(StoreError, match="not the beginning of any key"):
            list(make().list(prefix))

    def test_the_longest_key(self, make: Make) -> None:
        store, key = make(), f"{'x' * MAX_PART}/{'y' * MAX_PART}"
        store.put(key, b"x")
        assert keys(store) == [key]

    # ── integrity ────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_get_verifies(self, make: Make) -> None:
        store = make()
        store.put("a", b"right")
        assert store.get("a", sha256=sha256(b"right")) == b"right"
        with pytest.raises(IntegrityError, match=sha256(b"wrong")):
            store.get("a", sha256=sha256(b"wrong"))

    @pytest.mark.parametrize("size", [0, 1, 3_000_000])
    def test_open_verifies_before_it_gives_out_the_end(self, make: Make, size: int) -> None:
        store, data = make(), b"x" * size
        store.put("a", data)
        with store.open("a", sha256=sha256(data)) as stream:
            assert stream.read() == data
        seen = 0
        with pytest.raises(IntegrityError), store.open("a", sha256=sha256(b"other")) as stream:
            while chunk := stream.read(1000):
                seen += len(chunk)
        assert seen < max(size, 1)

    def test_open_reads_lines_and_may_stop_early(self, make: Make) -> None:
        store = make()
        store.put("a", b"one\ntwo\nthree")
        with store.open("a") as stream:
            assert list(stream) == [b"one\n", b"two\n", b"three"]
        big = b"line\n" * 1_000_000
        store.put("b", big)
        with store.open("b", sha256=sha256(b"other")) as stream:
            assert stream.readline() == b"line\n"

    def test_an_error_of_the_reader_stays_its_own(self, make: Make) -> None:
        store = make()
        store.put("a", b"x")
        with pytest.raises(OSError, match="mine"), store.open("a"):
            raise OSError("mine")

    def test_a_reader_keeps_its_bytes(self, make: Make) -> None:
        store = make()
        old, new = b"o" * 3_000_000, b"n" * 3_000_000
        store.put("a", old)
        with store.open("a") as stream:
            first = stream.read(10)
            store.put("a", new)
            rest = stream.read()
        assert first + rest == old
        assert store.get("a") == new

    # ── put_if_absent ────────────────────────────────────────────────────────────────────────────────────────────────

    def test_put_if_absent(self, make: Make) -> None:
        store = make()
        assert store.put_if_absent("releases/r/00001.json", b"mine").created
        with pytest.raises(ObjectExists, match=r"releases/r/00001\.json"):
            store.put_if_absent("releases/r/00001.json", b"theirs")
        assert store.get("releases/r/00001.json") == b"mine"

    def test_the_same_bytes_count_as_committed(self, make: Make) -> None:
        store = make()
        first = store.put_if_absent("a", b"same")
        again = make.peer(store).put_if_absent("a", b"same")
        assert (first.created, again.created) == (True, False)
        assert (again.sha256, again.size) == (first.sha256, first.size)

    def test_of_16_racing_writers_one_wins(self, make: Make) -> None:
        store = make()
        for number in range(50):
            winners: list[int] = []

            def write(index: int, key: str = f"r/{number:05d}", winners: list[int] = winners) -> None:
                try:
                    assert store.put_if_absent(key, b"writer %d" % index).created
                except ObjectExists:
                    return
                winners.append(index)

            race(16, write)
            assert len(winners) == 1
            assert store.get(f"r/{number:05d}") == b"writer %d" % winners[0]

    def test_racing_writers_of_the_same_bytes_all_return(self, make: Make) -> None:
        store = make()
        created: list[bool] = []
        race(16, lambda _: created.append(store.put_if_absent("a/b/c", b"same").created))
        assert sorted(created) == [False] * 15 + [True]

    def test_readers_see_whole_bytes_while_writers_replace(self, make: Make) -> None:
        store, whole = make(), [bytes([65 + n]) * (50_000 + n) for n in range(4)]
        store.put("a", whole[0])

        def act(index: int) -> None:
            for turn in range(12):
                if index < 2:
                    store.put("a", whole[(turn + index) % 4])
                else:
                    assert store.get("a") in whole
                    info = store.head("a")
                    assert info is not None and info.size in map(len, whole)

        race(6, act)

    # ── streams ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_put_takes_bytes_files_and_iterables(self, make: Make) -> None:
        store, data = make(), b"0123456789" * 300_000
        half_read = io.BytesIO(b"skip" + data)
        half_read.seek(4)

        class Pipe(io.RawIOBase):
            rest = data

            def readable(self) -> bool:
                return True

            def read(self, size: int = -1) -> bytes:
                chunk, self.rest = self.rest[:size], self.rest[size:]
                return chunk

        sources = [data, bytearray(data), io.BytesIO(data), half_read, Pipe(), iter([data[:5], b"", data[5:]])]
        for number, source in enumerate(sources):
            written = store.put(f"s/{number}", source)  # type: ignore[arg-type]
            assert (written.sha256, written.size) == (sha256(data), len(data))
            assert store.get(f"s/{number}", sha256=sha256(data)) == data

    def test_a_stream_that_fails_writes_nothing(self, make: Make) -> None:
        def broken() -> Iterator[bytes]:
            yield b"first"
            raise OSError("the source broke")

        store = make()
        store.put("old", b"old")
        for key in ("new", "old"):
            with pytest.raises(OSError, match="the source broke"):
                store.put(key, broken())
        assert keys(store) == ["old"] and store.get("old") == b"old"
        with pytest.raises(TypeError):
            store.put("new", "text")  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            store.put("new", ["text"])  # type: ignore[list-item]
        assert keys(store) == ["old"]

    # ── listings ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_order_is_that_of_bytes(self, make: Make) -> None:
        store = make()
        names = ["a-b", "a.b/x", "a/b", "a/b-c", "a/z", "a0", "a=1", "b", "Z"]
        for name in names:
            store.put(name, b"")
        assert keys(store) == sorted(names, key=str.encode)

    def test_prefix_and_cursor(self, make: Make) -> None:
        store = make()
        for number in range(7):
            store.put(f"runs/r{number}/items.jsonl", b"x")
        assert keys(store, "runs/r3") == ["runs/r3/items.jsonl"]
        assert keys(store, "runs/r3/") == ["runs/r3/items.jsonl"]
        assert keys(store, "runs/r3/items.jsonl") == ["runs/r3/items.jsonl"]
        assert keys(store, "runs/x") == [] == keys(store, "nothing/here/")
        assert keys(store, "runs/", after="runs/r4/items.jsonl") == ["runs/r5/items.jsonl", "runs/r6/items.jsonl"]
        assert keys(store, after="runs/r5") == ["runs/r5/items.jsonl", "runs/r6/items.jsonl"]
        assert keys(store, after="z") == []

    def test_a_cursor_survives_deletion(self, make: Make) -> None:
        store = make()
        for name in "abcd":
            store.put(name, b"")
        store.delete("b")
        assert keys(store, after="b") == ["c", "d"]

    def test_deleting_while_listing(self, make: Make) -> None:
        store = make()
        for number in range(30):
            store.put(f"x{number % 3}/k{number:02d}", b"")
        for info in store.list():
            store.delete(info.key)
        assert keys(store) == []

    def test_a_listing_is_a_sorted_filter(self, make: Make) -> None:
        prefixes = st.one_of(st.just(""), KEYS, st.sampled_from(["a/", "a-", "b/a"]))

        @given(names=st.sets(KEYS, max_size=12), prefix=prefixes, after=st.one_of(st.just(""), KEYS))
        @RELAXED
        def check(names: set[str], prefix: str, after: str) -> None:
            store, model = make(), list[str]()
            for name in sorted(names):
                if fits(name, model):
                    store.put(name, b"x")
                    model.append(name)
            expected = [key for key in sorted(model, key=str.encode) if key.startswith(prefix) and key > after]
            assert keys(store, prefix, after) == expected
            # Going on from any key with the cursor gives the same listing.
            seen, cursor = list[str](), after
            while (info := next(store.list(prefix, after=cursor), None)) is not None:
                seen.append(cursor := info.key)
            assert seen == expected

        check()

    def test_behaves_as_a_dictionary(self, make: Make) -> None:
        class Machine(RuleBasedStateMachine):
            @initialize()
            def begin(self) -> None:
                self.store, self.model = make(), dict[str, bytes]()

            @rule(key=KEYS, data=DATA)
            def put(self, key: str, data: bytes) -> None:
                if fits(key, list(self.model)):
                    assert self.store.put(key, data).sha256 == sha256(data)
                    self.model[key] = data

            @rule(key=KEYS, data=DATA)
            def put_if_absent(self, key: str, data: bytes) -> None:
                if not fits(key, list(self.model)):
                    return
                if self.model.get(key, data) != data:
                    with pytest.raises(ObjectExists):
                        self.store.put_if_absent(key, data)
                else:
                    assert self.store.put_if_absent(key, data).created == (key not in self.model)
                    self.model[key] = data

            @rule(key=KEYS)
            def delete(self, key: str) -> None:
                self.store.delete(key)
                self.model.pop(key, None)

            @rule(key=KEYS)
            def get(self, key: str) -> None:
                if key in self.model:
                    assert self.store.get(key, sha256=sha256(self.model[key])) == self.model[key]
                else:
                    with pytest.raises(ObjectNotFound):
                        self.store.get(key)

            @rule(key=KEYS)
            def head(self, key: str) -> None:
                info = self.store.head(key)
                assert (info.size if info else None) == (len(self.model[key]) if key in self.model else None)

            @invariant()
            def listed(self) -> None:
                if hasattr(self, "store"):
                    assert [(i.key, i.size) for i in self.store.list()] == [
                        (key, len(self.model[key])) for key in sorted(self.model)
                    ]

        run_state_machine_as_test(Machine, settings=settings(RELAXED, stateful_step_count=20))


class StreamingConformance:
    """For stores that hold no object in memory."""

    def test_64_mib_in_constant_memory(self, make: Make) -> None:
        store, chunk, number = make(), bytes(range(256)) * 1024, 256
        digest = sha256(chunk * number)
        tracemalloc.start()
        try:
            store.put("big", (chunk for _ in range(number)))
            with store.open("big", sha256=digest) as stream:
                size = sum(len(part) for part in iter(lambda: stream.read(100_000), b""))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert size == 64 * 2**20
        assert peak < 6 * 2**20


def told(waiting: ObjectStore, prefix: str, seconds: float, writing: ObjectStore, key: str) -> bool:
    """What `TellsOfWrites.wait_for_write` says while an object is written again and again."""
    assert isinstance(waiting, TellsOfWrites)
    over = threading.Event()

    def write() -> None:
        while not over.wait(0.05):
            writing.put(key, b"x")

    with ThreadPoolExecutor(1) as pool:
        pool.submit(write)
        try:
            return waiting.wait_for_write(prefix, seconds)
        finally:
            over.set()


class TellingConformance:
    """For stores that tell of writes."""

    def test_who_waits_is_told_of_a_write(self, make: Make) -> None:
        store = make()
        assert told(store, "in/", 60, make.peer(store), "in/a")
        assert told(store, "", 60, make.peer(store), "a")

    def test_who_waits_is_told_of_no_other_write(self, make: Make) -> None:
        store = make()
        assert not told(store, "in/", 1, make.peer(store), "out/a")
        assert not told(make(), "", 1, store, "a")
