"""Small, valid contract values for tests of the catalog and of experiments."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from typing import Any

from galley.catalog.rows import RunInfo
from galley.items import (
    Artifact,
    Decision,
    Failure,
    ImageParams,
    Item,
    Message,
    Numerics,
    Origin,
    Published,
    Reason,
    Release,
    Request,
    Result,
    TextParams,
    Verdict,
    item_id,
    run_name,
)

DAY = date(2026, 11, 1)
STARTED = datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
RUN = run_name("daily_content", "scheduled__2026-11-01T06:00:00+00:00")
NUMERICS = Numerics(device="cpu", dtype="float32", isa="AVX2", threads=2, versions={"torch": "2.13.0"})


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def run_info(run: str = RUN, **changes: Any) -> RunInfo:
    values: dict[str, Any] = {
        "run": run,
        "dag_id": "daily_content",
        "run_id": "scheduled__2026-11-01T06:00:00+00:00",
        "content_date": DAY,
        "started": STARTED,
        "state": "success",
        "finished": datetime(2026, 11, 1, 6, 5, tzinfo=UTC),
    }
    return RunInfo(**{**values, **changes})


def item(row: int = 0, *, run: str = RUN, variant: str = "default", number: int = 0, **changes: Any) -> Item:
    kind = changes.pop("kind", "text")
    prompt = changes.pop("prompt", f"Product: lamp {row} | Copy:")
    messages: tuple[Message, ...] = changes.pop("messages", ())
    params = ImageParams(width=64, height=64) if kind == "image" else TextParams(max_new_tokens=8)
    values: dict[str, Any] = {
        "item_id": item_id(run, "spring", row, variant, number),
        "run": run,
        "content_date": DAY,
        "custom_id": f"spring-{row}",
        "brief": "spring",
        "experiment": "spring",
        "variant": variant,
        "unit": f"{DAY}/{row}",
        "policy": "default",
        "request": Request(
            kind=kind,
            model=f"starter-{kind}",
            model_digest=sha(kind),
            prompt="" if messages else prompt,
            messages=messages,
            params=changes.pop("params", params),
            seed=changes.pop("seed", 2**63 - 1 - row),
        ),
        "origin": Origin(source="spring.yaml", row=row),
    }
    return Item(**{**values, **changes})


def result(
    of: Item, *, seconds: float = 0.5, failed: str = "", numerics: Numerics = NUMERICS, **changes: Any
) -> Result:
    if failed:
        failure = Failure(kind=failed, message=f"{failed} happened")
        return Result(request_key=of.request.key, status="failed", failure=failure, seconds=seconds)
    run = changes.pop("run", of.run)
    content = sha("bytes of " + of.request.key)
    artifact = Artifact(
        uri=f"file:///work/runs/{run}/jobs/g0/artifacts/{content}.txt",
        sha256=content,
        size=7,
        media_type="text/plain; charset=utf-8",
        numerics=numerics,
    )
    values: dict[str, Any] = {"batch_size": 4, "evaluations": 8, "finish_reason": "stop", "attempt": "a1"}
    return Result(request_key=of.request.key, status="ok", artifact=artifact, seconds=seconds, **{**values, **changes})


def verdict(
    of: Item, subject: str, decision: Decision = "allow", *, policy_digest: str = "p1", **changes: Any
) -> Verdict:
    subject_sha256 = sha(of.request.screened_text) if subject == "prompt" else sha("bytes of " + of.request.key)
    reasons = () if decision == "allow" else (Reason(check="terms", decision=decision, detail=f"{subject}: a term"),)
    values: dict[str, Any] = {
        "subject_sha256": subject_sha256,
        "subject_kind": subject,
        "policy": of.policy,
        "policy_digest": sha(policy_digest),
        "checkers_digest": sha("checkers"),
        "decision": decision,
        "scores": {"detoxify/toxicity": 0.25 if subject == "prompt" else 0.125},
        "reasons": reasons,
    }
    return Verdict(**{**values, **changes})


def published(of: Item, **changes: Any) -> Published:
    values: dict[str, Any] = {
        "item_id": of.item_id,
        "custom_id": of.custom_id,
        "brief": of.brief,
        "variant": of.variant,
        "request_key": of.request.key,
        "uri": f"file:///published/{DAY}/{of.brief}/{of.item_id}.txt",
        "sidecar_uri": f"file:///published/{DAY}/{of.brief}/{of.item_id}.txt.json",
        "sha256": sha("marked " + of.request.key),
        "source_sha256": sha("bytes of " + of.request.key),
        "media_type": "text/plain; charset=utf-8",
    }
    return Published(**{**values, **changes})


def release(number: int, items: list[Item], *, run: str = RUN, **changes: Any) -> Release:
    values: dict[str, Any] = {"content_date": DAY, "cause": {"action": "publish"}}
    return Release(run=run, number=number, published=tuple(map(published, items)), **{**values, **changes})
