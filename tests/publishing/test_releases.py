from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galley.errors import IntegrityError, StoreError
from galley.items import Release
from galley.publishing.releases import Body, encode, history, latest, publish, release_key, reviews
from galley.storage import LocalStore, MemoryStore, ObjectStore
from galley.storage.faulty import Faults, FaultyStore
from tests.publishing.samples import DAY, RUN, item
from tests.publishing.test_disposition import entry_of

Stores = Callable[[], ObjectStore]


def adding(row: int) -> Callable[[Sequence[Release]], Body | None]:
    """A publisher that wants one more item to be listed."""

    def change(releases: Sequence[Release]) -> Body | None:
        listed = {entry.item_id: entry for entry in releases[-1].published} if releases else {}
        mine = entry_of(item(row))
        if mine.item_id in listed:
            return None
        return Body({"kind": "publish", "job": f"publish-{row}"}, [*listed.values(), mine])

    return change


def assert_whole(store: ObjectStore, rows: set[int]) -> None:
    """The chain is gapless and verified, every change is in it once, and each release holds all that came before."""
    releases = history(store, RUN)
    assert [release.number for release in releases] == list(range(1, len(releases) + 1))
    assert len(releases) == len(rows)
    assert {entry.item_id for entry in releases[-1].published} == {item(row).item_id for row in rows}
    for before, after in itertools.pairwise(releases):
        assert set(before.published) < set(after.published)


@pytest.fixture(params=["memory", "local"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return MemoryStore("published") if request.param == "memory" else LocalStore(f"file://{tmp_path}/published")


def test_nothing_is_published_until_a_release_says_so(store: ObjectStore) -> None:
    store.put("2026-11-01/spring/0.txt", b"text")
    assert latest(store, RUN) is None and history(store, RUN) == []


def test_racing_publishers_leave_a_gapless_sequence_and_lose_nothing(store: ObjectStore) -> None:
    start = threading.Barrier(8)

    def one(row: int) -> None:
        start.wait()
        publish(store, RUN, DAY, adding(row))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(8)))
    assert_whole(store, set(range(8)))


def test_publishing_the_same_again_writes_no_release(store: ObjectStore) -> None:
    first = publish(store, RUN, DAY, adding(1))
    assert publish(store, RUN, DAY, adding(1)) == first
    assert_whole(store, {1})


class _Rival(MemoryStore):
    """A store on which others publish just before some of our writes, as a seed says."""

    def __init__(self, seed: int) -> None:
        super().__init__("published")
        self._random, self.rows, self._busy = random.Random(seed), set[int](), False

    def put_if_absent(self, key: str, data: bytes):  # type: ignore[no-untyped-def]
        if not self._busy and self._random.random() < 0.6 and len(self.rows) < 12:
            self._busy = True
            row = 100 + len(self.rows)
            self.rows.add(row)
            publish(self, RUN, DAY, adding(row))
            self._busy = False
        return super().put_if_absent(key, data)


@given(st.integers(0, 10_000))
@settings(max_examples=50, deadline=None)
def test_however_often_others_come_first_every_change_gets_its_release(seed: int) -> None:
    store = _Rival(seed)
    for row in range(4):
        publish(store, RUN, DAY, adding(row))
    assert_whole(store, {0, 1, 2, 3} | store.rows)


@given(st.integers(0, 100_000))
@settings(max_examples=100, deadline=None)
def test_on_a_faulty_store_a_publisher_that_tries_again_ends_where_an_undisturbed_one_does(seed: int) -> None:
    clean = MemoryStore("published")
    faults = Faults(seed=seed, max_faults=30)
    store = FaultyStore(clean, faults)
    for row in range(5):
        for _ in range(60):
            try:
                publish(store, RUN, DAY, adding(row))
                break
            except StoreError:
                continue
        else:
            faults.heal()
            publish(store, RUN, DAY, adding(row))
    faults.heal()
    assert_whole(clean, set(range(5)))


def tampered(store: ObjectStore, at: int, **changes: object) -> None:
    key = release_key(RUN, at)
    release = Release.model_validate_json(store.get(key))
    store.put(key, encode(release.model_copy(update=changes)))


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(lambda store: tampered(store, 2, published=()), id="content of an old release"),
        pytest.param(lambda store: tampered(store, 3, previous_sha256="0" * 64), id="link"),
        pytest.param(lambda store: tampered(store, 2, number=5), id="number"),
        pytest.param(lambda store: tampered(store, 1, run="another"), id="run"),
        pytest.param(lambda store: store.put(release_key(RUN, 2), b"{}"), id="no release"),
    ],
)
def test_a_broken_chain_is_an_error_and_not_a_release(tamper: Callable[[ObjectStore], object]) -> None:
    store = MemoryStore("published")
    for row in range(3):
        publish(store, RUN, DAY, adding(row))
    tamper(store)
    with pytest.raises(IntegrityError):
        latest(store, RUN)
    with pytest.raises(IntegrityError):
        publish(store, RUN, DAY, adding(9))


def test_the_last_decision_on_an_item_is_the_one_that_counts() -> None:
    store = MemoryStore("published")
    for kind in ("approve", "withdraw"):
        cause = {"kind": kind, "item_id": "a", "by": "ada", "note": kind, "source_sha256": "b"}
        publish(store, RUN, DAY, lambda releases, cause=cause: Body(cause, ()))  # type: ignore[misc]
    found = reviews(history(store, RUN))["a"]
    assert (found.kind, found.by, found.release) == ("withdraw", "ada", 2)
