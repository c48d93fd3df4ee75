from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galley.compliance.inputs import prompt_sha256
from galley.errors import InputError, IntegrityError, JobSpecError, StoreError
from galley.items import Decision, Published
from galley.publishing.disposition import Disposition
from galley.publishing.objects import Quarantined
from galley.publishing.publish import publish_run
from galley.publishing.releases import history, latest
from galley.publishing.review import approve, reject, withdraw
from galley.storage import Zones, memory_zones
from galley.storage.faulty import Faults, FaultyStore
from tests.publishing.samples import DAY, RUN, World, item, png, policy, sha, verdict

DECISIONS: tuple[Decision, ...] = ("allow", "hold", "block")


def world(decisions: tuple[Decision, ...] = DECISIONS, **changes: Any) -> World:
    """One item per decision on its artifact, pictures and texts by turns, then one that failed."""
    rows = range(len(decisions) + 1)
    items = [item(row, "image" if row % 2 else "text") for row in rows]
    contents: list[bytes | None] = [png(row) if row % 2 else f"text {row}".encode() for row in rows]
    contents[-1] = None
    made = World(items, contents, **changes)
    for one, artifact, decision in zip(items, made.artifacts, decisions, strict=False):
        made.judge(verdict(prompt_sha256(one.request), "prompt"))
        assert artifact is not None
        made.judge(verdict(artifact.sha256, "artifact", decision))
    return made


def outcome(zones: Zones, job: str = "publish") -> dict[str, Disposition]:
    data = zones.work.get(f"runs/{RUN}/jobs/{job}/outcome.jsonl")
    lines = [Disposition.model_validate_json(line) for line in data.splitlines()]
    assert len({line.item_id for line in lines}) == len(lines)
    return {line.item_id: line for line in lines}


def assert_published_is_what_the_release_says(zones: Zones) -> tuple[Published, ...]:
    last = latest(zones.published, RUN)
    for entry in last.published if last else ():
        zones.read(entry.uri, entry.sha256)
        fields = json.loads(zones.read(entry.sidecar_uri))
        assert (fields["sha256"], fields["source_sha256"]) == (entry.sha256, entry.source_sha256)
    return last.published if last else ()


def test_every_item_ends_in_one_state_and_its_bytes_where_they_belong() -> None:
    made = world()
    stats = publish_run(made.job(), made.zones)
    found = [outcome(made.zones)[one.item_id] for one in made.items]
    assert [line.state for line in found] == ["published", "held", "blocked", "failed"]
    assert stats.counts == {"published": 1, "held": 1, "blocked": 1, "failed": 1}
    (entry,) = assert_published_is_what_the_release_says(made.zones)
    assert entry.uri == f"{made.zones.published.url}/2026-11-01/spring/{made.items[0].item_id}.txt"
    assert (found[0].uri, found[0].sha256, found[0].source_sha256) == (entry.uri, entry.sha256, sha(b"text 0"))
    assert made.zones.read(found[1].uri) == png(1)
    assert found[1].uri == f"{made.zones.quarantine.url}/{RUN}/{made.items[1].item_id}.png"
    assert made.zones.read(found[2].uri) == b"text 2"
    assert found[3].failure is not None and found[3].failure.kind == "out_of_memory"


def test_published_pictures_are_marked_and_their_source_is_remembered() -> None:
    made = World([item(1, "image")], [png(1)])
    made.allow_all()
    publish_run(made.job(), made.zones)
    (entry,) = assert_published_is_what_the_release_says(made.zones)
    assert entry.source_sha256 == sha(png(1)) != entry.sha256
    assert b"trainedAlgorithmicMedia" in made.zones.read(entry.uri)


def test_a_second_execution_writes_no_release_and_changes_no_byte() -> None:
    made = world()
    publish_run(made.job(), made.zones)
    before = {info.key: info.version for info in made.zones.published.list()}
    lines = outcome(made.zones)
    stats = publish_run(made.job(), made.zones)
    assert stats.release_number == 1
    assert {info.key: info.version for info in made.zones.published.list()} == before
    assert outcome(made.zones) == lines


