import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galley.errors import StoreUnavailable
from galley.items import Artifact, Failure, Numerics, Result, Verdict
from galley.ledger import (
    PartWriter,
    artifact_problem,
    key_below,
    next_attempt,
    read_results,
    read_verdicts,
    verdict_key,
)
from galley.storage import MemoryStore, StoreError
from galley.storage.faulty import Fault, Faults, FaultyStore

JOB = "runs/r/jobs/j"
PREFIX = f"{JOB}/results"
NUMERICS = Numerics(device="cpu", dtype="float32", threads=1, versions={})


def key(name):
    return hashlib.sha256(str(name).encode()).hexdigest()


def ok(store, name, data=b"data", where=JOB):
    sha256 = hashlib.sha256(data).hexdigest()
    path = f"{where}/artifacts/{sha256}.txt"
    store.put(path, data)
    artifact = Artifact(
        uri=f"{store.url}/{path}", sha256=sha256, size=len(data), media_type="text/plain", numerics=NUMERICS
    )
    return Result(request_key=key(name), status="ok", artifact=artifact)


def failed(name, why="it cannot"):
    return Result(request_key=key(name), status="failed", failure=Failure(kind="engine_error", message=why))


@pytest.fixture
def store():
    return MemoryStore("work")


def test_parts_are_numbered_and_read_in_order(store):
    writer = PartWriter(store, PREFIX, "0001-a")
    assert writer.write([failed("a")]) == f"{PREFIX}/0001-a/part-00000.jsonl"
    assert writer.write([failed("b"), failed("c")]) == f"{PREFIX}/0001-a/part-00001.jsonl"
    assert list(read_results(store, PREFIX).lines) == [key("a"), key("b"), key("c")]


def test_the_first_valid_line_counts_whoever_wrote_later(store):
    late = PartWriter(store, PREFIX, "0002-b")
    late.write([failed("a", "late")])
    early = PartWriter(store, PREFIX, "0001-a")
    early.write([failed("a", "early")])
    found = read_results(store, PREFIX)
    assert found.lines[key("a")].failure.message == "early"
    assert found.repeated == 1


def test_a_part_that_another_of_the_same_name_wrote_is_left_alone(store):
    PartWriter(store, PREFIX, "0001-a").write([failed("a", "first")])
    assert PartWriter(store, PREFIX, "0001-a").write([failed("a", "second")]).endswith("part-00001.jsonl")
    assert read_results(store, PREFIX).lines[key("a")].failure.message == "first"


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"request_key": "short", "status": "ok"}',
        b'{"request_key": "' + key("x").encode() + b'", "status": "ok"}',
        b'{"unknown": 1}',
        b"\0\0\0\0",
    ],
)
def test_a_line_that_is_none_costs_itself_alone(store, line):
    good = [failed("a").model_dump_json().encode(), failed("b").model_dump_json().encode()]
    store.put(f"{PREFIX}/0001-a/part-00000.jsonl", b"\n".join([good[0], line, good[1]]))
    found = read_results(store, PREFIX)
    assert set(found.lines) == {key("a"), key("b")}
    assert [(bad.part, bad.line) for bad in found.bad] == [(f"{PREFIX}/0001-a/part-00000.jsonl", 2)]


@given(cut=st.integers(0, 10_000))
def test_a_torn_part_gives_the_lines_that_are_whole(cut):
    store = MemoryStore("work")
    results = [failed(name, "x" * name) for name in range(5)]
    lines = [result.model_dump_json().encode() + b"\n" for result in results]
    data = b"".join(lines)[: cut % (sum(map(len, lines)) + 1)]
    store.put(f"{PREFIX}/0001-a/part-00000.jsonl", data)
    whole = data.count(b"\n")
    found = read_results(store, PREFIX)
    # The last line counts without its end if it is all there.
    complete = whole + (1 if whole < 5 and data[sum(map(len, lines[:whole])) :] == lines[whole][:-1] else 0)
    assert list(found.lines) == [result.request_key for result in results[:complete]]


