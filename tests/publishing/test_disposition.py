from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galley.compliance.inputs import prompt_sha256
from galley.items import Artifact, Decision, Failure, Item, Published, Result, Verdict
from galley.publishing.disposition import decisive, dispose, index, reviewed
from galley.publishing.releases import Review
from tests.publishing.samples import NUMERICS, item, policy, sha, verdict

ITEM = item(1)
BYTES = b"A lamp that glows."
DECISIONS: tuple[Decision, ...] = ("allow", "hold", "block")
ARTIFACT = Artifact(uri="memory://work/a.txt", sha256=sha(BYTES), size=18, media_type="text/plain", numerics=NUMERICS)
MADE = Result(request_key=ITEM.request.key, status="ok", artifact=ARTIFACT)


def entry_of(one: Item, source: bytes = BYTES, approved_by: str = "") -> Published:
    return Published(
        item_id=one.item_id,
        custom_id=one.custom_id,
        brief=one.brief,
        variant=one.variant,
        request_key=one.request.key,
        uri=f"memory://published/{one.item_id}",
        sidecar_uri=f"memory://published/{one.item_id}.json",
        sha256=sha(source),
        source_sha256=sha(source),
        media_type="text/plain; charset=utf-8",
        approved_by=approved_by,
    )


def on_prompt(decision: Decision = "allow", **changes: object) -> Verdict:
    return verdict(prompt_sha256(ITEM.request), "prompt", decision, **changes)


def on_artifact(decision: Decision = "allow", **changes: object) -> Verdict:
    return verdict(ARTIFACT.sha256, "artifact", decision, **changes)


def state(*verdicts: Verdict, result: Result | None = MADE) -> str:
    return dispose(ITEM, prompt_sha256(ITEM.request), policy().digest, result, index(verdicts)).state


@pytest.mark.parametrize(("prompt", "artifact"), list(itertools.product(DECISIONS, DECISIONS)))
def test_the_strictest_of_prompt_and_artifact_decides(prompt: Decision, artifact: Decision) -> None:
    strictest = max(prompt, artifact, key=DECISIONS.index)
    expected = {"allow": "published", "hold": "held", "block": "blocked"}[strictest]
    assert state(on_prompt(prompt), on_artifact(artifact)) == expected


@pytest.mark.parametrize(
    "verdicts",
    [
        pytest.param([], id="none at all"),
        pytest.param([on_prompt()], id="none on the artifact"),
        pytest.param([on_artifact()], id="none on the prompt"),
        pytest.param([on_prompt(), on_artifact(subject_sha256=sha(b"other bytes"))], id="of other bytes"),
        pytest.param([on_prompt(), on_artifact(policy_digest=sha(b"older policy"))], id="under another policy"),
        pytest.param([on_prompt(subject_sha256=sha(b"other prompt")), on_artifact()], id="of another prompt"),
        pytest.param([on_prompt(), on_artifact(subject_kind="prompt")], id="of another kind of subject"),
    ],
)
def test_without_a_verdict_on_these_bytes_under_this_policy_nothing_is_published(verdicts: list[Verdict]) -> None:
    assert state(*verdicts) == "held"


def test_a_blocked_prompt_is_never_generated_and_its_item_is_blocked() -> None:
    assert state(on_prompt("block"), result=None) == "blocked"


@pytest.mark.parametrize("prompt", [on_prompt(), on_prompt("hold"), None])
def test_what_was_not_made_failed_and_says_why(prompt: Verdict | None) -> None:
    verdicts = index([prompt] if prompt else [])
    failed = Result(request_key=ITEM.request.key, status="failed", failure=Failure(kind="nan", message="not a number"))
    for result, kind in ((failed, "nan"), (None, "no_result")):
        found = dispose(ITEM, prompt_sha256(ITEM.request), policy().digest, result, verdicts)
        assert found.state == "failed" and found.failure is not None and found.failure.kind == kind


def test_a_complete_verdict_overrules_an_incomplete_one_and_the_strictest_complete_one_counts() -> None:
    crashed = on_artifact("hold", complete=False, checkers_digest=sha(b"crashed"))
    newer = on_artifact("block", checkers_digest=sha(b"newer"))
    assert decisive([crashed, on_artifact()]) == on_artifact()
    assert decisive([crashed, on_artifact(), newer]) == newer
    assert decisive([crashed]) == crashed
    assert decisive([]) is None


@given(st.lists(st.sampled_from([on_artifact(decision) for decision in DECISIONS]), min_size=1))
def test_more_verdicts_never_loosen_a_decision(verdicts: list[Verdict]) -> None:
    chosen = decisive(verdicts)
    assert chosen is not None and all(
        DECISIONS.index(chosen.decision) >= DECISIONS.index(one.decision) for one in verdicts
    )


@pytest.mark.parametrize(
    ("decision", "kind", "about", "expected"),
    [
        ("hold", "approve", sha(BYTES), "published"),
        ("hold", "approve", sha(b"other bytes"), "held"),
        ("block", "approve", sha(BYTES), "blocked"),
        ("hold", "reject", sha(BYTES), "blocked"),
        ("allow", "reject", sha(b"other bytes"), "blocked"),
        ("allow", "withdraw", sha(BYTES), "withdrawn"),
        ("allow", "withdraw", sha(b"other bytes"), "withdrawn"),
        ("hold", "withdraw", sha(BYTES), "withdrawn"),
    ],
)
def test_a_review_counts_as_documented(decision: Decision, kind: str, about: str, expected: str) -> None:
    verdicts = index([on_prompt(), on_artifact(decision)])
    disposition = dispose(ITEM, prompt_sha256(ITEM.request), policy().digest, MADE, verdicts)
    review = Review(kind, "ada", "because", about, 2)
    assert reviewed(disposition, review).state == expected
    assert reviewed(disposition, None) == disposition