def test_what_a_run_has_no_longer_is_neither_published_nor_approved_until_it_has_it_again() -> None:
    made = world(("allow", "allow", "hold"))
    publish_run(made.job(), made.zones)
    whole, items = assert_published_is_what_the_release_says(made.zones), made.items
    assert len(whole) == 2
    made.keep(items[1:2])
    made.zones.quarantine.put(f"{RUN}/{'0' * 16}.json", b"torn")
    publish_run(made.job(), made.zones)
    assert [entry.item_id for entry in assert_published_is_what_the_release_says(made.zones)] == [items[1].item_id]
    with pytest.raises(InputError, match="no longer has this item"):
        approve(made.zones, RUN, items[2].item_id, by="anna")
    made.keep(items)
    publish_run(made.job(), made.zones)
    assert assert_published_is_what_the_release_says(made.zones) == whole
    approve(made.zones, RUN, items[2].item_id, by="anna")
    assert len(assert_published_is_what_the_release_says(made.zones)) == 3


def test_a_run_that_publishes_nothing_has_a_release_that_says_so() -> None:
    made = world(("hold",))
    publish_run(made.job(), made.zones)
    release = latest(made.zones.published, RUN)
    assert release is not None and release.published == () and release.content_date == DAY


def test_a_run_without_items_needs_its_date() -> None:
    made = World([], [])
    with pytest.raises(JobSpecError, match="content_date"):
        publish_run(made.job(), made.zones)
    assert publish_run(made.job(content_date="2026-11-01"), made.zones).counts == {}


def test_a_changed_policy_voids_verdicts_and_takes_back_what_it_no_longer_allows() -> None:
    made = world()
    publish_run(made.job(), made.zones)
    changed = policy(personal_data={"type": "patterns", "classes": {"email": "block"}})
    made.policies = made.policies.model_copy(update={"policies": {"plain": changed}})
    made.work.put(f"runs/{RUN}/policies.json", made.policies.to_bytes())
    publish_run(made.job(), made.zones)
    assert [line.state for line in outcome(made.zones).values()] == ["held", "held", "held", "failed"]
    assert assert_published_is_what_the_release_says(made.zones) == ()


@pytest.mark.parametrize("damage", ["changed", "longer", "gone"])
def test_an_artifact_that_is_not_what_was_screened_is_held(damage: str) -> None:
    made = world(("allow",))
    key = f"runs/{RUN}/jobs/generate-1/artifacts/{sha(b'text 0')}.txt"
    if damage == "gone":
        made.work.delete(key)
    else:
        made.work.put(key, b"text 1" if damage == "changed" else b"text 0 and more")
    publish_run(made.job(), made.zones)
    line = outcome(made.zones)[made.items[0].item_id]
    assert line.state == "held" and line.reasons[-1].check == "publish" and line.uri == ""
    assert assert_published_is_what_the_release_says(made.zones) == ()


def test_a_picture_that_cannot_be_marked_is_held() -> None:
    made = World([item(1, "image")], [png(1) + b"tail"])
    made.allow_all()
    publish_run(made.job(), made.zones)
    line = outcome(made.zones)[made.items[0].item_id]
    assert line.state == "held" and "behind its end" in line.reasons[-1].detail


def test_what_is_published_is_never_overwritten() -> None:
    made = world(("allow",))
    key = f"2026-11-01/spring/{made.items[0].item_id}.txt"
    made.zones.published.put(key, b"an earlier release may name this")
    publish_run(made.job(), made.zones)
    (entry,) = assert_published_is_what_the_release_says(made.zones)
    assert made.zones.published.get(key) == b"an earlier release may name this"
    assert made.zones.read(entry.uri) == b"text 0"


@pytest.mark.parametrize("role", ["items", "policies"])
def test_a_job_without_an_input_is_wrong(role: str) -> None:
    made = world()
    job = made.job()
    inputs = {name: uri for name, uri in job.inputs.items() if name != role}
    with pytest.raises(JobSpecError, match=role):
        publish_run(job.model_copy(update={"inputs": inputs}), made.zones)