def test_a_result_without_its_artifact_gives_way_to_the_next(store):
    first, second = ok(store, "a", b"one"), ok(store, "a", b"two")
    PartWriter(store, PREFIX, "0001-a").write([first])
    PartWriter(store, PREFIX, "0002-b").write([second])
    assert read_results(store, PREFIX, check="exists").lines[key("a")] == first
    store.delete(key_below(store, first.artifact.uri))
    for within in (None, f"{store.url}/{JOB}"):
        found = read_results(store, PREFIX, check="exists", within=within)
        assert found.lines[key("a")] == second
        assert len(found.bad) == 1
    assert read_results(store, PREFIX, check="none").lines[key("a")] == first


def test_only_reading_finds_a_flipped_bit(store):
    result = ok(store, "a", b"good")
    PartWriter(store, PREFIX, "0001-a").write([result])
    store.put(key_below(store, result.artifact.uri), b"gooe")
    assert key("a") in read_results(store, PREFIX, check="exists").lines
    assert key("a") not in read_results(store, PREFIX, check="sha256").lines


def test_a_truncated_artifact_is_seen_by_its_size(store):
    result = ok(store, "a", b"good")
    store.put(key_below(store, result.artifact.uri), b"goo")
    assert "3 bytes, not 4" in artifact_problem(store, result.artifact, "exists")
    PartWriter(store, PREFIX, "0001-a").write([result])
    assert not read_results(store, PREFIX, check="exists", within=f"{store.url}/{JOB}").lines


def test_a_job_cannot_name_anothers_artifact(store):
    PartWriter(store, PREFIX, "0001-a").write([ok(store, "a", where="runs/r/jobs/other")])
    assert read_results(store, PREFIX).lines
    for check in ("none", "exists", "sha256"):
        found = read_results(store, PREFIX, check=check, within=f"{store.url}/{JOB}")
        assert not found.lines
        assert "lies outside" in found.bad[0].why


def test_a_store_that_is_away_is_not_an_empty_one(store):
    PartWriter(store, PREFIX, "0001-a").write([failed("a")])
    away = FaultyStore(store, Faults(schedule=[Fault.ERROR] * 100))
    with pytest.raises(StoreUnavailable):
        read_results(away, PREFIX)


def test_attempts_are_numbered_after_those_that_wrote(store):
    assert next_attempt(store, PREFIX, "a") == "0001-a"
    PartWriter(store, PREFIX, "0001-a").write([failed("a")])
    PartWriter(store, PREFIX, "0001-a").write([failed("b")])
    assert next_attempt(store, PREFIX, "b") == "0002-b"
    PartWriter(store, PREFIX, "0007-z").write([failed("a")])
    PartWriter(store, PREFIX, "foreign").write([failed("a")])
    assert next_attempt(store, PREFIX, "c") == "0008-c"
    assert next_attempt(store, f"{JOB}/verdicts", "c") == "0001-c"


def verdict(decision, *, complete=True, policy="1" * 64):
    return Verdict(
        subject_sha256=key("s"),
        subject_kind="artifact",
        policy="default",
        policy_digest=policy,
        checkers_digest="2" * 64,
        decision=decision,
        complete=complete,
    )


def test_verdicts_of_other_policies_stand_beside_each_other(store):
    PartWriter(store, PREFIX, "0001-a").write([verdict("allow"), verdict("block", policy="3" * 64)])
    found = read_verdicts(store, PREFIX)
    assert found.lines[verdict_key(verdict("allow"))].decision == "allow"
    assert len(found.lines) == 2


def test_a_complete_verdict_counts_before_an_incomplete_one_and_then_the_first(store):
    PartWriter(store, PREFIX, "0001-a").write([verdict("hold", complete=False)])
    PartWriter(store, PREFIX, "0002-b").write([verdict("block")])
    PartWriter(store, PREFIX, "0003-c").write([verdict("allow")])
    (found,) = read_verdicts(store, PREFIX).lines.values()
    assert found.decision == "block"


def test_a_uri_of_another_store_is_an_error(store):
    assert key_below(store, "memory://work/a/b") == "a/b"
    with pytest.raises(StoreError, match="not in the store"):
        key_below(store, "memory://works/a")
