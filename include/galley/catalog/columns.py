"""Contract values as rows of the tables: one function each."""

from __future__ import annotations

import hashlib
from typing import Any

from galley.catalog.upsert import derived_key, storable
from galley.items import Failure, Item, Reject, Verdict

UNBOUND: dict[str, Any] = {
    "state": "pending",
    "disposition": None,
    "reasons": [],
    "numerics_digest": None,
    "source_sha256": None,
    "prompt_verdict_id": None,
    "artifact_verdict_id": None,
    "sha256": None,
    "uri": None,
    "sidecar_uri": None,
    "media_type": None,
    "approved_by": "",
}
"""Columns of an item that other steps fill, as they are before; recording the same item again leaves them."""

LEFT = "left"
"""Disposition of an item that its run no longer has: its brief was changed before the run was executed again."""


def verdict_id(verdict: Verdict) -> str:
    """The primary key of a verdict."""
    return derived_key(verdict.subject_sha256, verdict.subject_kind, verdict.policy_digest, verdict.checkers_digest)


def reject_row(reject: Reject) -> dict[str, Any]:
    """A reject's columns that every table of rejects has."""
    return {
        "source": storable(reject.source),
        "line": reject.line,
        "field": storable(reject.field),
        "value": storable(reject.value),
        "rule": storable(reject.rule),
    }


def item_row(item: Item, position: int) -> dict[str, Any]:
    """An item's columns before anything was made of it."""
    return {
        "item_id": item.item_id,
        "run": item.run,
        "position": position,
        "content_date": item.content_date,
        "custom_id": item.custom_id,
        "brief": item.brief,
        "experiment": item.experiment,
        "variant": item.variant,
        "unit": item.unit,
        "policy": item.policy,
        "kind": item.request.kind,
        "model": item.request.model,
        "seed": item.request.seed,
        "request_key": item.request.key,
        "prompt_sha256": hashlib.sha256(item.request.screened_text.encode()).hexdigest(),
        "item": item.model_dump(mode="json", exclude_defaults=True),
        **UNBOUND,
    }


NO_GENERATION: dict[str, Any] = {
    "status": "failed",
    "seconds": 0.0,
    "batch_size": 0,
    "evaluations": 0,
    "prompt_tokens": 0,
    "reused": False,
    "prompt_truncated": False,
    "finish_reason": "",
    "attempt": "",
}
"""A generation of an item that no result speaks of."""


def failure_row(failure: Failure | None) -> dict[str, str]:
    """A failure's columns of a generation, empty for none."""
    return {
        "failure_kind": failure.kind[:64] if failure else "",
        "failure_message": storable(failure.message) if failure else "",
    }


def verdict_row(verdict: Verdict) -> dict[str, Any]:
    """A verdict's columns."""
    return {
        "verdict_id": verdict_id(verdict),
        "subject_sha256": verdict.subject_sha256,
        "subject_kind": verdict.subject_kind,
        "policy": verdict.policy,
        "policy_digest": verdict.policy_digest,
        "checkers_digest": verdict.checkers_digest,
        "decision": verdict.decision,
        "complete": verdict.complete,
        "scores": verdict.scores,
        "reasons": [
            {**reason.model_dump(mode="json"), "detail": storable(reason.detail)} for reason in verdict.reasons
        ],
    }
