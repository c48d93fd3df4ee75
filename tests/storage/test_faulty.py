from __future__ import annotations

import itertools
import random
from collections import Counter
from pathlib import Path

import pytest

from galley.errors import IntegrityError, ObjectExists, ObjectNotFound, StoreUnavailable, WriteUnknown
from galley.storage import LocalStore, MemoryStore, ObjectStore, Retries
from galley.storage.faulty import DEFAULT_FAULTS, Fault, Faults, FaultyStore

from .conformance import StoreConformance, keys, sha256

WRITE_FAULTS = [f for f in DEFAULT_FAULTS if f not in (Fault.STALE_LIST, Fault.TRUNCATE)]


@pytest.fixture(autouse=True)
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of retries: nobody reads their log lines."""
    import stamina.instrumentation

    stamina.instrumentation.set_on_retry_hooks([])


class Make:
    def __call__(self) -> ObjectStore:
        return FaultyStore(MemoryStore(), Faults())

    def peer(self, store: ObjectStore) -> ObjectStore:
        assert isinstance(store, FaultyStore)
        return FaultyStore(store.inner, Faults())


class TestFaultyStoreWithoutFaults(StoreConformance):
    @pytest.fixture
    def make(self) -> Make:
        return Make()


def scheduled(*faults: Fault | None, attempts: int = 3) -> FaultyStore:
    return FaultyStore(MemoryStore(), Faults(schedule=faults), retries=Retries.at_once(attempts))


# ── each fault by itself ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("operation", ["put", "put_if_absent"])
@pytest.mark.parametrize("fault", WRITE_FAULTS)
def test_one_fault_of_a_write_is_settled(fault: Fault, operation: str) -> None:
    store = scheduled(fault)
    written = getattr(store, operation)("a", b"mine")
    assert (written.sha256, written.size) == (sha256(b"mine"), 4)
    assert store.get("a") == b"mine" and store.put_if_absent("a", b"mine").created is False
    expected = [] if fault is Fault.LATE and operation == "put" else [fault]
    assert [struck.fault for struck in store.faults.injected] == expected


@pytest.mark.parametrize("fault", WRITE_FAULTS)
def test_a_true_conflict_stays_one(fault: Fault) -> None:
    store = scheduled(None, fault)
    store.put("a", b"theirs")
    with pytest.raises(ObjectExists):
        store.put_if_absent("a", b"mine")
    assert store.get("a") == b"theirs"


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.HANG, Fault.LOST_REPLY, Fault.DUPLICATE, Fault.ERROR_AFTER])
def test_one_fault_of_another_operation_is_tried_again(fault: Fault) -> None:
    for act in (
        lambda s: s.get("a") == b"x",
        lambda s: s.head("a").size == 1,
        lambda s: keys(s) == ["a"],
        lambda s: s.delete("a") is None and s.inner.head("a") is None,
    ):
        store = scheduled(fault)
        store.inner.put("a", b"x")
        assert act(store)


def test_no_retry_lets_every_outcome_through() -> None:
    with pytest.raises(StoreUnavailable):
        scheduled(Fault.ERROR, attempts=1).put_if_absent("a", b"x")
    # Settled by reading back, without a second try.
    assert scheduled(Fault.LOST_REPLY, attempts=1).put_if_absent("a", b"x").created is False
    # The reply is lost, and reading back fails too.
    for read in (Fault.ERROR, Fault.HANG, Fault.TRUNCATE):
        store = scheduled(Fault.LOST_REPLY, read, attempts=1)
        with pytest.raises(WriteUnknown, match="do not clean up"):
            store.put_if_absent("a", b"x" * 9)
        assert store.put_if_absent("a", b"x" * 9).created is False


def test_a_refusal_that_cannot_be_read_back_is_unknown() -> None:
    """Our own repeated request may be what it found."""
    store = scheduled(Fault.DUPLICATE, Fault.ERROR, attempts=1)
    with pytest.raises(WriteUnknown):
        store.put_if_absent("a", b"x")
    assert store.get("a") == b"x"


def test_a_deletion_without_reply_is_unknown_once_tries_run_out() -> None:
    store = scheduled(None, Fault.LOST_REPLY, Fault.ERROR, attempts=2)
    store.put("a", b"x")
    with pytest.raises(WriteUnknown):
        store.delete("a")
    assert store.head("a") is None


def test_not_found_is_not_proof_that_a_write_never_lands() -> None:
    """Why a read-back that finds nothing ends as unknown: the request may still be under way."""
    store = scheduled(Fault.LATE, attempts=1)
    with pytest.raises(WriteUnknown):
        store.put_if_absent("a", b"late")
    assert store.head("a") is None
    with pytest.raises(ObjectExists):
        store.put_if_absent("a", b"other")
    assert store.get("a") == b"late"


def test_a_late_write_after_its_own_retry_changes_nothing() -> None:
    store = scheduled(Fault.LATE)
    store.put_if_absent("a", b"x")
    store.delete("a")
    assert [store.head("a") for _ in range(4)] == [None] * 4


def test_a_truncated_body_is_never_taken_for_the_whole() -> None:
    store = scheduled(Fault.TRUNCATE, Fault.TRUNCATE, Fault.TRUNCATE)
    store.inner.put("a", b"0123456789")
    with pytest.raises(StoreUnavailable, match="ended after 5 of 10 bytes"):
        store.get("a")
    assert store.get("a") == b"0123456789"
    store = scheduled(Fault.TRUNCATE)
    store.inner.put("a", b"0123456789")
    with pytest.raises(StoreUnavailable), store.open("a") as stream:
        stream.read()


def test_a_flipped_bit_is_found_by_its_sha256() -> None:
    store = scheduled(Fault.CORRUPT, None, Fault.CORRUPT, Fault.CORRUPT, Fault.CORRUPT)
    store.inner.put("a", b"0123456789")
    right = sha256(b"0123456789")
    assert store.get("a", sha256=right) == b"0123456789"  # read again
    with pytest.raises(IntegrityError):
        store.get("a", sha256=right)
    assert store.get("a") != b"0123456789"  # and nobody else would notice


def test_a_stale_list_lags_behind_and_single_keys_do_not() -> None:
    store = scheduled(*[None] * 4, Fault.STALE_LIST)
    store.put("releases/1", b"1")
    store.put("releases/2", b"22")
    store.put("releases/2", b"333")
    store.delete("releases/1")
    stale = list(store.list("releases/"))  # the last three of four changes undone
    assert [(info.key, info.size) for info in stale] == [("releases/1", 1)]
    assert keys(store) == ["releases/2"] and store.head("releases/1") is None


def test_a_one_shot_stream_is_settled_or_given_back() -> None:
    def stream() -> itertools.chain[bytes]:
        return itertools.chain([b"one", b"two"])

    for fault in (Fault.LOST_REPLY, Fault.ERROR_AFTER, Fault.HANG_AFTER):
        assert scheduled(fault).put("a", stream()).sha256 == sha256(b"onetwo")
    # Sent in full, no reply, not there: it may still land, and it cannot be sent again.
    with pytest.raises(WriteUnknown):
        scheduled(Fault.HANG).put("a", stream())
    # Refused before a byte was sent: the next try sends them.
    assert scheduled(Fault.ERROR).put("a", stream()).created


# ── all of them together ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_seed_gives_the_same_faults() -> None:
    def play(seed: int) -> tuple[list[object], list[object]]:
        store, seen = FaultyStore(MemoryStore(), Faults(seed, rate=0.3), retries=Retries.at_once(2)), list[object]()
        for number in range(60):
            try:
                seen.append(store.put_if_absent(f"k{number % 7}", b"%d" % (number % 3)).created)
                seen.append(keys(store))
            except (ObjectExists, StoreUnavailable, WriteUnknown) as error:
                seen.append(str(error))
        return seen, list(store.faults.injected)

    assert play(1) == play(1)
    assert play(1)[1] != play(2)[1]
    assert len(play(1)[1]) > 20


def test_faults_can_be_limited_and_ended() -> None:
    faults = Faults(3, rate=1.0, max_faults=5)
    store = FaultyStore(MemoryStore(), faults, retries=Retries.at_once(10))
    for number in range(20):
        store.put(f"k{number}", b"x")
    assert len(faults.injected) == 5 and faults.operations > 20
    faults = Faults(3, rate=1.0)
    store = FaultyStore(MemoryStore(), faults)
    with pytest.raises((StoreUnavailable, WriteUnknown)):
        for number in range(20):
            store.put(f"k{number}", b"x")
    struck = len(faults.injected)
    faults.heal()
    assert store.put("k", b"x").created and len(faults.injected) == struck


class Model:
    """What each key may hold, as far as a client can know it.

    A conditional write that went unanswered, or whose request was repeated, may land when the key has become free
    again: ``pending`` are those of each key.
    """

    def __init__(self, names: list[str]) -> None:
        self.held: dict[str, set[bytes | None]] = {name: {None} for name in names}
        self.pending: dict[str, set[bytes | None]] = {name: set() for name in names}

    def may(self, key: str) -> set[bytes | None]:
        return self.held[key] | (self.pending[key] if None in self.held[key] else set())

    def step(self, store: ObjectStore, operation: str, key: str, data: bytes) -> str:
        """Do it, check it against what may be, learn from it; returns how it ended."""
        try:
            if operation == "put":
                assert store.put(key, data).sha256 == sha256(data)
                self.held[key] = {data}
            elif operation == "put_if_absent":
                store.put_if_absent(key, data)
                assert None in self.held[key], "two winners"
                self.held[key] = {data}
                self.pending[key].add(data)
            elif operation == "delete":
                store.delete(key)
                self.held[key] = {None}
            elif operation == "get":
                assert store.get(key) in self.may(key)
            elif store.head(key) is None:
                assert None in self.held[key]
            else:
                assert self.may(key) - {None}
        except ObjectNotFound:
            assert operation == "get" and None in self.held[key]
        except ObjectExists:
            assert operation == "put_if_absent"
            self.held[key] = self.may(key) - {None, data}
            assert self.held[key], "a conflict with nobody"
            self.pending[key].add(data)
            return "conflict"
        except StoreUnavailable:
            return "not committed"
        except WriteUnknown:
            self.held[key] = self.held[key] | {None if operation == "delete" else data}
            if operation == "put_if_absent":
                self.pending[key].add(data)
            return "unknown"
        return "committed"


@pytest.mark.parametrize("attempts", [1, 2, 6])
def test_no_seed_makes_a_store_lie(attempts: int) -> None:
    """Committed is there, not committed is not, a conflict is a conflict; unknown may be either, and says so."""
    kinds: Counter[Fault] = Counter()
    outcomes: Counter[str] = Counter()
    operations = ["put", "put_if_absent", "put_if_absent", "delete", "get", "head"]
    for seed in range(100):
        choice, faults = random.Random(-seed), Faults(seed, rate=0.4)
        store = FaultyStore(MemoryStore(), faults, retries=Retries.at_once(attempts))
        model = Model([f"k{number}" for number in range(4)])
        for number in range(40):
            key = choice.choice(list(model.held))
            outcomes[model.step(store, choice.choice(operations), key, b"%d" % number)] += 1
        faults.heal()
        for key in model.held:
            assert (store.get(key) if store.head(key) else None) in model.may(key)
        kinds.update(struck.fault for struck in faults.injected)
    assert set(kinds) == set(DEFAULT_FAULTS) - {Fault.STALE_LIST}
    assert outcomes["committed"] > 1000 and outcomes["conflict"] > 200
    if attempts == 1:
        assert outcomes["unknown"] > 100 and outcomes["not committed"] > 300
    if attempts == 6:
        assert outcomes["unknown"] + outcomes["not committed"] < outcomes["committed"] / 20


def test_the_local_store_under_faults(tmp_path: Path) -> None:
    store = FaultyStore(LocalStore(f"file://{tmp_path}/s"), Faults(11, rate=0.3), retries=Retries.at_once(8))
    for number in range(10):
        store.put_if_absent(f"a/{number}", b"%d" % number)
    store.faults.heal()
    assert {key: store.get(key) for key in keys(store)} == {f"a/{n}": b"%d" % n for n in range(10)}