def test_an_approved_item_is_published_and_stays_so_when_the_run_is_executed_again() -> None:
    made = world()
    publish_run(made.job(), made.zones)
    held = made.items[1].item_id
    done = approve(made.zones, RUN, held, by="ada", note="fine")
    assert (done.state, done.release) == ("published", 2)
    assert {entry.item_id for entry in assert_published_is_what_the_release_says(made.zones)} == {
        held,
        made.items[0].item_id,
    }
    release = latest(made.zones.published, RUN)
    assert release is not None and release.cause["by"] == "ada" and release.cause["kind"] == "approve"
    assert publish_run(made.job(), made.zones).release_number == 2
    line = outcome(made.zones)[held]
    assert (line.state, line.approved_by, line.decision) == ("published", "ada", "hold")


def test_deciding_the_same_again_changes_nothing() -> None:
    made = world()
    publish_run(made.job(), made.zones)
    held = made.items[1].item_id
    first = approve(made.zones, RUN, held, by="ada")
    again = approve(made.zones, RUN, held, by="ada")
    assert (again.release, again.latest) == (first.release, first.latest)
    gone = withdraw(made.zones, RUN, held, by="bob", reason="asked to")
    assert withdraw(made.zones, RUN, held, by="bob", reason="asked to").latest == gone.latest


def test_a_rejected_item_is_blocked_for_good() -> None:
    made = world()
    publish_run(made.job(), made.zones)
    held = made.items[1].item_id
    assert reject(made.zones, RUN, held, by="ada", note="no").state == "blocked"
    with pytest.raises(InputError, match="rejected by ada"):
        approve(made.zones, RUN, held, by="bob")
    publish_run(made.job(), made.zones)
    assert outcome(made.zones)[held].state == "blocked"


def test_a_withdrawn_item_is_listed_as_withdrawn_and_never_comes_back() -> None:
    made = world()
    publish_run(made.job(), made.zones)
    public = made.items[0].item_id
    assert withdraw(made.zones, RUN, public, by="ada", reason="wrong price").state == "withdrawn"
    release = latest(made.zones.published, RUN)
    assert release is not None and release.published == ()
    assert [(gone.item_id, gone.by, gone.reason) for gone in release.withdrawn] == [(public, "ada", "wrong price")]
    assert publish_run(made.job(), made.zones).release_number == 2
    assert outcome(made.zones)[public].state == "withdrawn"
    with pytest.raises(InputError, match="withdrawn by ada"):
        approve(made.zones, RUN, public, by="bob")


def test_decisions_that_make_no_sense_are_refused_and_leave_no_release() -> None:
    made = world()
    publish_run(made.job(), made.zones)
    public, held, blocked, failed = (one.item_id for one in made.items)
    for action in (
        lambda: approve(made.zones, RUN, blocked, by="ada"),
        lambda: reject(made.zones, RUN, blocked, by="ada"),
        lambda: approve(made.zones, RUN, public, by="ada"),
        lambda: reject(made.zones, RUN, public, by="ada"),
        lambda: approve(made.zones, RUN, failed, by="ada"),
        lambda: approve(made.zones, RUN, held, by=" "),
        lambda: withdraw(made.zones, RUN, held, by="ada", reason="not public"),
        lambda: withdraw(made.zones, RUN, public, by="ada", reason=" "),
        lambda: withdraw(made.zones, "no-such-run", public, by="ada", reason="typo"),
    ):
        with pytest.raises(InputError):
            action()
    assert len(history(made.zones.published, RUN)) == 1


def test_quarantined_bytes_that_were_swapped_are_not_approved() -> None:
    made = world()
    publish_run(made.job(), made.zones)
    held = made.items[1].item_id
    made.zones.quarantine.put(f"{RUN}/{held}.png", png(99))
    with pytest.raises(IntegrityError):
        approve(made.zones, RUN, held, by="ada")
    assert len(history(made.zones.published, RUN)) == 1


