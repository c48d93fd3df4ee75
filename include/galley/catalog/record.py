"""Recording: every method may be called again with the same facts and changes nothing then.

Streams are taken in chunks, each its own transaction, so a million items need constant memory and a kill loses at most
one chunk, which the next call records.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, func, select, update

from galley.catalog.bind import apply_release, bind_artifacts, bind_dispositions, bind_generations, update_many
from galley.catalog.columns import (
    LEFT,
    UNBOUND,
    item_row,
    reject_row,
    verdict_id,
    verdict_row,
)
from galley.catalog.database import reading, writing
from galley.catalog.models import (
    ArmRow,
    AssignmentRow,
    ExposureRow,
    GenerationRow,
    ItemRow,
    OutcomeRow,
    RejectRow,
    ReleaseRow,
    ReviewRow,
    Run,
    VerdictRow,
)
from galley.catalog.rows import Action, Disposed, RunInfo, RunState
from galley.catalog.states import settle
from galley.catalog.upsert import chunks, storable, upsert
from galley.errors import CatalogError
from galley.items import Item, Reject, Release, Result, State, Verdict


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

        An item whose request is another than before, because its brief was edited, begins anew. Items that the run had
        and that are not given, because their brief asks for them no longer, are forgotten; one that people reviewed,
        saw or rated stays, withdrawn.

        Raises `CatalogError` where the run is not recorded or an item is another run's.
        """
        started = self._started(run)
        total, given = 0, array("Q")
        for chunk in chunks(items):
            for item in chunk:
                if item.run != run:
                    raise CatalogError(f"item {item.item_id} is of run {item.run!r}, not of {run!r}")
            rows = [item_row(item, position) for position, item in enumerate(chunk, start=total)]
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
                _unbind_changed(connection, rows)
                upsert(connection, ItemRow, rows, keep=UNBOUND)
                upsert(connection, AssignmentRow, assignments)
            given.extend(int(item.item_id, 16) for item in chunk)
            total += len(chunk)
        self._leave_out(run, given)
        return total

    def _leave_out(self, run: str, given: array[int]) -> None:
        """Forget the run's items whose ids are not ``given``, or withdraw them; see `record_items`."""
        with reading(self.engine) as connection:
            count = connection.execute(select(func.count()).where(ItemRow.run == run)).scalar_one()
            if count == len(given):  # all given ones are there, so there are no others
                return
            ids = connection.execute(select(ItemRow.item_id).where(ItemRow.run == run)).scalars().all()
        given = array("Q", sorted(given))
        for chunk in chunks(item_id for item_id in ids if not _holds(given, int(item_id, 16))):
            with writing(self.engine) as connection:
                known: set[str] = set()
                for told in (ReviewRow.item_id, ExposureRow.item_id, OutcomeRow.item_id):
                    found = connection.execute(select(told).where(told.in_(chunk))).scalars()
                    known.update(item_id for item_id in found if item_id)
                gone = [item_id for item_id in chunk if item_id not in known]
                for table, column in (
                    (GenerationRow, GenerationRow.item_id),
                    (AssignmentRow, AssignmentRow.item_id),
                    (ItemRow, ItemRow.item_id),
                ):
                    connection.execute(delete(table).where(column.in_(gone)))
                left = update(ItemRow).where(ItemRow.item_id.in_(known))
                connection.execute(left.values(state="withdrawn", disposition=LEFT, reasons=[]))

    def record_rejects(self, run: str, rejects: Iterable[Reject]) -> int:
        """Record the rows that became no item, replacing what the run had; returns how many there are."""
        total = 0
        for chunk in chunks(rejects):
            rows = [
                {"run": run, "position": position, "custom_id": each.custom_id or None, **reject_row(each)}
                for position, each in enumerate(chunk, start=total)
            ]
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
                bind_artifacts(connection, chunk, seen)
                bind_generations(connection, run, chunk)
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
                upsert(connection, VerdictRow, [verdict_row(verdict) for verdict in chunk], keep=())
                for kind, subject, bound in (
                    ("prompt", ItemRow.prompt_sha256, "prompt_verdict_id"),
                    ("artifact", ItemRow.source_sha256, "artifact_verdict_id"),
                ):
                    update_many(
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

    def record_dispositions(self, run: str, dispositions: Iterable[Disposed]) -> int:
        """Record what the publisher made of each item: its state, its quarantined copy, why it stands where it does.

        Takes lines of a publish job's ``outcome.jsonl`` (`galley.publishing.disposition.Disposition`). What they call
        published counts when a release lists it. Items and results must be recorded before. Returns the number given.
        """
        total = 0
        for chunk in chunks(dispositions):
            with writing(self.engine) as connection:
                bind_dispositions(connection, run, chunk)
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
            apply_release(connection, release)
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
                update_many(
                    connection,
                    update(ItemRow).where(ItemRow.item_id == bindparam("b_id")).values(state=bindparam("b_state")),
                    [{"b_id": item_id, "b_state": state} for item_id, state in chunk],
                )
        for pairs in chunks((uris or {}).items()):
            with writing(self.engine) as connection:
                update_many(
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
        dispositions: Iterable[Disposed] = (),
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
            dispositions: lines of the publish job's ``outcome.jsonl``; without them states follow from the rest.
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
        self.record_dispositions(info.run, dispositions)
        if release is not None:
            self.record_release(release, release_uri)
        self.finish_run(info.run, info.state, info.finished)

    def _started(self, run: str) -> datetime:
        with reading(self.engine) as connection:
            started = connection.execute(select(Run.started).where(Run.run == run)).scalar_one_or_none()
        if started is None:
            raise CatalogError(f"run {run!r} is not recorded; call record_run first")
        return started


def _unbind_changed(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Forget what was made of items whose request is no longer the one that is recorded, or that had left the run."""
    wanted = {row["item_id"]: row["request_key"] for row in rows}
    query = select(ItemRow.item_id, ItemRow.request_key, ItemRow.disposition).where(ItemRow.item_id.in_(wanted))
    changed = [
        item_id
        for item_id, request_key, disposition in connection.execute(query)
        if request_key != wanted[item_id] or disposition == LEFT
    ]
    if changed:
        connection.execute(delete(GenerationRow).where(GenerationRow.item_id.in_(changed)))
        connection.execute(update(ItemRow).where(ItemRow.item_id.in_(changed)).values(UNBOUND))


def _holds(ordered: array[int], value: int) -> bool:
    at = bisect_left(ordered, value)
    return at < len(ordered) and ordered[at] == value
