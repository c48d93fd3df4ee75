from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from galley.errors import InputError, ObjectNotFound, StoreError
from galley.settings import Settings
from galley.stages.inbox import Arrival, Claim, Inbox, Lookout, claimed_by, settled
from galley.stages.run import RunFiles
from galley.storage import ObjectInfo, Retries, Zones, memory_zones
from galley.storage.faulty import Fault, Faults, FaultyStore
from tests.stages.claimer import claim as claim_in_process

EPOCH = datetime(2026, 11, 23, tzinfo=UTC)


def nobody(line: str) -> None:
    """Who listens to nothing."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def inbox(settings: Settings) -> Inbox:
    return Inbox.of(settings, memory_zones())


@pytest.fixture
def local(settings: Settings) -> Inbox:
    return Inbox.of(settings, Zones.from_settings(settings))


def drop(inbox: Inbox, *keys: str) -> list[Arrival]:
    for key in keys:
        inbox.zones.inbox.put(key, key.encode())
    return [Arrival(key=info.key, version=info.version) for info in inbox.files() if info.key in keys]


# ── what has arrived ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_has_arrived_when_two_looks_find_it_unchanged() -> None:
    def info(key: str, version: str, age: int = 0) -> ObjectInfo:
        return ObjectInfo(key, 1, version, EPOCH - timedelta(minutes=age))

    before = {"same.jsonl": "1", "old.jsonl": "1", "growing.jsonl": "1", "gone.jsonl": "1"}
    now = [info("growing.jsonl", "2"), info("new.jsonl", "1"), info("old.jsonl", "1", 9), info("same.jsonl", "1")]
    assert [each.key for each in settled(before, now)] == ["old.jsonl", "same.jsonl"]


def test_a_local_file_that_is_still_written_has_not_arrived(local: Inbox, settings: Settings) -> None:
    folder = settings.home / "store" / "inbox"
    folder.mkdir(parents=True)
    lookout, path = Lookout(local, 60), folder / "rows.jsonl"
    with path.open("w") as file:
        for second in range(3):
            file.write("{}\n")
            file.flush()
            assert lookout.look(second) is None
    offered = lookout.look(3)
    assert offered is not None and offered.key == "rows.jsonl"
    os.utime(path, (1, 1))  # written anew, of the same size and older than anything seen
    assert lookout.look(4) is None
    anew = lookout.look(5)
    assert anew is not None and anew != offered


@pytest.mark.parametrize(
    ("folder", "mine"),
    [("", ["a.jsonl", "news/b.jsonl", "news/deep/c.jsonl"]), ("sensor", ["sensor/d.jsonl", "sensor/news/e.jsonl"])],
)
def test_each_dag_takes_the_request_files_of_its_part(settings: Settings, folder: str, mine: list[str]) -> None:
    inbox = Inbox.of(settings, memory_zones(), folder)
    everything = ["a.jsonl", "news/b.jsonl", "news/deep/c.jsonl", "sensor/d.jsonl", "sensor/news/e.jsonl"]
    for key in [*everything, "brief.yaml", "rows.json", "news/note.txt", "sensors.csv"]:
        inbox.zones.inbox.put(key, b"")
    assert [info.key for info in inbox.files()] == mine
    assert [inbox.brief(key) for key in mine] == ["", "news", "news"][: len(mine)]


# ── what is offered ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_is_offered_until_it_is_claimed_and_again_when_that_takes_too_long(inbox: Inbox) -> None:
    drop(inbox, "a.jsonl", "b.jsonl")
    lookout = Lookout(inbox, again=60)
    assert lookout.look(0) is None  # seen once
    first = lookout.look(2)
    assert first is not None
    assert [lookout.look(second) for second in (4, 30, 61)] == [None] * 3
    assert lookout.look(62) == first
    assert lookout.look(64) is None
    inbox.claim("run", [first], nobody)
    second = lookout.look(66)
    assert second is not None and second != first
    inbox.zones.inbox.delete(second.key)  # taken away before anybody claimed it
    assert [lookout.look(time) for time in (68, 200)] == [None, None]


def test_a_file_that_came_later_and_is_older_is_offered_too(local: Inbox, settings: Settings) -> None:
    (young,) = drop(local, "young.jsonl")
    local.claim("run-1", [young], nobody)
    drop(local, "moved-in.jsonl")
    os.utime(settings.home / "store" / "inbox" / "moved-in.jsonl", (1, 1))
    lookout = Lookout(local, 60)
    lookout.look(0)
    offered = lookout.look(2)
    assert offered is not None and offered.key == "moved-in.jsonl"


def test_a_watcher_that_starts_anew_leaves_out_what_is_claimed(inbox: Inbox) -> None:
    arrivals = drop(inbox, "a.jsonl", "b.jsonl", "c.jsonl")
    for number, arrival in enumerate(arrivals[:2]):
        inbox.claim(f"run-{number}", [arrival], nobody)
    lookout = Lookout(inbox, 60)
    lookout.look(0)
    assert lookout.look(2) == arrivals[2]


# ── who claims what ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_claim_copies_the_bytes_and_a_run_keeps_its_claim(inbox: Inbox) -> None:
    arrivals = drop(inbox, "news/a-b.jsonl", "b.jsonl")
    claim = inbox.claim("run-1", arrivals[1:], nobody)
    assert claim is not None and (claim.arrival, claim.brief) == (arrivals[1], "news")
    inbox.zones.inbox.delete("news/a-b.jsonl")
    source, brief = claimed_by(RunFiles(inbox.zones.work, "run-1"))
    assert (source, brief, source.name) == (claim.source, "news", "inbox/news/a-b.jsonl")
    assert inbox.zones.work.get(f"runs/run-1/{source.key}", sha256=source.sha256) == b"news/a-b.jsonl"
    assert inbox.claim("run-1", arrivals, nobody) == claim  # whatever is offered
    assert inbox.claim("run-1", [], nobody) == claim


def test_what_another_run_has_or_what_is_not_as_it_was_is_passed_over(inbox: Inbox) -> None:
    taken, changed, gone, left = drop(inbox, "a.jsonl", "b.jsonl", "c.jsonl", "d.jsonl")
    inbox.claim("run-1", [taken], nobody)
    inbox.zones.inbox.put("b.jsonl", b"other")
    inbox.zones.inbox.delete("c.jsonl")
    foreign = Arrival(key="sensor/x.jsonl", version="1")
    said: list[str] = []
    assert inbox.claim("run-2", [taken, changed, gone, foreign], said.append) is None
    assert [line.split(":")[0] for line in said] == ["a.jsonl", "b.jsonl", "c.jsonl", "sensor/x.jsonl"]
    claim = inbox.claim("run-2", [taken, changed, gone, foreign, left], nobody)
    assert claim is not None and claim.arrival == left


def test_a_version_that_is_replaced_while_it_is_claimed_is_left_to_the_next_claim(inbox: Inbox) -> None:
    (old,) = drop(inbox, "a.jsonl")

    class Replaced(FaultyStore):
        def put_if_absent(self, key: str, data: bytes):  # type: ignore[no-untyped-def]
            written = super().put_if_absent(key, data)
            inbox.zones.inbox.put("a.jsonl", b"written anew")
            return written

    raced = replace(inbox, zones=inbox.zones.wrapped(lambda store: Replaced(store, Faults())))
    assert raced.claim("run-1", [old], nobody) is None
    (new,) = inbox.waiting(0)
    inbox.claim("run-2", [new], nobody)
    source, _ = claimed_by(RunFiles(inbox.zones.work, "run-2"))
    assert inbox.zones.work.get(f"runs/run-2/{source.key}") == b"written anew"
    with pytest.raises(ObjectNotFound, match="first task"):
        claimed_by(RunFiles(inbox.zones.work, "run-1"))


def test_a_file_that_was_deleted_after_its_claim_is_asked_for_again(inbox: Inbox) -> None:
    (arrival,) = drop(inbox, "a.jsonl")
    inbox.claim("run-1", [arrival], nobody)
    inbox.zones.work.delete("runs/run-1/claim.json")
    inbox.zones.inbox.delete("a.jsonl")  # the run died before it had copied the file
    with pytest.raises(InputError, match=r"a\.jsonl.*put it there again"):
        inbox.claim("run-1", [], nobody)


def test_threads_that_race_get_a_file_each(local: Inbox) -> None:
    arrivals = drop(local, *(f"{number:02d}.jsonl" for number in range(12)))
    with ThreadPoolExecutor(16) as pool:
        claims = list(pool.map(lambda number: local.claim(f"run-{number}", arrivals, nobody), range(16)))
    assert sorted(claim.arrival.key for claim in claims if claim) == [arrival.key for arrival in arrivals]
    assert claims.count(None) == 4


def test_tries_of_one_run_that_race_agree_on_one_file(local: Inbox) -> None:
    arrivals = drop(local, *(f"{number:02d}.jsonl" for number in range(6)))
    offers = [arrivals[number:] + arrivals[:number] for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        claims = set(pool.map(lambda offered: local.claim("run-1", offered, nobody), offers))
    (claim,) = claims
    assert claim is not None
    assert [local.claimed(arrival) for arrival in arrivals].count(True) == 1


def test_processes_that_race_get_a_file_each(local: Inbox, settings: Settings) -> None:
    keys = [f"{number:02d}.jsonl" for number in range(10)]
    drop(local, *keys)
    context, processes, rounds = multiprocessing.get_context("spawn"), 3, 4
    barrier, won = context.Barrier(processes), context.Queue()
    runs = [[f"run-{index}-{number}" for number in range(rounds)] for index in range(processes)]
    racers = [context.Process(target=claim_in_process, args=(settings, barrier, each, won)) for each in runs]
    for racer in racers:
        racer.start()
    found = dict(won.get(timeout=120) for _ in range(processes * rounds))
    for racer in racers:
        racer.join(60)
        assert racer.exitcode == 0
    won.close()
    assert len(found) == processes * rounds
    assert sorted(key for key in found.values() if key) == keys


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.LOST_REPLY, Fault.LATE, Fault.TRUNCATE])
def test_a_run_that_dies_at_any_step_finds_its_claim_again(settings: Settings, fault: Fault) -> None:
    operation, struck = 0, True
    while struck:
        clean = Inbox.of(settings, memory_zones())
        offered = drop(clean, "a.jsonl", "b.jsonl")
        faults = Faults(schedule=[*[None] * operation, fault])
        zones = clean.zones.wrapped(lambda store: FaultyStore(store, faults, retries=Retries.at_once(1)))  # noqa: B023
        with suppress(StoreError):
            replace(clean, zones=zones).claim("run-1", offered, nobody)
        claim = clean.claim("run-1", offered, nobody)
        other = clean.claim("run-2", offered, nobody)
        assert claim is not None and other is not None
        assert [claim.arrival, other.arrival] == offered
        struck, operation = faults.operations > operation, operation + 1
    assert operation > 8


# ── whatever fails ───────────────────────────────────────────────────────────────────────────────────────────────────

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("drop"), st.sampled_from("abcd"), st.integers(0, 1)),
        st.tuples(st.just("look"), st.integers(0, 40)),
        st.tuples(st.just("restart")),
        st.tuples(st.just("run")),
        st.tuples(st.just("retry"), st.integers(0, 5)),
    ),
    max_size=30,
)


@given(steps=STEPS, seed=st.integers(0, 2**16))
@profile(max_examples=150)
def test_every_version_that_stays_gets_exactly_one_run(steps: list[tuple[object, ...]], seed: int) -> None:
    """Files come and are rewritten, watchers die, runs are merged, die and are retried, and the store fails."""
    clean = Inbox(memory_zones(), aside="sensor")
    faults = Faults(seed, rate=0.2)
    zones = clean.zones.wrapped(lambda store: FaultyStore(store, faults, retries=Retries.at_once(1)))
    inbox = replace(clean, zones=zones)
    lookout, now = Lookout(inbox, 60), 0.0
    pending: list[Arrival] = []  # offered since a run was last made
    runs: dict[str, list[Arrival]] = {}
    ended: dict[str, Claim | None] = {}

    def look(seconds: float) -> None:
        nonlocal now
        now += seconds
        offered = lookout.look(now)
        pending.extend([offered] if offered else [])

    def execute(run: str) -> None:
        ended[run] = inbox.claim(run, runs[run], nobody)

    def attempt(step: tuple[object, ...]) -> None:
        nonlocal lookout
        match step:
            case ("drop", name, content):
                clean.zones.inbox.put(f"{name}.jsonl", f"{name}{content}".encode())
            case ("look", int(seconds)):
                look(seconds)
            case ("restart",):
                lookout = Lookout(inbox, 60)
            case ("run",) if pending:
                run = f"run-{len(runs)}"
                runs[run] = pending[:1]  # Airflow gives a run the first event of a burst, and may lose the rest
                pending.clear()
                execute(run)
            case ("retry", int(number)) if f"run-{number}" in runs:
                execute(f"run-{number}")

    for step in steps:
        try:
            attempt(step)
        except StoreError:
            continue
    faults.heal()
    for run in runs:  # as Airflow does with tasks that failed
        execute(run)
    for _ in range(12):
        look(61)
        attempt(("run",))
    claims = {run: claim for run, claim in ended.items() if claim}
    for run, claim in claims.items():
        assert clean.claim(run, [], nobody) == claim and claim.source
    held = [claim.arrival for claim in claims.values()]
    assert len(held) == len(set(held))
    assert {(info.key, info.version) for info in clean.files()} <= {(each.key, each.version) for each in held}
