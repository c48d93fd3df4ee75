"""What is recorded comes back, once, whatever is repeated or killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from galley.catalog import query, upsert
from galley.catalog.database import reading
from galley.catalog.facade import Catalog
from galley.catalog.models import Base
from galley.catalog.rows import ItemVerdict
from galley.errors import CatalogError
from galley.items import Decision, Failure, Item, Message, Reject, Result, State, Withdrawn
from galley.publishing.disposition import Disposition, SubjectReason
from tests.catalog.samples import DAY, NUMERICS, RUN, item, release, result, run_info, sha, verdict

ITEMS = [item(row) for row in range(6)]


def rows(catalog: Catalog) -> dict[str, int]:
    with reading(catalog.engine) as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in Base.metadata.sorted_tables
        }


def content(catalog: Catalog) -> dict[str, list[Any]]:
    with reading(catalog.engine) as connection:
        return {
            table.name: connection.execute(select(table).order_by(*table.primary_key)).all()
            for table in Base.metadata.sorted_tables
        }


def whole_run(**changes: Any) -> dict[str, Any]:
    """Six items: published, held, blocked prompt, failed, never made, blocked artifact."""
    made = [ITEMS[0], ITEMS[1], ITEMS[5]]
    verdicts = [verdict(i, "prompt") for i in ITEMS if i is not ITEMS[2]]
    verdicts += [verdict(ITEMS[2], "prompt", "block"), verdict(ITEMS[0], "artifact")]
    verdicts += [verdict(ITEMS[1], "artifact", "hold"), verdict(ITEMS[5], "artifact", "block")]
    values: dict[str, Any] = {
        "items": ITEMS,
        "rejects": [Reject(source="spring.jsonl", line=9, field="seed", value="x\x00y", rule="is not an integer")],
        "results": [*map(result, made), result(ITEMS[3], failed="out_of_memory")],
        "verdicts": verdicts,
        "release": release(1, [ITEMS[0]]),
        "release_uri": "file:///published/releases/1",
        "arms": {"spring": {"default": 1.0}},
    }
    return {**values, **changes}


def states(catalog: Catalog, run: str = RUN) -> list[str]:
    return [found.state for found in catalog.items(run)]


def test_a_finished_run_comes_back_whole(catalog: Catalog) -> None:
    catalog.record_finished(run_info(), **whole_run())
    found = list(catalog.items(RUN))
    assert [entry.item for entry in found] == ITEMS
    assert [entry.request_key for entry in found] == [entry.request.key for entry in ITEMS]
    assert states(catalog) == ["published", "held", "blocked", "failed", "failed", "blocked"]
    first = found[0]
    assert first.artifact == result(ITEMS[0]).artifact
    assert (first.prompt_verdict, first.artifact_verdict) == (
        verdict(ITEMS[0], "prompt"),
        verdict(ITEMS[0], "artifact"),
    )
    assert (first.uri, first.sha256) == (release(1, ITEMS).published[0].uri, sha("marked " + ITEMS[0].request.key))
    held = found[1]
    assert held.uri == held.artifact.uri if held.artifact else False
    assert held.sha256 is None
    assert found[3].generation is not None and found[3].generation.failure_kind == "out_of_memory"
    assert found[4].generation is None and found[4].uri is None
    assert [reject.value for reject in catalog.rejects(RUN)] == ["x\\x00y"]
    assert catalog.latest_release(RUN) == (1, "file:///published/releases/1")
    assert catalog.run(RUN) == run_info()


def test_recording_the_same_again_changes_nothing(catalog: Catalog) -> None:
    catalog.record_finished(run_info(), **whole_run())
    once = content(catalog)
    catalog.record_finished(run_info(), **whole_run())
    assert content(catalog) == once
    assert rows(catalog)["assignments"] == 6
    assert rows(catalog)["generations"] == 4


def test_an_item_whose_brief_was_edited_begins_anew(catalog: Catalog) -> None:
    """Same item, another request: nothing that the old one was bound to is left, though the new one is blocked."""
    catalog.record_finished(run_info(), **whole_run())
    old = ITEMS[0]
    edited = old.model_copy(update={"request": old.request.model_copy(update={"prompt": "another prompt"})})
    assert edited.item_id == old.item_id and edited.request.key != old.request.key
    verdicts = [*whole_run()["verdicts"][1:], verdict(edited, "prompt", "block")]
    changed = whole_run(items=[edited, *ITEMS[1:]], results=whole_run()["results"][1:], verdicts=verdicts)
    for _ in range(2):
        catalog.record_finished(run_info(), **changed | {"release": release(2, [])})
        found = next(iter(catalog.items(RUN)))
        assert (found.state, found.request_key, found.source_sha256) == ("blocked", edited.request.key, None)
        assert found.generation is None and found.uri is None
        assert states(catalog)[1:] == ["held", "blocked", "failed", "failed", "blocked"]


def test_items_that_the_run_has_no_longer_are_forgotten(catalog: Catalog) -> None:
    catalog.record_finished(run_info(), **whole_run(items=ITEMS[1:], results=[], verdicts=[], release=None))
    without = content(catalog)["items"]
    catalog.record_finished(run_info(), **whole_run())
    catalog.record_finished(run_info(), **whole_run(items=ITEMS[1:], release=release(2, [])))
    assert [row.item_id for row in content(catalog)["items"]] == [row.item_id for row in without]
    assert rows(catalog)["assignments"] == 5
    catalog.record_finished(run_info(), **whole_run(release=release(3, [ITEMS[0]])))
    assert states(catalog) == ["published", "held", "blocked", "failed", "failed", "blocked"]


def test_an_item_that_people_reviewed_stays_and_is_withdrawn_when_the_run_has_it_no_longer(catalog: Catalog) -> None:
    catalog.record_finished(run_info(), **whole_run())
    catalog.record_review(ITEMS[1].item_id, "reject", "anna", "no", release=2)
    fewer = whole_run(items=ITEMS[2:], release=release(3, []))
    for _ in range(2):
        catalog.record_finished(run_info(), **fewer)
        assert {found.item.item_id: found.state for found in catalog.items(RUN)}[ITEMS[1].item_id] == "withdrawn"
    catalog.record_finished(run_info(), **whole_run(release=release(4, [ITEMS[0]])))
    assert states(catalog)[:2] == ["published", "blocked"]


def test_counts_per_brief_and_variant_and_of_the_run(catalog: Catalog) -> None:
    catalog.record_finished(run_info(), **whole_run())
    (arm,) = catalog.counts(RUN)
    assert (arm.brief, arm.variant) == ("spring", "default")
    assert arm.states == {"pending": 0, "published": 1, "held": 1, "blocked": 2, "failed": 2, "withdrawn": 0}
    (summary,) = catalog.runs()
    assert summary.counts == {**arm.states, "rejected": 1}


def test_a_rerun_with_fewer_rejects_keeps_no_old_ones(catalog: Catalog) -> None:
    catalog.record_run(run_info())
    catalog.record_rejects(RUN, [Reject(source="a", line=line, rule="r") for line in range(5)])
    catalog.record_rejects(RUN, [Reject(source="b", line=1, rule="r")])
    assert [reject.source for reject in catalog.rejects(RUN)] == ["b"]


def test_a_failure_that_a_rerun_mends_is_no_longer_failed(catalog: Catalog) -> None:
    catalog.record_finished(run_info(), **whole_run())
    mended = [*whole_run()["results"][:3], result(ITEMS[3]), result(ITEMS[4])]
    verdicts = [*whole_run()["verdicts"], verdict(ITEMS[3], "artifact"), verdict(ITEMS[4], "artifact")]
    again = release(2, [ITEMS[0], ITEMS[3], ITEMS[4]])
    catalog.record_finished(run_info(), **whole_run(results=mended, verdicts=verdicts, release=again))
    assert states(catalog) == ["published", "held", "blocked", "published", "published", "blocked"]


def test_allowed_but_never_released_is_held_not_published(catalog: Catalog) -> None:
    catalog.record_finished(run_info(), **whole_run(release=None))
    assert states(catalog)[0] == "held"


def test_made_without_a_verdict_is_held_and_says_so(catalog: Catalog) -> None:
    given = {"items": ITEMS[:1], "results": [result(ITEMS[0])], "verdicts": [verdict(ITEMS[0], "prompt")]}
    catalog.record_finished(run_info(), **given)
    (found,) = catalog.items(RUN)
    assert found.state == "held"
    assert found.verdict is not None and found.verdict.decision == "hold"
    assert found.verdict.reasons[0]["detail"] == "there is no verdict on the artifact"


def test_before_the_run_ends_nothing_is_given_up(catalog: Catalog) -> None:
    catalog.record_run(run_info(state="running", finished=None))
    catalog.record_items(RUN, ITEMS)
    catalog.record_results(RUN, [result(ITEMS[0])])
    catalog.record_release(release(1, []))
    assert states(catalog) == ["pending"] * 6


def test_review_reject_blocks_and_approve_publishes_with_the_next_release(catalog: Catalog) -> None:
    catalog.record_finished(run_info(), **whole_run())
    (held,) = catalog.held_items()
    assert held.item == ITEMS[1]
    catalog.record_review(held.item.item_id, "reject", "ann", "off brand", release=2)
    catalog.record_release(release(2, [ITEMS[0]]))
    assert states(catalog)[:2] == ["published", "blocked"]
    catalog.record_review(held.item.item_id, "approve", "bob", "on brand after all", release=3)
    catalog.record_release(release(3, [ITEMS[0], ITEMS[1]]))
    assert states(catalog)[:2] == ["published", "published"]
    assert [(r.action, r.by, r.release) for r in catalog.reviews(held.item.item_id)] == [
        ("reject", "ann", 2),
        ("approve", "bob", 3),
    ]
    catalog.record_finished(run_info(), **whole_run(release=release(3, [ITEMS[0], ITEMS[1]])))
    assert states(catalog)[:2] == ["published", "published"]


def test_a_review_given_twice_is_one(catalog: Catalog) -> None:
    catalog.record_finished(run_info(), **whole_run())
    for _ in range(2):
        catalog.record_review(ITEMS[1].item_id, "reject", "ann", "off brand", release=2)
    assert len(catalog.reviews(ITEMS[1].item_id)) == 1


def test_withdrawing_takes_back_and_an_older_release_cannot_undo_it(catalog: Catalog) -> None:
    catalog.record_finished(run_info(), **whole_run())
    taken = Withdrawn(item_id=ITEMS[0].item_id, by="ann", reason="rights")
    assert catalog.record_release(release(2, [], withdrawn=(taken,)))
    assert states(catalog)[0] == "withdrawn"
    assert not catalog.record_release(release(1, [ITEMS[0]]))
    assert states(catalog)[0] == "withdrawn"


def test_an_item_that_a_release_drops_falls_back_to_its_verdict(catalog: Catalog) -> None:
    catalog.record_finished(run_info(), **whole_run())
    catalog.record_release(release(2, []))
    found = next(catalog.items(RUN))
    assert (found.state, found.sha256, found.approved_by) == ("held", None, "")


def test_set_state_with_the_uri_of_the_quarantined_copy(catalog: Catalog) -> None:
    catalog.record_finished(run_info(), **whole_run())
    catalog.set_state(ITEMS[1].item_id, "blocked", uri="file:///quarantine/x.txt")
    found = catalog.find_item(ITEMS[1].item_id)
    assert (found.state, found.uri) == ("blocked", "file:///quarantine/x.txt")


def disposition(of: Item, state: State, **changes: Any) -> Disposition:
    values: dict[str, Any] = {
        "item_id": of.item_id,
        "custom_id": of.custom_id,
        "brief": of.brief,
        "variant": of.variant,
        "request_key": of.request.key,
        "policy": of.policy,
        "policy_digest": sha("p1"),
        "state": state,
        "decision": "hold",
    }
    return Disposition(**{**values, **changes})


def test_what_the_publisher_says_holds_until_a_person_decides(catalog: Catalog) -> None:
    unreadable = SubjectReason(subject="item", check="publish", decision="hold", detail="cannot be read")
    missing = Failure(kind="no_result", message="its job left no result")
    given = whole_run(
        release=release(1, []),
        dispositions=[
            disposition(ITEMS[0], "held", uri="file:///quarantine/0.txt", reasons=(unreadable,)),
            disposition(ITEMS[1], "blocked"),
            disposition(ITEMS[4], "failed", failure=missing),
        ],
    )
    catalog.record_finished(run_info(), **given)
    assert states(catalog) == ["held", "blocked", "blocked", "failed", "failed", "blocked"]
    found = list(catalog.items(RUN))
    assert found[0].uri == "file:///quarantine/0.txt"
    assert found[0].verdict is not None
    assert (found[0].verdict.decision, found[0].verdict.reasons[-1]["detail"]) == ("hold", "cannot be read")
    assert found[4].generation is not None and found[4].generation.failure_kind == "no_result"
    once = content(catalog)
    catalog.record_finished(run_info(), **given)
    assert content(catalog) == once
    catalog.record_review(ITEMS[0].item_id, "reject", "ann", "no", release=2)
    catalog.record_release(release(2, []))
    assert states(catalog)[0] == "blocked"
    catalog.record_release(release(3, [ITEMS[1]]))
    assert states(catalog)[1] == "published"


@pytest.mark.parametrize(
    ("prompt", "own", "decision"),
    [("allow", "allow", "allow"), ("allow", "block", "block"), ("hold", "allow", "hold"), ("block", "hold", "block")],
)
def test_the_decision_is_the_strictest_of_verdicts_and_reasons(prompt: Decision, own: Decision, decision: str) -> None:
    reason = SubjectReason(subject="item", check="review", decision=own, detail="by ann").model_dump(mode="json")
    found = ItemVerdict.of(verdict(ITEMS[0], "prompt", prompt), None, made=False, further=[reason])
    assert found is not None and (found.decision, found.reasons[-1]) == (decision, reason)


def test_an_item_without_a_verdict_keeps_its_reasons() -> None:
    reason = SubjectReason(subject="item", check="publish", decision="hold", detail="no").model_dump(mode="json")
    found = ItemVerdict.of(None, None, made=True, further=[reason])
    assert found is not None and (found.decision, found.scores) == ("hold", {})
    assert [each["subject"] for each in found.reasons] == ["prompt", "artifact", "item"]
    assert ItemVerdict.of(None, None, made=True) is None


def test_two_items_of_one_request_share_the_artifact_and_one_pays(catalog: Catalog) -> None:
    twins = [item(0), item(0, variant="b")]
    assert twins[0].request.key == twins[1].request.key
    catalog.record_run(run_info())
    catalog.record_items(RUN, twins)
    catalog.record_results(RUN, [result(twins[0])])
    found = list(catalog.items(RUN))
    assert found[0].artifact == found[1].artifact
    assert [entry.generation.reused for entry in found if entry.generation] == [False, True]


def test_an_artifact_of_an_earlier_run_counts_as_reused(catalog: Catalog) -> None:
    catalog.record_finished(run_info(), **whole_run())
    later = item(0, run="other")
    catalog.record_run(run_info("other"))
    catalog.record_items("other", [later])
    known = list(catalog.known_results([later.request.key, sha("unknown")], NUMERICS.digest))
    assert known == [result(ITEMS[0])]
    catalog.record_results("other", known)
    (found,) = catalog.items("other")
    assert found.artifact == result(ITEMS[0]).artifact
    assert found.generation is not None and found.generation.reused


def test_known_artifacts_are_bound_to_their_numerics(catalog: Catalog) -> None:
    other = NUMERICS.model_copy(update={"threads": 4})
    catalog.record_run(run_info())
    catalog.record_results(RUN, [result(ITEMS[0]), result(ITEMS[1]), result(ITEMS[1], numerics=other)])
    keys = [entry.request.key for entry in ITEMS]
    assert catalog.known_artifacts(keys, NUMERICS.digest).keys() == {keys[0], keys[1]}
    assert catalog.known_artifacts(keys, other.digest) == {keys[1]: result(ITEMS[1], numerics=other).artifact}
    preferred = catalog.known_artifacts(keys, [other.digest, NUMERICS.digest])
    assert {key: artifact.numerics.threads for key, artifact in preferred.items()} == {keys[0]: 2, keys[1]: 4}
    assert catalog.known_artifacts(iter([]), other.digest) == {}
    assert catalog.known_artifacts([keys[2]], NUMERICS.digest) == {}


def test_a_verdict_binds_by_policy_and_subject_and_the_later_policy_wins(catalog: Catalog) -> None:
    strict = item(1, policy="strict", prompt=ITEMS[0].request.prompt)
    catalog.record_run(run_info())
    catalog.record_items(RUN, [ITEMS[0], strict])
    catalog.record_verdicts(
        RUN,
        [
            verdict(ITEMS[0], "prompt", "hold"),
            verdict(strict, "prompt", "block", policy_digest="strict"),
            verdict(ITEMS[0], "prompt", "allow", policy_digest="p2"),
        ],
    )
    bound = [entry.prompt_verdict.decision for entry in catalog.items(RUN) if entry.prompt_verdict]
    assert bound == ["allow", "block"]


def test_an_item_of_another_run_or_without_a_run_is_refused(catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match="is not recorded; call record_run first"):
        catalog.record_items(RUN, ITEMS)
    catalog.record_run(run_info())
    with pytest.raises(CatalogError, match=f"is of run 'other', not of '{RUN}'"):
        catalog.record_items(RUN, [item(0, run="other")])


def test_a_second_start_keeps_the_first_time(catalog: Catalog) -> None:
    catalog.record_run(run_info())
    later = run_info().started.replace(hour=9)
    catalog.record_run(run_info(started=later, state="running", finished=None))
    assert catalog.run(RUN).started == run_info().started


text_values = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=30)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e6, 1e6) | text_values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text_values, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    custom_id=text_values,
    metadata=st.dictionaries(text_values, json_values, max_size=3),
    contents=st.lists(text_values, max_size=3),
    seed=st.integers(0, 2**63 - 1),
)
def test_any_item_comes_back_as_it_was(
    catalog: Catalog, custom_id: str, metadata: dict[str, Any], contents: list[str], seed: int
) -> None:
    messages = tuple(Message(role="user", content=text) for text in contents)
    given_item = item(0, custom_id=custom_id, metadata=metadata, messages=messages, seed=seed, warnings=("cut",))
    catalog.record_run(run_info())
    catalog.record_items(RUN, [given_item])
    (found,) = catalog.items(RUN)
    assert found.item == given_item
    assert found.request_key == given_item.request.key


CHUNK = 20
"""Rows of a transaction in tests that look at chunks and pages."""


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upsert, "CHUNK", CHUNK)
    monkeypatch.setattr(query, "PAGE", CHUNK)


def _killed_while_recording(url: str, stream: str, after: int) -> None:
    upsert.CHUNK = CHUNK

    def deadly(rows: list[Any]) -> Iterator[Any]:
        for position, row in enumerate(rows):
            if position == after:
                os.kill(os.getpid(), signal.SIGKILL)
            yield row

    given = big_run()
    given[stream] = deadly(given[stream])
    with Catalog.open(url) as catalog:
        catalog.record_finished(run_info(), **given)


def big_run() -> dict[str, Any]:
    items = [item(row) for row in range(2 * CHUNK + 7)]
    results: list[Result] = [result(each) for each in items]
    verdicts = [verdict(each, subject) for each in items for subject in ("prompt", "artifact")]
    return {"items": items, "results": results, "verdicts": verdicts, "release": release(1, items)}


@pytest.mark.parametrize(("stream", "after"), [("items", CHUNK + 3), ("results", 2 * CHUNK), ("verdicts", CHUNK + 1)])
@pytest.mark.usefixtures("small_chunks")
def test_killed_between_chunks_then_recorded_again_has_every_row_once(url: str, stream: str, after: int) -> None:
    with Catalog.open(url) as catalog:
        assert rows(catalog)["items"] == 0
    process = multiprocessing.get_context("spawn").Process(target=_killed_while_recording, args=(url, stream, after))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    with Catalog.open(url) as catalog:
        part = rows(catalog)
        assert part["items"] > 0
        assert part[stream if stream != "results" else "generations"] in (CHUNK, 2 * CHUNK)
        catalog.record_finished(run_info(), **big_run())
        total = 2 * CHUNK + 7
        found = rows(catalog)
        assert {found[name] for name in ("items", "assignments", "generations", "artifacts")} == {total}
        assert found["verdicts"] == 2 * total
        assert catalog.counts(RUN)[0].states["published"] == total


@pytest.mark.usefixtures("small_chunks")
def test_paging_gives_every_item_once_in_order(catalog: Catalog) -> None:
    items = [item(row, custom_id=f"c{row % 7}") for row in range(2 * CHUNK)]
    catalog.record_finished(run_info(), items=items)
    assert [entry.item for entry in catalog.items(RUN)] == items
    assert len(list(catalog.held_items("latest"))) == 0
    assert list(catalog.items(RUN, states=["held"])) == []
    grouped = [entry.item.custom_id for entry in catalog.items_by_custom_id(RUN)]
    assert grouped == sorted(grouped) and len(grouped) == len(items)


def test_names_are_found_by_beginning_or_refused(catalog: Catalog) -> None:
    catalog.record_run(run_info("daily--1"))
    catalog.record_run(run_info("daily--12", started=run_info().started.replace(hour=7)))
    assert catalog.find_run("daily--1") == "daily--1"
    assert catalog.find_run("latest") == "daily--12"
    with pytest.raises(CatalogError, match=r"run 'da' is ambiguous: daily--1, daily--12; give more of it"):
        catalog.find_run("da")
    with pytest.raises(CatalogError, match="no run 'DAILY'"):
        catalog.find_run("DAILY")
    with pytest.raises(CatalogError, match="no run '%'"):
        catalog.find_run("%")
    catalog.record_items("daily--1", [item(row, run="daily--1") for row in range(40)])
    whole: Item = item(7, run="daily--1")
    assert catalog.find_item(whole.item_id[:10]).item == whole
    with pytest.raises(CatalogError, match=r"item '' is ambiguous: .*, …; give more of it"):
        catalog.find_item("")
    with pytest.raises(CatalogError, match="no item 'zzz'"):
        catalog.find_item("zzz")


def test_the_latest_run_is_the_one_executed_last(catalog: Catalog) -> None:
    day = timedelta(days=1)
    old, new = run_info("daily--1"), run_info("daily--2", started=run_info().started + day)
    for moment, info in ((0 * day, old), (1 * day, new), (2 * day, old)):
        ended = info.model_copy(update={"state": "success", "finished": old.started + moment})
        catalog.record_finished(ended, items=[])
        assert catalog.find_run("latest") == info.run
    catalog.record_run(run_info("daily--3", started=old.started + 3 * day, state="running", finished=None))
    assert catalog.find_run("latest") == "daily--3"


def test_a_published_item_that_is_held_now_keeps_where_it_lies(catalog: Catalog) -> None:
    catalog.record_finished(run_info(), **whole_run())
    held = Disposition(
        item_id=ITEMS[0].item_id, custom_id="", brief="spring", variant="default", policy="default",
        request_key=ITEMS[0].request.key, policy_digest=sha("policy"), state="held", decision="hold",
        uri="memory://quarantine/it",
    )  # fmt: skip
    catalog.record_finished(run_info(), **whole_run(dispositions=[held], release=release(2, [])))
    found = next(iter(catalog.items(RUN)))
    assert (found.state, found.uri, found.sha256) == ("held", "memory://quarantine/it", None)


def test_content_date_and_times_keep_their_meaning(catalog: Catalog) -> None:
    catalog.record_run(run_info(content_date=DAY))
    found = catalog.run(RUN)
    assert (found.content_date, found.started.isoformat()) == (DAY, "2026-11-01T06:00:00+00:00")


def test_latest_of_an_empty_catalog_says_where_to_look(catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match=r"no run 'latest' in the catalog; galley runs lists them"):
        catalog.find_run("latest")
