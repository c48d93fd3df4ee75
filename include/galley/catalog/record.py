"""Recording: every method may be called again with the same facts and changes nothing then.

Streams are taken in chunks, each its own transaction, so a million items need constant memory and a kill loses at most
one chunk, which the next call records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, select, update

from galley.catalog.database import reading, writing
from galley.catalog.models import (
    ArmRow,
    ArtifactRow,
    AssignmentRow,
    GenerationRow,
    ItemRow,
    NumericsRow,
    RejectRow,
    ReleaseRow,
    ReviewRow,
    Run,
    VerdictRow,
)
from galley.catalog.rows import Action, RunInfo, RunState
from galley.catalog.states import settle
from galley.catalog.upsert import chunks, derived_key, storable, upsert
from galley.errors import CatalogError
from galley.items import Item, Numerics, Reject, Release, Result, State, Verdict

_BOUND_LATER = (
    "state",
    "numerics_digest",
    "source_sha256",
    "prompt_verdict_id",
    "artifact_verdict_id",
    "sha256",
    "uri",
    "sidecar_uri",
    "media_type",
    "approved_by",
)
"""Columns of an item that other steps fill; recording the item again leaves them."""


class Recorder:
    """The writing half of `galley.catalog.facade.Catalog`."""

    engine: Engine

    def record_run(self, info: RunInfo) -> None:
        """Record that a run began, or goes on; the first ``started`` stays, and a finished run counts as running."""
        row = info.model_dump()
        with writing(self.engine) as connection:
            upsert(connection, Run, [row], keep=("started",))

    def record_arms(self, experiment: str, weights: Mapping[str, float]) -> None:
        """Record an experiment's variants in the brief's order (the first is the control) with their weights.

        The sample-ratio check holds the exposures against them. Variants left out are no longer part of it.
        """
        rows = [
            {"experiment": experiment, "variant": variant, "position": position, "weight": weight}
            for position, (variant, weight) in enumerate(weights.items())
        ]
        with writing(self.engine) as connection:
            connection.execute(delete(ArmRow).where(ArmRow.experiment == experiment, ArmRow.variant.not_in(weights)))
            upsert(connection, ArmRow, rows, keep=())

    def record_items(self, run: str, items: Iterable[Item]) -> int:
        """Record items and their assignments, in the order of ``items.jsonl``; returns how many were given.

        Raises `CatalogError` where the run is not recorded or an item is another run's.
        """
        started = self._started(run)
        total = 0
        for chunk in chunks(items):
            for item in chunk:
                if item.run != run:
                    raise CatalogError(f"item {item.item_id} is of run {item.run!r}, not of {run!r}")
            rows = [_item_row(item, position) for position, item in enumerate(chunk, start=total)]
            assignments = [
                {
                    "item_id": item.item_id,
                    "experiment": item.experiment,
                    "brief": item.brief,
                    "unit": item.unit,
                    "variant": item.variant,
                    "at": started,
                }
                for item in chunk
            ]
            with writing(self.engine) as connection:
                upsert(connection, ItemRow, rows, keep=_BOUND_LATER)
                upsert(connection, AssignmentRow, assignments)
            total += len(chunk)
        return total

    def record_rejects(self, run: str, rejects: Iterable[Reject]) -> int:
        """Record the rows that became no item, replacing what the run had; returns how many there are."""
        total = 0
        for chunk in chunks(rejects):
            rows = [{"run": run, "position": i, **reject_row(reject)} for i, reject in enumerate(chunk, start=total)]
            with writing(self.engine) as connection:
                upsert(connection, RejectRow, rows, keep=())
            total += len(chunk)
        with writing(self.engine) as connection:
            connection.execute(delete(RejectRow).where(RejectRow.run == run, RejectRow.position >= total))
        return total

    def record_results(self, run: str, results: Iterable[Result]) -> int:
        """Record artifacts and, for every item of the run whose request they answer, its generation.

        One result per request key, as the ledger decided it (results reused from earlier runs included); where a key
        is given again, the later one holds. The run's items must be recorded. Returns how many were given.
        """
        total = 0
        seen: set[str] = set()
        for chunk in chunks(results):
            with writing(self.engine) as connection:
                _record_artifacts(connection, chunk, seen)
                _record_generations(connection, run, chunk)
            total += len(chunk)
        return total

    def record_verdicts(self, run: str, verdicts: Iterable[Verdict]) -> int:
        """Record verdicts and bind each to the run's items it speaks of: same policy name and subject sha256.

        Results must be recorded before. Where a policy changed between two attempts of a run, give its present
        verdicts last: the later one is bound. Returns how many were given.
        """
        total = 0
        for chunk in chunks(verdicts):
            with writing(self.engine) as connection:
                upsert(connection, VerdictRow, [_verdict_row(verdict) for verdict in chunk], keep=())
                for kind, subject, bound in (
                    ("prompt", ItemRow.prompt_sha256, "prompt_verdict_id"),
                    ("artifact", ItemRow.source_sha256, "artifact_verdict_id"),
                ):
                    _update_many(
                        connection,
                        update(ItemRow)
                        .where(
                            ItemRow.run == bindparam("b_run"),
                            subject == bindparam("b_subject"),
                            ItemRow.policy == bindparam("b_policy"),
                        )
                        .values({bound: bindparam("b_verdict")}),
                        [
                            {
                                "b_run": run,
                                "b_subject": verdict.subject_sha256,
                                "b_policy": verdict.policy,
                                "b_verdict": verdict_id(verdict),
                            }
                            for verdict in chunk
                            if verdict.subject_kind == kind
                        ],
                    )
            total += len(chunk)
        return total

    def record_release(self, release: Release, uri: str = "") -> bool:
        """Make the catalog say what a release says, in one transaction; False where a higher one is recorded already.

        Items it lists become ``published`` or ``withdrawn``; an item that an earlier release listed and this one does
        not falls back to what its verdicts and reviews say.
        """
        row = {
            "run": release.run,
            "number": release.number,
            "uri": uri,
            "cause": release.cause,
            "published": len(release.published),
            "withdrawn": len(release.withdrawn),
        }
        with writing(self.engine) as connection:
            upsert(connection, ReleaseRow, [row], keep=())
            newer = select(ReleaseRow.number).where(ReleaseRow.run == release.run, ReleaseRow.number > release.number)
            if connection.execute(newer.limit(1)).first():
                return False
            _apply_release(connection, release)
            settle(connection, release.run)
        return True

    def record_review(
        self, item_id: str, action: Action, by: str, note: str, *, release: int, at: datetime | None = None
    ) -> None:
        """Record a person's decision, once per item and release number; call `record_release` with that release next.

        ``at`` defaults to now. Raises `CatalogError` for an unknown item.
        """
        row = {
            "item_id": item_id,
            "release": release,
            "action": action,
            "by": by,
            "note": storable(note),
            "at": at or datetime.now(UTC),
        }
        with writing(self.engine) as connection:
            run = connection.execute(select(ItemRow.run).where(ItemRow.item_id == item_id)).scalar_one_or_none()
            if run is None:
                raise CatalogError(f"no item {item_id!r} in the catalog; galley items --run RUN lists them")
            upsert(connection, ReviewRow, [row])
            settle(connection, run)

    def set_state(self, item_id: str, state: State, *, uri: str | None = None) -> None:
        """Set one item's state and, where given, the URI of its bytes (of a quarantined copy)."""
        self.set_states({item_id: state}, uris={item_id: uri} if uri else {})

    def set_states(self, states: Mapping[str, State], *, uris: Mapping[str, str] | None = None) -> None:
        """Set states by item id, for what neither release, verdict, result nor review says; with URIs where given."""
        for chunk in chunks(states.items()):
            with writing(self.engine) as connection:
                _update_many(
                    connection,
                    update(ItemRow).where(ItemRow.item_id == bindparam("b_id")).values(state=bindparam("b_state")),
                    [{"b_id": item_id, "b_state": state} for item_id, state in chunk],
                )
        for pairs in chunks((uris or {}).items()):
            with writing(self.engine) as connection:
                _update_many(
                    connection,
                    update(ItemRow).where(ItemRow.item_id == bindparam("b_id")).values(uri=bindparam("b_uri")),
                    [{"b_id": item_id, "b_uri": uri} for item_id, uri in pairs],
                )

    def finish_run(self, run: str, state: RunState, finished: datetime | None = None) -> None:
        """Record that a run ended (``finished`` defaults to now) and give each of its items its final state."""
        with writing(self.engine) as connection:
            connection.execute(
                update(Run).where(Run.run == run).values(state=state, finished=finished or datetime.now(UTC))
            )
            settle(connection, run)

    def record_finished(
        self,
        info: RunInfo,
        *,
        items: Iterable[Item],
        rejects: Iterable[Reject] = (),
        results: Iterable[Result] = (),
        verdicts: Iterable[Verdict] = (),
        release: Release | None = None,
        release_uri: str = "",
        arms: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        """Record a whole run from what lies in the store; ``info`` says how it ended. The same again changes nothing.

        Args:
            info: the run; ``state`` ``success`` or ``failed``.
            items: of ``items.jsonl``, in order.
            rejects: of ``rejects.jsonl``.
            results: one per request key, as the ledger decided; those reused from earlier runs too.
            verdicts: on prompts and artifacts.
            release: the run's highest, or None where nothing was released.
            release_uri: where it lies.
            arms: experiment to variant to weight, in the briefs' order.
        """
        if info.state == "running":
            raise CatalogError(f"run {info.run}: record_finished needs state success or failed, not running")
        self.record_run(info.model_copy(update={"state": "running", "finished": None}))
        for experiment, weights in (arms or {}).items():
            self.record_arms(experiment, weights)
        self.record_items(info.run, items)
        self.record_rejects(info.run, rejects)
        self.record_results(info.run, results)
        self.record_verdicts(info.run, verdicts)
        if release is not None:
            self.record_release(release, release_uri)
        self.finish_run(info.run, info.state, info.finished)

    def _started(self, run: str) -> datetime:
        with reading(self.engine) as connection:
            started = connection.execute(select(Run.started).where(Run.run == run)).scalar_one_or_none()
        if started is None:
            raise CatalogError(f"run {run!r} is not recorded; call record_run first")
        return started


def verdict_id(verdict: Verdict) -> str:
    """The primary key of a verdict."""
    return derived_key(verdict.subject_sha256, verdict.subject_kind, verdict.policy_digest, verdict.checkers_digest)


def reject_row(reject: Reject) -> dict[str, Any]:
    """A reject's columns."""
    return {
        "source": storable(reject.source),
        "line": reject.line,
        "field": storable(reject.field),
        "value": storable(reject.value),
        "rule": storable(reject.rule),
    }


def _item_row(item: Item, position: int) -> dict[str, Any]:
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
        "state": "pending",
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


def _verdict_row(verdict: Verdict) -> dict[str, Any]:
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


def _record_artifacts(connection: Connection, results: Sequence[Result], seen: set[str]) -> None:
    numerics: dict[str, Numerics] = {}
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for result in results:
        artifact = result.artifact
        if artifact is None:
            continue
        under = artifact.numerics.digest
        if under not in seen:
            numerics[under] = artifact.numerics
        rows[result.request_key, under] = {
            "request_key": result.request_key,
            "numerics_digest": under,
            "uri": artifact.uri,
            "sha256": artifact.sha256,
            "size": artifact.size,
            "media_type": artifact.media_type,
            "seconds": result.seconds,
            "batch_size": result.batch_size,
            "evaluations": result.evaluations,
            "prompt_truncated": result.prompt_truncated,
            "finish_reason": result.finish_reason,
            "attempt": result.attempt,
        }
    upsert(connection, NumericsRow, [{"digest": key, "body": n.model_dump(mode="json")} for key, n in numerics.items()])
    seen.update(numerics)
    upsert(connection, ArtifactRow, list(rows.values()), keep=())


def _record_generations(connection: Connection, run: str, results: Sequence[Result]) -> None:
    by_key = {result.request_key: result for result in results}
    wanted = (
        select(ItemRow.item_id, ItemRow.request_key)
        .where(ItemRow.run == run, ItemRow.request_key.in_(by_key))
        .order_by(ItemRow.position, ItemRow.item_id)
    )
    generations: list[dict[str, Any]] = []
    bound: list[dict[str, Any]] = []
    paid: set[str] = set()
    for item_id, key in connection.execute(wanted):
        result = by_key[key]
        artifact, failure = result.artifact, result.failure
        earlier = artifact is not None and f"/runs/{run}/" not in artifact.uri
        generations.append(
            {
                "item_id": item_id,
                "status": result.status,
                "seconds": result.seconds,
                "batch_size": result.batch_size,
                "evaluations": result.evaluations,
                "reused": earlier or key in paid,
                "prompt_truncated": result.prompt_truncated,
                "finish_reason": result.finish_reason,
                "attempt": result.attempt,
                "failure_kind": failure.kind[:64] if failure else "",
                "failure_message": storable(failure.message) if failure else "",
            }
        )
        bound.append(
            {
                "b_id": item_id,
                "b_numerics": artifact.numerics.digest if artifact else None,
                "b_source": artifact.sha256 if artifact else None,
            }
        )
        paid.add(key)
    upsert(connection, GenerationRow, generations, keep=())
    _update_many(
        connection,
        update(ItemRow)
        .where(ItemRow.item_id == bindparam("b_id"))
        .values(numerics_digest=bindparam("b_numerics"), source_sha256=bindparam("b_source")),
        bound,
    )


def _apply_release(connection: Connection, release: Release) -> None:
    published = {item.item_id: item for item in release.published}
    withdrawn = {item.item_id for item in release.withdrawn}
    listed = select(ItemRow.item_id, ItemRow.state, ItemRow.sha256, ItemRow.uri, ItemRow.approved_by).where(
        ItemRow.run == release.run, ItemRow.state.in_(("published", "withdrawn"))
    )
    dropped: list[dict[str, Any]] = []
    right: set[str] = set()
    for item_id, state, sha256, uri, approved_by in connection.execute(listed):
        item = published.get(item_id)
        if item_id in withdrawn:
            if state == "withdrawn":
                right.add(item_id)
        elif item is None:
            dropped.append({"b_id": item_id})
        elif (state, sha256, uri, approved_by) == ("published", item.sha256, item.uri, item.approved_by):
            right.add(item_id)
    _update_many(
        connection,
        update(ItemRow)
        .where(ItemRow.item_id == bindparam("b_id"))
        .values(state="pending", sha256=None, uri=None, sidecar_uri=None, media_type=None, approved_by=""),
        dropped,
    )
    _update_many(
        connection,
        update(ItemRow)
        .where(ItemRow.item_id == bindparam("b_id"), ItemRow.run == release.run)
        .values(
            state="published",
            sha256=bindparam("b_sha256"),
            source_sha256=bindparam("b_source"),
            uri=bindparam("b_uri"),
            sidecar_uri=bindparam("b_sidecar"),
            media_type=bindparam("b_media"),
            approved_by=bindparam("b_by"),
        ),
        [
            {
                "b_id": item.item_id,
                "b_sha256": item.sha256,
                "b_source": item.source_sha256,
                "b_uri": item.uri,
                "b_sidecar": item.sidecar_uri,
                "b_media": item.media_type,
                "b_by": storable(item.approved_by),
            }
            for item in published.values()
            if item.item_id not in withdrawn and item.item_id not in right
        ],
    )
    _update_many(
        connection,
        update(ItemRow)
        .where(ItemRow.item_id == bindparam("b_id"), ItemRow.run == release.run)
        .values(state="withdrawn"),
        [{"b_id": item_id} for item_id in withdrawn if item_id not in right],
    )


def _update_many(connection: Connection, statement: Any, parameters: Sequence[Mapping[str, Any]]) -> None:
    if parameters:
        connection.execute(statement, [dict(row) for row in parameters])
