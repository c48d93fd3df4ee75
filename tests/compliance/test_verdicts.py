from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galley.compliance.checks import Finding, Outcome
from galley.compliance.policy import CompiledPolicy
from galley.compliance.verdicts import evaluate, unreadable
from galley.items import Decision, Span
from tests.publishing.samples import policy, sha

SUBJECT = sha(b"subject")
CHECKS: dict[str, Any] = {
    "toxicity": {
        "type": "toxicity",
        "model": "m",
        "default": {"hold": 0.5, "block": 0.9},
        "classes": {"threat": {"hold": 0.2, "block": 0.4}, "obscene": {}},
    },
    "personal_data": {"type": "patterns", "classes": {"email": "hold"}},
}
POLICY = policy(**CHECKS)
GOOD = Outcome(
    "toxicity", SUBJECT, "d1", {"toxicity": 0.1, "threat": 0.1, "obscene": 0.99}, {"threat": Span(start=2, end=5)}
)
CLEAN = Outcome("personal_data", SUBJECT, "d2", {"email": 0.0})


def decide(*outcomes: Outcome, under: CompiledPolicy = POLICY) -> Decision:
    return evaluate(under, SUBJECT, "prompt", outcomes).decision


def scored(**scores: Any) -> Outcome:
    return dataclasses.replace(GOOD, scores={**GOOD.scores, **scores})


def test_allow_needs_every_required_check_and_says_what_it_saw() -> None:
    verdict = evaluate(POLICY, SUBJECT, "prompt", [GOOD, CLEAN])
    assert verdict.decision == "allow" and verdict.complete
    assert verdict.scores == {
        "toxicity.toxicity": 0.1,
        "toxicity.threat": 0.1,
        "toxicity.obscene": 0.99,
        "personal_data.email": 0.0,
    }
    assert (verdict.subject_sha256, verdict.policy_digest) == (SUBJECT, POLICY.digest)


@pytest.mark.parametrize(
    ("score", "expected"),
    [(0.19, "allow"), (0.2, "hold"), (0.39, "hold"), (0.4, "block"), (1.0, "block"), (0, "allow")],
)
def test_thresholds_hold_and_block_from_their_bound_on(score: float, expected: Decision) -> None:
    verdict = evaluate(POLICY, SUBJECT, "prompt", [scored(threat=score), CLEAN])
    assert verdict.decision == expected
    if expected != "allow":
        assert verdict.reasons[0].spans == (Span(start=2, end=5),) and verdict.reasons[0].score == score


def test_classes_without_bounds_are_only_recorded_and_unnamed_ones_get_the_default() -> None:
    assert decide(scored(obscene=1.0), CLEAN) == "allow"
    assert decide(scored(insult=0.6), CLEAN) == "hold"


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param([], id="did not run"),
        pytest.param([Outcome("toxicity", SUBJECT, error="model gone")], id="error"),
        pytest.param([dataclasses.replace(GOOD, subject_sha256=sha(b"other"))], id="another subject"),
        pytest.param([GOOD, GOOD], id="twice"),
        pytest.param([dataclasses.replace(GOOD, checker_digest="")], id="no digest"),
        pytest.param([dataclasses.replace(GOOD, scores={})], id="no scores"),
        pytest.param([dataclasses.replace(GOOD, scores={"toxicity": 0.0, "obscene": 0.0})], id="bounded class missing"),
        pytest.param([dataclasses.replace(GOOD, scores={"LABEL_0": 0.0, "LABEL_1": 0.0})], id="wrong labels"),
        pytest.param([scored(toxicity=math.nan)], id="nan"),
        pytest.param([scored(toxicity=math.inf)], id="inf"),
        pytest.param([scored(toxicity=-math.inf)], id="-inf"),
        pytest.param([scored(toxicity=-0.01)], id="below 0"),
        pytest.param([scored(toxicity=1.01)], id="above 1"),
        pytest.param([scored(toxicity="0.1")], id="text"),
        pytest.param([scored(toxicity=None)], id="none"),
        pytest.param([scored(toxicity=[0.1])], id="list"),
        pytest.param([scored(toxicity=False)], id="boolean"),
        pytest.param([dataclasses.replace(GOOD, scores=0.1)], id="no mapping"),
        pytest.param([dataclasses.replace(GOOD, spans={"threat": (1, 2)})], id="spans of another form"),
        pytest.param(
            [dataclasses.replace(GOOD, findings=(Finding("x", "allow", "y", score=math.nan),))], id="nan in a finding"
        ),
    ],
)
def test_a_required_check_without_a_usable_answer_holds_and_says_so(bad: list[Outcome]) -> None:
    verdict = evaluate(POLICY, SUBJECT, "prompt", [*bad, CLEAN])
    assert verdict.decision == "hold" and not verdict.complete
    assert verdict.reasons[0].check == "toxicity" and verdict.reasons[0].detail.startswith("not checked: ")
    good = evaluate(POLICY, SUBJECT, "prompt", [GOOD, CLEAN])
    assert verdict.checkers_digest != good.checkers_digest


