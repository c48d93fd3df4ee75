"""What becomes of an item when its run is published. Pure: verdicts and reviews in, a state out; doubt is `held`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from pydantic import Field

from galley.compliance.verdicts import strictest
from galley.items import Decision, Failure, Frozen, Item, Reason, Result, Sha256, State, Verdict
from galley.publishing.releases import Review

VerdictIndex = Mapping[tuple[str, str, str], Sequence[Verdict]]
"""(subject kind, subject sha256, policy digest) to the verdicts found."""


class SubjectReason(Reason):
    """A reason and what it is about; spans count in the prompt's or the artifact's text."""

    subject: Literal["prompt", "artifact", "item"]


class Disposition(Frozen):
    """One line of a publish job's ``outcome.jsonl``.

    Attributes:
        state: exactly one of the states an item can end in.
        decision: the strictest of its prompt's and its artifact's verdict, whatever a person decided later.
        scores: check and class to the higher score of the two verdicts.
        reasons: of both verdicts, and of what stood in the way of publishing.
        failure: why it was not made, of failed items.
        source_sha256: of what was screened.
        sha256: of what was published.
        uri: of the published object, else of the quarantined copy, else empty.
        sidecar_uri: of the published sidecar.
        approved_by: who let it pass, where compliance alone did not.
    """

    item_id: str
    custom_id: str
    brief: str
    variant: str
    request_key: Sha256
    policy: str
    policy_digest: Sha256
    state: State
    decision: Decision
    scores: dict[str, float] = Field(default={})
    reasons: tuple[SubjectReason, ...] = ()
    failure: Failure | None = None
    source_sha256: str = ""
    sha256: str = ""
    uri: str = ""
    sidecar_uri: str = ""
    media_type: str = ""
    approved_by: str = ""

    def held(self, why: str) -> Disposition:
        """The same, held for one more reason."""
        return self._stopped("hold", why)

    def blocked(self, why: str) -> Disposition:
        """The same, blocked for one more reason."""
        return self._stopped("block", why)

    def _stopped(self, by: Decision, why: str) -> Disposition:
        reason = SubjectReason(subject="item", check="publish", decision=by, detail=why)
        decision = strictest((self.decision, by))
        return self.model_copy(
            update={"state": state_of(decision), "decision": decision, "reasons": (*self.reasons, reason)}
        )


def index(verdicts: Iterable[Verdict]) -> dict[tuple[str, str, str], list[Verdict]]:
    """Verdicts by what they are about and under which policy."""
    found: dict[tuple[str, str, str], list[Verdict]] = {}
    for verdict in verdicts:
        found.setdefault((verdict.subject_kind, verdict.subject_sha256, verdict.policy_digest), []).append(verdict)
    return found


def decisive(verdicts: Sequence[Verdict]) -> Verdict | None:
    """Of several verdicts on one subject under one policy the one that counts: the strictest of the complete ones.

    Where none is complete, the strictest of all; none of these allows.
    """
    complete = [verdict for verdict in verdicts if verdict.complete]
    strict = strictest(verdict.decision for verdict in complete or verdicts)
    return next((verdict for verdict in complete or verdicts if verdict.decision == strict), None)


def state_of(decision: Decision) -> State:
    """The state of an item that was made and decided on."""
    states: Mapping[Decision, State] = {"allow": "published", "hold": "held", "block": "blocked"}
    return states[decision]


def dispose(
    item: Item, prompt_sha256: str, policy_digest: str, result: Result | None, verdicts: VerdictIndex
) -> Disposition:
    """What compliance and generation say of an item, before anybody reviewed it.

    Args:
        item: what was wanted.
        prompt_sha256: of its prompt.
        policy_digest: of the policy that counts now; verdicts under another are none.
        result: of its request, or None.
        verdicts: all that were found.
    """
    prompt = decisive(verdicts.get(("prompt", prompt_sha256, policy_digest), ()))
    artifact = result.artifact if result else None
    outcome = decisive(verdicts.get(("artifact", artifact.sha256, policy_digest), ())) if artifact else None
    reasons = [*_reasons("prompt", prompt)]
    decisions: list[Decision] = [prompt.decision if prompt else "hold"]
    if artifact is not None:
        reasons += _reasons("artifact", outcome)
        decisions.append(outcome.decision if outcome else "hold")
    scores: dict[str, float] = {}
    for verdict in (prompt, outcome):
        for name, score in verdict.scores.items() if verdict else ():
            scores[name] = max(score, scores.get(name, 0.0))
    decision = strictest(decisions)
    failure = None
    state = state_of(decision)
    if artifact is None and not (prompt and prompt.decision == "block"):
        state = "failed"
        failure = result.failure if result else None
        failure = failure or Failure(kind="no_result", message="its generation job left no result for it")
    return Disposition(
        item_id=item.item_id,
        custom_id=item.custom_id,
        brief=item.brief,
        variant=item.variant,
        request_key=item.request.key,
        policy=item.policy,
        policy_digest=policy_digest,
        state=state,
        decision=decision,
        scores=scores,
        reasons=tuple(reasons),
        failure=failure,
        source_sha256=artifact.sha256 if artifact else "",
        media_type=artifact.media_type if artifact else "",
    )


def reviewed(disposition: Disposition, review: Review | None) -> Disposition:
    """The same after a person's last decision.

    A rejected or withdrawn item stays so, whatever is made for it later. An approval counts for the very bytes it was
    given for, and only against `hold`.
    """
    if review is None or disposition.state == "failed":
        return disposition
    if review.kind in ("reject", "withdraw"):
        state = "blocked" if review.kind == "reject" else "withdrawn"
        return disposition.model_copy(update={"state": state, "reasons": (*disposition.reasons, _by(review, "block"))})
    approves = review.kind == "approve" and review.source_sha256 == disposition.source_sha256 != ""
    if approves and disposition.decision == "hold":
        return disposition.model_copy(
            update={
                "state": "published",
                "approved_by": review.by,
                "reasons": (*disposition.reasons, _by(review, "allow")),
            }
        )
    return disposition


def _by(review: Review, decision: Decision) -> SubjectReason:
    verb = {"reject": "rejected", "withdraw": "withdrawn", "approve": "approved"}[review.kind]
    detail = f"{verb} by {review.by} in release {review.release}" + (f": {review.note}" if review.note else "")
    return SubjectReason(subject="item", check="review", decision=decision, detail=detail)


def _reasons(subject: Literal["prompt", "artifact"], verdict: Verdict | None) -> list[SubjectReason]:
    if verdict is None:
        why = f"there is no verdict on the {subject} under the present policy"
        return [SubjectReason(subject=subject, check="verdict", decision="hold", detail=why)]
    return [SubjectReason(subject=subject, **reason.model_dump()) for reason in verdict.reasons]
