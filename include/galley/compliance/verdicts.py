"""From what the checkers answered to a verdict. Pure and total: every input gives a verdict, and doubt gives `hold`.

`allow` comes out only where every required check that reads this kind of subject answered about this very subject, with
scores that are numbers in [0, 1], and no threshold and no finding says otherwise. The strictest reason wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from galley.compliance.checks import MAX_SPANS, Finding, Outcome
from galley.compliance.policy import Check, CompiledPolicy, ImageSafetyCheck, Media, ToxicityCheck
from galley.items import Decision, Reason, Span, Verdict, digest

_STRICTNESS: Mapping[Decision, int] = {"allow": 0, "hold": 1, "block": 2}
MAX_DETAIL = 500
"""Characters of a reason's detail."""


def strictest(decisions: Iterable[Decision]) -> Decision:
    """The strictest of some decisions; `allow` of none."""
    return max(decisions, key=_STRICTNESS.__getitem__, default="allow")


def checkers_digest(digests: Mapping[str, str]) -> str:
    """Digest over the checkers that answered: check name to checker digest. Without one of them it is another."""
    return digest(dict(digests))


def evaluate(policy: CompiledPolicy, subject_sha256: str, media: Media, outcomes: Sequence[Outcome]) -> Verdict:
    """The verdict on one subject.

    A class that the policy bounds by name must be among the scores; other classes get the check's default.

    Args:
        policy: what decides.
        subject_sha256: of the subject's bytes.
        media: what the subject is.
        outcomes: what the checkers answered, in any order; answers of checks that the policy does not have are ignored.
    """
    checks = policy.policy.checks_for(media)
    reasons: list[Reason] = []
    scores: dict[str, float] = {}
    answered: dict[str, str] = {}
    if not any(check.required for check in checks.values()):
        reasons.append(
            _unchecked("policy", f'policy "{policy.policy.name}" has no required check that reads a {media}')
        )
    complete = not reasons
    for name, check in checks.items():
        mine = [outcome for outcome in outcomes if outcome.check == name]
        problem = _problem(check, subject_sha256, mine)
        if problem:
            complete = complete and not check.required
            reasons.append(_unchecked(name, problem, "hold" if check.required else "allow"))
            continue
        answered[name] = mine[0].checker_digest
        reasons.extend(_scored(name, check, mine[0], scores))
        reasons.extend(_found(name, finding) for finding in mine[0].findings)
    return Verdict(
        subject_sha256=subject_sha256,
        subject_kind="prompt" if media == "prompt" else "artifact",
        policy=policy.policy.name,
        policy_digest=policy.digest,
        checkers_digest=checkers_digest(answered),
        decision=strictest(reason.decision for reason in reasons),
        scores=dict(sorted(scores.items())),
        reasons=tuple(sorted(reasons, key=lambda reason: -_STRICTNESS[reason.decision])),
        complete=complete,
    )


def unreadable(policy: CompiledPolicy, subject_sha256: str, media: Media, why: str) -> Verdict:
    """The verdict on a subject that no check could read: held, with the reason."""
    return Verdict(
        subject_sha256=subject_sha256,
        subject_kind="prompt" if media == "prompt" else "artifact",
        policy=policy.policy.name,
        policy_digest=policy.digest,
        checkers_digest=checkers_digest({}),
        decision="hold",
        reasons=(_unchecked("artifact", why),),
        complete=False,
    )


def _problem(check: Check, subject_sha256: str, outcomes: Sequence[Outcome]) -> str:
    """Why a check's answers cannot be used, or ""."""
    if not outcomes:
        return "the check did not run"
    if len(outcomes) > 1:
        return f"the check answered {len(outcomes)} times"
    outcome = outcomes[0]
    if outcome.error:
        return outcome.error
    if outcome.subject_sha256 != subject_sha256:
        return f"the check answered about another subject ({str(outcome.subject_sha256)[:12]})"
    if not outcome.checker_digest:
        return "the check did not say which checker answered"
    # Checkers wrap foreign code: what is declared a mapping need not be one.
    if not isinstance(outcome.scores, Mapping) or not isinstance(outcome.spans, Mapping):
        return "the check answered in another form than it should"
    if not all(isinstance(span, Span) for span in outcome.spans.values()):
        return "the check gave spans in another form than it should"
    if isinstance(check, ToxicityCheck | ImageSafetyCheck) and not outcome.scores:
        return "the check gave no scores"
    values = {**outcome.scores, **{f"finding {finding.cls}": finding.score for finding in outcome.findings}}
    for cls, score in values.items():
        if isinstance(score, bool) or not isinstance(score, int | float):
            return f"the score of {cls} is {score!r}, not a number"
        if not 0 <= score <= 1:  # and so for NaN, which compares with nothing
            return f"the score of {cls} is {score!r}, not in [0, 1]"
    if isinstance(check, ToxicityCheck | ImageSafetyCheck):
        # A class that the policy bounds and the model does not have would silently be no check at all.
        bounded = {cls for cls, bounds in check.classes.items() if bounds.hold is not None or bounds.block is not None}
        missing = sorted(bounded - set(outcome.scores))
        if missing:
            return f"the check gave no score of {', '.join(missing)}, which the policy bounds"
    return ""


def _scored(name: str, check: Check, outcome: Outcome, scores: dict[str, float]) -> Iterable[Reason]:
    for cls, score in outcome.scores.items():
        scores[f"{name}.{cls}"] = float(score)
        if not isinstance(check, ToxicityCheck | ImageSafetyCheck):
            continue
        threshold = check.classes.get(cls, check.default)
        decision = threshold.decide(score)
        if decision != "allow":
            bound = threshold.block if decision == "block" else threshold.hold
            span = outcome.spans.get(cls)
            yield Reason(
                check=name,
                decision=decision,
                detail=f"{cls} {score:.3f} is at or above {bound:g}, from which the policy says {decision}",
                score=float(score),
                spans=(span,) if span else (),
            )


def _found(name: str, finding: Finding) -> Reason:
    return Reason(
        check=name,
        decision=finding.decision,
        detail=finding.detail[:MAX_DETAIL],
        score=float(finding.score),
        spans=finding.spans[:MAX_SPANS],
    )


def _unchecked(name: str, why: str, decision: Decision = "hold") -> Reason:
    return Reason(check=name, decision=decision, detail=f"not checked: {why}"[:MAX_DETAIL])