def test_a_missing_answer_does_not_soften_what_others_found() -> None:
    found = dataclasses.replace(CLEAN, findings=(Finding("email", "block", "1 x email"),))
    assert decide(found) == "block"


def test_a_check_that_is_not_required_may_fail() -> None:
    lenient = policy(**{**CHECKS, "toxicity": {**CHECKS["toxicity"], "required": False}})
    assert decide(Outcome("toxicity", SUBJECT, error="model gone"), CLEAN, under=lenient) == "allow"


def test_what_no_required_check_reads_is_held() -> None:
    assert evaluate(POLICY, SUBJECT, "image", []).decision == "hold"
    assert not evaluate(POLICY, SUBJECT, "image", []).complete
    lenient = policy(personal_data={**CHECKS["personal_data"], "required": False})
    assert decide(CLEAN, under=lenient) == "hold"


def test_what_cannot_be_read_is_held_as_what_it_is() -> None:
    verdict = unreadable(POLICY, SUBJECT, "image", "cut off")
    assert (verdict.decision, verdict.subject_kind, verdict.complete) == ("hold", "artifact", False)
    assert "cut off" in verdict.reasons[0].detail


anything = st.one_of(st.floats(), st.integers(), st.none(), st.text(max_size=3), st.booleans())
outcomes = st.builds(
    Outcome,
    check=st.sampled_from(["toxicity", "personal_data", "unknown"]),
    subject_sha256=st.sampled_from([SUBJECT, SUBJECT, sha(b"other")]),
    checker_digest=st.sampled_from(["", "d"]),
    scores=st.dictionaries(st.sampled_from(["toxicity", "threat", "email", "x"]), anything),
    findings=st.lists(
        st.builds(
            Finding,
            cls=st.just("email"),
            decision=st.sampled_from(["allow", "hold", "block"]),
            detail=st.text(max_size=600),
            score=st.floats(),
        ),
        max_size=2,
    ).map(tuple),
    error=st.sampled_from(["", "", "crashed"]),
)


@given(st.lists(outcomes, max_size=4))
def test_every_input_gives_a_verdict_and_allow_is_never_given_in_doubt(found: list[Outcome]) -> None:
    verdict = evaluate(POLICY, SUBJECT, "prompt", found)
    if verdict.decision == "allow":
        for name in CHECKS:
            (answer,) = [outcome for outcome in found if outcome.check == name]
            assert answer.subject_sha256 == SUBJECT and not answer.error and answer.checker_digest
            assert all(0 <= score <= 1 for score in answer.scores.values())
        assert verdict.scores["toxicity.threat"] < 0.2


@given(st.lists(outcomes, max_size=4))
def test_an_additional_error_never_loosens_a_verdict(found: list[Outcome]) -> None:
    before = evaluate(POLICY, SUBJECT, "prompt", [GOOD, CLEAN, *found]).decision
    spoilt = [dataclasses.replace(GOOD, error="crashed"), CLEAN, *found]
    order = ("allow", "hold", "block")
    after = evaluate(POLICY, SUBJECT, "prompt", spoilt).decision
    assert after != "allow" and (before != "allow" or order.index(after) >= order.index(before))
