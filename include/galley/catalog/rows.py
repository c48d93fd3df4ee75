"""What the catalog takes in and gives out: frozen values, no database objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, Protocol

from pydantic import AwareDatetime

from galley.items import Artifact, Decision, Failure, Frozen, Item, Reason, State, Verdict

RunState = Literal["running", "success", "failed"]
Action = Literal["approve", "reject", "withdraw"]


class RunInfo(Frozen):
    """A run as the catalog lists it.

    Attributes:
        run: run name (`galley.items.run_name`).
        dag_id: of Airflow.
        run_id: of Airflow.
        content_date: the run's content date.
        started: when its first task began.
        finished: when it was recorded as finished, or None.
        state: named as in Airflow.
    """

    run: str
    dag_id: str
    run_id: str
    content_date: date
    started: AwareDatetime
    finished: AwareDatetime | None = None
    state: RunState = "running"


class DisposedReason(Protocol):
    """A reason of a disposition, with what it is about."""

    @property
    def subject(self) -> str:
        """``prompt``, ``artifact`` or ``item``; only the last are no verdict's."""

    def model_dump(self, *, mode: Literal["json"]) -> dict[str, Any]:
        """As JSON."""


class Disposed(Protocol):
    """What the publisher made of an item: `galley.publishing.disposition.Disposition`."""

    @property
    def item_id(self) -> str:
        """Of the item."""

    @property
    def state(self) -> State:
        """Where it stands."""

    @property
    def uri(self) -> str:
        """Of the published object or the quarantined copy, or empty."""

    @property
    def failure(self) -> Failure | None:
        """Why it was not made."""

    @property
    def reasons(self) -> Sequence[DisposedReason]:
        """Of both verdicts, and of what else stood in the way."""


@dataclass(frozen=True)
class RunSummary:
    """A run and how many of its items stand where.

    Attributes:
        info: the run.
        counts: every state to its number of items, and ``rejected`` to the number of rows that became none.
    """

    info: RunInfo
    counts: Mapping[str, int]

    def public(self) -> dict[str, Any]:
        """The fields of ``galley runs --format jsonl``."""
        info = self.info
        return {
            "run": info.run,
            "dag_id": info.dag_id,
            "run_id": info.run_id,
            "content_date": info.content_date.isoformat(),
            "started": info.started.isoformat(),
            "state": info.state,
            "counts": dict(self.counts),
        }


@dataclass(frozen=True)
class ArmCounts:
    """How many items of a brief's variant stand where: a line of the table a run ends with."""

    brief: str
    variant: str
    states: Mapping[str, int]


@dataclass(frozen=True)
class Generation:
    """What making an item took, or why it could not be made (see `galley.items.Result`).

    Attributes:
        reused: the artifact was made by an earlier run or for another item of this one.
    """

    status: Literal["ok", "failed"]
    seconds: float
    batch_size: int
    evaluations: int
    prompt_tokens: int
    reused: bool
    prompt_truncated: bool
    finish_reason: str
    attempt: str
    failure_kind: str
    failure_message: str


@dataclass(frozen=True)
class Review:
    """A person's decision on an item.

    Attributes:
        release: number of the release that carries it out.
    """

    item_id: str
    action: Action
    by: str
    note: str
    at: datetime
    release: int


_STRICTNESS: Mapping[str, int] = {"allow": 0, "hold": 1, "block": 2}


@dataclass(frozen=True)
class ItemVerdict:
    """An item's decision: the strictest of both verdicts' and all reasons', each score the higher of the two.

    Attributes:
        decision: not ``allow`` where a verdict that must be there is missing.
        scores: check and class to a number in [0, 1].
        reasons: of both verdicts and of the item's own; ``subject`` in each says whose.
    """

    decision: Decision
    scores: Mapping[str, float]
    reasons: tuple[Mapping[str, Any], ...]

    @classmethod
    def of(
        cls,
        prompt: Verdict | None,
        artifact: Verdict | None,
        *,
        made: bool,
        further: Sequence[Mapping[str, Any]] = (),
    ) -> ItemVerdict | None:
        """Combine them; None where there is neither a verdict nor a reason.

        Args:
            prompt: on the prompt.
            artifact: on the artifact.
            made: an artifact exists, so that a verdict on it is due.
            further: reasons of the item's own, from publishing and review, which say for themselves what they decide.
        """
        given = [verdict for verdict in (prompt, artifact) if verdict is not None]
        if not given and not further:
            return None
        scores: dict[str, float] = {}
        reasons: list[Mapping[str, Any]] = []
        for verdict in given:
            for name, score in verdict.scores.items():
                scores[name] = max(score, scores.get(name, score))
            reasons += [
                {"subject": verdict.subject_kind, **reason.model_dump(mode="json")} for reason in verdict.reasons
            ]
        due = {"prompt": prompt is None, "artifact": artifact is None and made}
        for subject in (name for name, missing in due.items() if missing):
            missing_reason = Reason(check="verdict", decision="hold", detail=f"there is no verdict on the {subject}")
            reasons.append({"subject": subject, **missing_reason.model_dump(mode="json")})
        reasons += further
        decisions: list[Decision] = [verdict.decision for verdict in given]
        decisions += [reason["decision"] for reason in reasons]
        return cls(max(decisions, key=_STRICTNESS.__getitem__), scores, tuple(reasons))

    def public(self) -> dict[str, Any]:
        """As ``galley items --format jsonl`` shows it."""
        return {"decision": self.decision, "reasons": list(self.reasons), "scores": dict(self.scores)}


@dataclass(frozen=True)
class CatalogItem:
    """An item with all the catalog knows of it.

    Attributes:
        item: as collect wrote it.
        request_key: of its request, as recorded.
        position: 0-based place in the run's ``items.jsonl``.
        state: where it stands.
        artifact: what was made, or None.
        source_sha256: of what was screened: the artifact's.
        sha256: of what was published.
        uri: of the published object; else of the quarantined one, else of the artifact; None where nothing was made.
        sidecar_uri: of the published sidecar.
        media_type: of the bytes under ``uri``.
        generation: what making it took.
        prompt_verdict: of its prompt under the run's policy.
        artifact_verdict: of its artifact under the run's policy.
        approved_by: who let it pass, where compliance alone did not.
        reasons: what beside the two verdicts stood in the way of publishing it.
    """

    item: Item
    request_key: str
    position: int
    state: State
    artifact: Artifact | None
    source_sha256: str | None
    sha256: str | None
    uri: str | None
    sidecar_uri: str | None
    media_type: str | None
    generation: Generation | None
    prompt_verdict: Verdict | None
    artifact_verdict: Verdict | None
    approved_by: str
    reasons: tuple[Mapping[str, Any], ...] = ()

    @property
    def verdict(self) -> ItemVerdict | None:
        """The item's decision."""
        made = self.artifact is not None
        return ItemVerdict.of(self.prompt_verdict, self.artifact_verdict, made=made, further=self.reasons)

    def public(self) -> dict[str, Any]:
        """The fields of ``galley items --format jsonl``, in its order."""
        verdict = self.verdict
        return {
            "item_id": self.item.item_id,
            "custom_id": self.item.custom_id,
            "brief": self.item.brief,
            "variant": self.item.variant,
            "kind": self.item.request.kind,
            "model": self.item.request.model,
            "state": self.state,
            "request_key": self.request_key,
            "source_sha256": self.source_sha256,
            "sha256": self.sha256,
            "uri": self.uri,
            "media_type": self.media_type,
            "seed": self.item.request.seed,
            "seconds": self.generation.seconds if self.generation else None,
            "verdict": verdict.public() if verdict else None,
        }
