"""A small run in memory: items, artifacts, results, policies and verdicts, without an engine and without Pillow."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from galley.compliance.inputs import prompt_sha256
from galley.compliance.policy import CompiledPolicy, Policy, PolicySet
from galley.compliance.verdicts import checkers_digest
from galley.items import (
    MEDIA_TYPES,
    Artifact,
    Decision,
    Failure,
    Frozen,
    ImageParams,
    Item,
    Job,
    Numerics,
    Origin,
    Reason,
    Request,
    Result,
    TextParams,
    Verdict,
    canonical_json,
    item_id,
)
from galley.ledger import PartWriter
from galley.storage import Zones, memory_zones
from galley.storage.base import ObjectStore

DAY = date(2026, 11, 1)
RUN = "daily-content--scheduled-2026-11-01--0123abcd"
NUMERICS = Numerics(device="cpu", dtype="float32", isa="AVX2", threads=2, versions={"torch": "2.13.0"})
SIZE = 16


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(shade: int = 7, width: int = SIZE, height: int = SIZE, extra: bytes = b"") -> bytes:
    """An RGB PNG whose pixels depend on ``shade``; ``extra`` chunks stand before the pixels."""
    rows = b"".join(b"\0" + bytes((shade * 3 + x + y) % 256 for x in range(width * 3)) for y in range(height))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def request(row: int = 0, kind: str = "text", prompt: str | None = None, **changes: Any) -> Request:
    params = ImageParams(width=SIZE, height=SIZE) if kind == "image" else TextParams(max_new_tokens=8)
    values: dict[str, Any] = {
        "kind": kind,
        "model": f"starter-{kind}",
        "model_digest": sha(kind.encode()),
        "prompt": f"a red circle, number {row}" if prompt is None else prompt,
        "params": params,
        "seed": row,
    }
    return Request(**{**values, **changes})


def item(row: int = 0, kind: str = "text", *, run: str = RUN, prompt: str | None = None, **changes: Any) -> Item:
    values: dict[str, Any] = {
        "item_id": item_id(run, "spring", row, "default"),
        "run": run,
        "content_date": DAY,
        "custom_id": f"spring-{row}",
        "brief": "spring",
        "experiment": "spring",
        "variant": "default",
        "unit": f"2026-11-01/{row}",
        "policy": "plain",
        "request": request(row, kind, prompt),
        "origin": Origin(source="spring.yaml", row=row),
    }
    return Item(**{**values, **changes})


def policy(name: str = "plain", **checks: Any) -> CompiledPolicy:
    """A policy of patterns alone, which needs no model, unless checks are given."""
    chosen = checks or {
        "personal_data": {"type": "patterns", "classes": {"email": "hold", "card": "block"}},
        "pictures": {"type": "image_safety", "model": "safety", "default": {"hold": 0.4, "block": 0.8}},
    }
    return CompiledPolicy(policy=Policy.model_validate({"name": name, "checks": chosen}))


def verdict(
    sha256: str, kind: str, decision: Decision = "allow", *, under: CompiledPolicy | None = None, **changes: Any
) -> Verdict:
    reasons = () if decision == "allow" else (Reason(check="test", decision=decision, detail=f"test says {decision}"),)
    values: dict[str, Any] = {
        "subject_sha256": sha256,
        "subject_kind": kind,
        "policy": "plain",
        "policy_digest": (under or policy()).digest,
        "checkers_digest": checkers_digest({"test": "1"}),
        "decision": decision,
        "scores": {"test.bad": {"allow": 0.1, "hold": 0.5, "block": 0.9}[decision]},
        "reasons": reasons,
    }
    return Verdict(**{**values, **changes})


def lines(values: Iterable[Frozen]) -> bytes:
    return b"".join(canonical_json(value.model_dump(mode="json")) + b"\n" for value in values)


class World:
    """A run's work zone before screening or publishing, and the job that does it.

    ``contents`` are the artifacts' bytes by row; None stands for a failed generation.
    """

    def __init__(
        self,
        items: Sequence[Item],
        contents: Sequence[bytes | None],
        *,
        policies: Sequence[CompiledPolicy] = (),
        zones: Zones | None = None,
    ) -> None:
        self.items, self.contents = list(items), list(contents)
        self.zones = zones or memory_zones()
        self.work: ObjectStore = self.zones.work
        self.policies = PolicySet(policies={one.policy.name: one for one in policies or [policy()]})
        self.artifacts = [self._artifact(one, data) for one, data in zip(self.items, self.contents, strict=True)]
        self.write()

    def _artifact(self, one: Item, data: bytes | None) -> Artifact | None:
        if data is None:
            return None
        media_type, extension = MEDIA_TYPES[one.request.kind]
        key = f"runs/{RUN}/jobs/generate-1/artifacts/{sha(data)}.{extension}"
        self.work.put(key, data)
        uri = f"{self.work.url}/{key}"
        return Artifact(uri=uri, sha256=sha(data), size=len(data), media_type=media_type, numerics=NUMERICS)

    def write(self) -> None:
        """Write items, policies and results."""
        self.work.put(f"runs/{RUN}/items.jsonl", lines(self.items))
        self.work.put(f"runs/{RUN}/policies.json", self.policies.to_bytes())
        results = [
            Result(request_key=one.request.key, status="ok", artifact=artifact, attempt="a")
            if artifact
            else Result(
                request_key=one.request.key,
                status="failed",
                failure=Failure(kind="out_of_memory", message="too large"),
                attempt="a",
            )
            for one, artifact in zip(self.items, self.artifacts, strict=True)
        ]
        PartWriter(self.work, f"runs/{RUN}/jobs/generate-1/results", "0001-a").write(results)

    def keep(self, items: Sequence[Item]) -> None:
        """Have the run's items be these, of those it had."""
        self.work.put(f"runs/{RUN}/items.jsonl", lines(list(items)))

    def judge(self, *verdicts: Verdict, attempt: str = "0001-a") -> None:
        """Write verdicts as a screening job would."""
        PartWriter(self.work, f"runs/{RUN}/jobs/screen-1/verdicts", attempt).write(verdicts)

    def allow_all(self) -> None:
        """Verdicts of ``allow`` on every prompt and artifact."""
        for one, artifact in zip(self.items, self.artifacts, strict=True):
            under = self.policies.policies[one.policy]
            self.judge(verdict(prompt_sha256(one.request), "prompt", under=under, policy=one.policy))
            if artifact:
                self.judge(verdict(artifact.sha256, "artifact", under=under, policy=one.policy))

    def job(self, command: str = "publish", name: str = "", **settings: Any) -> Job:
        """The job that screens or publishes this run."""
        base = f"{self.work.url}/runs/{RUN}"
        inputs = {"items": f"{base}/items.jsonl", "policies": f"{base}/policies.json"}
        if command != "screen_prompts":
            inputs["results"] = f"{base}/jobs/generate-1/results"
        if command == "publish":
            inputs["verdicts"] = f"{base}/jobs/screen-1/verdicts"
        job = name or command.replace("_", "-")
        values: dict[str, Any] = {"job": job, "run": RUN, "command": command, "prefix": f"{base}/jobs/{job}"}
        return Job(**values, inputs=inputs, settings=settings)