def test_an_approval_of_other_bytes_is_none() -> None:
    made = world()
    publish_run(made.job(), made.zones)
    held = made.items[1]
    approve(made.zones, RUN, held.item_id, by="ada")
    other = World([held], [png(42)], zones=made.zones).artifacts[0]  # the same request under other numerics
    assert other is not None
    made.judge(verdict(other.sha256, "artifact", "hold"), attempt="0002-b")
    for info in list(made.work.list(f"runs/{RUN}/jobs/generate-1/results/0001-a/part-00000")):
        made.work.delete(info.key)
    publish_run(made.job(name="again"), made.zones)
    assert outcome(made.zones, "again")[held.item_id].state == "held"
    assert held.item_id not in {entry.item_id for entry in assert_published_is_what_the_release_says(made.zones)}


def test_other_bytes_for_a_published_item_are_published_beside_the_first_and_take_their_place() -> None:
    made = World([item(0)], [b"first"])
    made.allow_all()
    publish_run(made.job(), made.zones)
    (first,) = assert_published_is_what_the_release_says(made.zones)
    for info in list(made.work.list(f"runs/{RUN}/jobs/generate-1/results/")):
        made.work.delete(info.key)
    World([item(0)], [b"second"], zones=made.zones)
    made.judge(verdict(sha(b"second"), "artifact"), attempt="0002-b")
    publish_run(made.job(), made.zones)
    (second,) = assert_published_is_what_the_release_says(made.zones)
    assert (first.source_sha256, second.source_sha256) == (sha(b"first"), sha(b"second"))
    assert made.zones.read(first.uri, first.sha256) == b"first"


@pytest.mark.parametrize("now", ["published", "blocked before it was made"])
def test_what_an_earlier_execution_held_cannot_be_approved_once_it_is_something_else(now: str) -> None:
    held = item(0)
    made = World([held], [b"doubtful"])
    made.judge(verdict(prompt_sha256(held.request), "prompt"))
    made.judge(verdict(sha(b"doubtful"), "artifact", "hold"))
    publish_run(made.job(), made.zones)
    for info in list(made.work.list(f"runs/{RUN}/jobs/generate-1/results/")):
        made.work.delete(info.key)
    edited = item(0, prompt="another prompt")  # the same row, so the same item
    again = World([edited], [b"fine" if now == "published" else None], zones=made.zones)
    if now != "published":
        for info in list(made.work.list(f"runs/{RUN}/jobs/generate-1/results/")):
            made.work.delete(info.key)
    again.judge(verdict(prompt_sha256(edited.request), "prompt", "allow" if now == "published" else "block"))
    again.judge(verdict(sha(b"fine"), "artifact"), attempt="0002-b")
    publish_run(again.job(), made.zones)
    state = outcome(made.zones)[held.item_id].state
    assert state == now.partition(" ")[0]
    with pytest.raises(InputError, match=f"is {state}"):
        approve(made.zones, RUN, held.item_id, by="ada")


def test_the_quarantine_record_holds_what_a_reviewer_needs() -> None:
    made = world()
    publish_run(made.job(), made.zones)
    held = made.items[1]
    record = Quarantined.model_validate_json(made.zones.quarantine.get(f"{RUN}/{held.item_id}.json"))
    assert record.item == held
    assert [reason.detail for reason in record.disposition.reasons] == ["test says hold"]


@given(st.integers(0, 100_000))
@settings(max_examples=40, deadline=None)
def test_publishing_and_reviewing_over_faulty_stores_ends_as_undisturbed(seed: int) -> None:
    calm, rough = world(zones=memory_zones()), world(zones=memory_zones())
    faults = Faults(seed=seed, max_faults=25)
    zones = rough.zones.wrapped(lambda store: FaultyStore(store, faults))

    def insist(step: Any) -> None:
        for _ in range(80):
            try:
                return step()
            except StoreError:
                # Whatever was interrupted, readers see whole releases only.
                assert_published_is_what_the_release_says(rough.zones)
        faults.heal()
        return step()

    held = rough.items[1].item_id
    for made, on in ((calm, calm.zones), (rough, zones)):
        insist(lambda made=made, on=on: publish_run(made.job(), on))
        insist(lambda on=on: approve(on, RUN, held, by="ada"))
        insist(lambda made=made, on=on: publish_run(made.job(), on))
    assert outcome(rough.zones) == outcome(calm.zones)
    assert assert_published_is_what_the_release_says(rough.zones) == assert_published_is_what_the_release_says(
        calm.zones
    )
