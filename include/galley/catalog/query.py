"""Asking: short transactions, and for long lists one per page, so that a slow reader never holds a writer back."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, func, select, tuple_
from sqlalchemy.orm import aliased

from galley.catalog.database import reading
from galley.catalog.models import (
    STATES,
    ArtifactRow,
    GenerationRow,
    ImportRejectRow,
    ImportRow,
    ItemRow,
    NumericsRow,
    RejectRow,
    ReleaseRow,
    ReviewRow,
    Run,
    VerdictRow,
)
from galley.catalog.rows import ArmCounts, CatalogItem, Generation, Review, RunInfo, RunSummary
from galley.catalog.upsert import chunks
from galley.errors import CatalogError, NotInCatalog
from galley.items import Artifact, Item, Numerics, Reject, Result, State, Verdict

_SHA256 = re.compile(r"[0-9a-f]{64}")

PAGE = 500
"""Items read in one transaction."""

_PROMPT = aliased(VerdictRow, name="prompt_verdict")
_ARTIFACT_VERDICT = aliased(VerdictRow, name="artifact_verdict")
_REJECT = ("source", "line", "field", "value", "rule")


class Reader:
    """The reading half of `galley.catalog.facade.Catalog`."""

    engine: Engine

    def runs(self) -> list[RunSummary]:
        """All runs, oldest first."""
        with reading(self.engine) as connection:
            infos = [_run_info(row) for row in connection.execute(select(Run.__table__).order_by(Run.started, Run.run))]
            states = connection.execute(
                select(ItemRow.run, ItemRow.state, func.count()).group_by(ItemRow.run, ItemRow.state)
            ).all()
            rejected = connection.execute(select(RejectRow.run, func.count()).group_by(RejectRow.run)).all()
        counts = {info.run: dict.fromkeys((*STATES, "rejected"), 0) for info in infos}
        for run, state, number in states:
            counts[run][state] = number
        for run, number in rejected:
            counts[run]["rejected"] = number
        return [RunSummary(info, counts[info.run]) for info in infos]

    def run(self, run: str) -> RunInfo:
        """One run by its whole name; raises `NotInCatalog` where there is none."""
        with reading(self.engine) as connection:
            row = connection.execute(select(Run.__table__).where(Run.run == run)).one_or_none()
        if row is None:
            raise NotInCatalog(f"no run {run!r} in the catalog; galley runs lists them")
        return _run_info(row)

    def find_run(self, name: str) -> str:
        """The run that ``name`` means: its whole name, an unambiguous beginning of it, or ``latest``.

        The latest is the one executed last: an old date's run that is executed again becomes it.
        Raises `NotInCatalog` for none and `CatalogError` for several.
        """
        with reading(self.engine) as connection:
            if name == "latest":
                executed = func.coalesce(Run.finished, Run.started)  # ``started`` stays that of the first time
                query = select(Run.run).order_by(executed.desc(), Run.run.desc()).limit(1)
                found = list(connection.execute(query).scalars())
            else:
                query = select(Run.run).where(_starts_with(Run.run, name)).order_by(Run.run).limit(6)
                found = list(connection.execute(query).scalars())
        if name in found:
            return name
        return _only(found, "run", name, "galley runs lists them")

    def counts(self, run: str) -> list[ArmCounts]:
        """Items per brief, variant and state, by brief and variant; states nobody is in count 0."""
        query = (
            select(ItemRow.brief, ItemRow.variant, ItemRow.state, func.count())
            .where(ItemRow.run == run)
            .group_by(ItemRow.brief, ItemRow.variant, ItemRow.state)
            .order_by(ItemRow.brief, ItemRow.variant)
        )
        found: dict[tuple[str, str], dict[str, int]] = {}
        with reading(self.engine) as connection:
            for brief, variant, state, number in connection.execute(query):
                found.setdefault((brief, variant), dict.fromkeys(STATES, 0))[state] = number
        return [ArmCounts(brief, variant, states) for (brief, variant), states in found.items()]

    def truncated(self, run: str) -> int:
        """How many items of a run have a prompt whose end the text encoder did not see."""
        query = (
            select(func.count())
            .select_from(ItemRow)
            .join(GenerationRow, GenerationRow.item_id == ItemRow.item_id)
            .where(ItemRow.run == run, GenerationRow.prompt_truncated)
        )
        with reading(self.engine) as connection:
            return int(connection.execute(query).scalar_one())

    def items(self, run: str, *, brief: str = "", states: Collection[State] = ()) -> Iterator[CatalogItem]:
        """A run's items in the order of its ``items.jsonl``; of one brief or the given states only, where asked."""
        where = [ItemRow.run == run]
        if brief:
            where.append(ItemRow.brief == brief)
        if states:
            where.append(ItemRow.state.in_(states))
        yield from self._pages(where, (ItemRow.position, ItemRow.item_id))

    def items_by_custom_id(self, run: str) -> Iterator[CatalogItem]:
        """A run's items with those of one ``custom_id`` and variant next to each other."""
        order = (ItemRow.custom_id, ItemRow.variant, ItemRow.position, ItemRow.item_id)
        yield from self._pages([ItemRow.run == run], order)

    def held_items(self, run: str | None = None) -> Iterator[CatalogItem]:
        """Items that wait for a person, of one run (named as for `find_run`) or of all, by run and place in it."""
        where = [ItemRow.state == "held"]
        if run is not None:
            where.append(ItemRow.run == self.find_run(run))
        yield from self._pages(where, (ItemRow.run, ItemRow.position, ItemRow.item_id))

    def item(self, run: str, item_id: str) -> CatalogItem:
        """One item of a run, both by their whole names; raises `NotInCatalog` where there is none."""
        for item in self._pages([ItemRow.item_id == item_id, ItemRow.run == run], (ItemRow.item_id,)):
            return item
        raise NotInCatalog(f"run {run!r} has no item {item_id!r}; galley items --run RUN lists them")

    def find_item(self, prefix: str, run: str | None = None) -> CatalogItem:
        """The item whose id begins with ``prefix``, in one run (named as for `find_run`) or in all.

        Raises `NotInCatalog` for none and `CatalogError` for several.
        """
        where = [_starts_with(ItemRow.item_id, prefix.lower())]
        if run is not None:
            where.append(ItemRow.run == self.find_run(run))
        with reading(self.engine) as connection:
            query = select(ItemRow.item_id).where(*where).order_by(ItemRow.item_id).limit(6)
            found = list(connection.execute(query).scalars())
        item_id = _only(found, "item", prefix, "galley items --run RUN lists them")
        (item,) = self._pages([ItemRow.item_id == item_id], (ItemRow.item_id,))
        return item

    def rejects(self, run: str) -> Iterator[Reject]:
        """The rows of a run that became no item, in the order of its ``rejects.jsonl``."""
        table = RejectRow.__table__
        yield from self._rejects(select(table).where(RejectRow.run == run), table.c.position)

    def import_rejects(self, name: str) -> Iterator[Reject]:
        """The rows of an imported file that were not taken; ``name`` as given at the import, the newest of that name.

        Raises `CatalogError` where no such file was imported.
        """
        with reading(self.engine) as connection:
            query = select(ImportRow.import_id).where(ImportRow.source == name).order_by(ImportRow.at.desc()).limit(1)
            found = connection.execute(query).scalar_one_or_none()
        if found is None:
            raise CatalogError(f"no file {name!r} was imported; give the path as it was given to the import")
        table = ImportRejectRow.__table__
        yield from self._rejects(select(table).where(ImportRejectRow.import_id == found), table.c.position)

    def reviews(self, item_id: str) -> list[Review]:
        """All decisions on an item, oldest first."""
        query = select(ReviewRow.__table__).where(ReviewRow.item_id == item_id).order_by(ReviewRow.release)
        with reading(self.engine) as connection:
            return [Review(**row._mapping) for row in connection.execute(query)]

    def latest_release(self, run: str) -> tuple[int, str] | None:
        """Number and URI of the highest release recorded for a run; the store may know a higher one."""
        query = select(ReleaseRow.number, ReleaseRow.uri).where(ReleaseRow.run == run)
        with reading(self.engine) as connection:
            row = connection.execute(query.order_by(ReleaseRow.number.desc()).limit(1)).one_or_none()
        return None if row is None else (row.number, row.uri)

    def known_results(self, keys: Iterable[str], numerics: str | Collection[str]) -> Iterator[Result]:
        """Results (status ok) of requests made before under these numerics (digests), in no order.

        Each carries its artifact, whose existence and sha256 the caller checks before relying on it. Of several
        numerics the one named first wins. Keys are read in chunks: a million need constant memory.
        """
        wanted = [numerics] if isinstance(numerics, str) else list(numerics)
        parsed: dict[str, Numerics] = {}
        for chunk in chunks(keys):
            table = ArtifactRow.__table__
            query = select(table).where(ArtifactRow.request_key.in_(chunk), ArtifactRow.numerics_digest.in_(wanted))
            with reading(self.engine) as connection:
                rows = connection.execute(query).all()
                missing = {row.numerics_digest for row in rows} - parsed.keys()
                bodies = select(NumericsRow.digest, NumericsRow.body).where(NumericsRow.digest.in_(missing))
                for under, body in connection.execute(bodies):
                    parsed[under] = Numerics.model_validate(body)
            best: dict[str, Any] = {}
            for row in sorted(rows, key=lambda row: wanted.index(row.numerics_digest)):
                best.setdefault(row.request_key, row)
            for row in best.values():
                yield _result(row, parsed[row.numerics_digest])

    def known_artifacts(self, keys: Iterable[str], numerics: str | Collection[str]) -> dict[str, Artifact]:
        """Request key to artifact, as `known_results`; holds what it finds in memory."""
        results = self.known_results(keys, numerics)
        return {result.request_key: result.artifact for result in results if result.artifact is not None}

    def known_sha256(self, uri: str) -> str | None:
        """The sha256 that the bytes under ``uri`` must have, or None where the catalog cannot tell.

        Published and quarantined objects are named by their item, followed by a digest where the published zone held
        other bytes under its name already; artifacts by their sha256 (design: object layout). Of sidecars and of what
        only earlier releases list the catalog keeps no sha256.
        """
        name = uri.rpartition("/")[2].partition(".")[0]
        if "/artifacts/" in uri and _SHA256.fullmatch(name):
            return name
        query = select(ItemRow.uri, ItemRow.state, ItemRow.sha256, ItemRow.source_sha256)
        with reading(self.engine) as connection:
            row = connection.execute(query.where(ItemRow.item_id == name.partition("-")[0])).one_or_none()
        if row is None or row.uri != uri:
            return None
        # What is quarantined are the bytes that were screened.
        sha256: str | None = row.source_sha256 if row.state in ("held", "blocked") else row.sha256
        return sha256

    def _pages(self, where: list[ColumnElement[bool]], order: tuple[Any, ...]) -> Iterator[CatalogItem]:
        parsed: dict[str, Numerics] = {}
        query = _item_query().where(*where).order_by(*order).limit(PAGE)
        after: tuple[Any, ...] | None = None
        while True:
            page = query if after is None else query.where(tuple_(*order) > tuple_(*after))
            with reading(self.engine) as connection:
                rows = connection.execute(page).all()
            for row in rows:
                yield _catalog_item(row, parsed)
            if len(rows) < PAGE:
                return
            after = tuple(rows[-1]._mapping[f"items_{column.key}"] for column in order)

    def _rejects(self, query: Select[Any], position: Any) -> Iterator[Reject]:
        after = -1
        while True:
            with reading(self.engine) as connection:
                rows = connection.execute(query.where(position > after).order_by(position).limit(PAGE)).all()
            for row in rows:
                fields = {name: row._mapping[name] for name in _REJECT}
                yield Reject(**fields, custom_id=row._mapping.get("custom_id") or "")
            if len(rows) < PAGE:
                return
            after = rows[-1].position


def _starts_with(column: Any, prefix: str) -> ColumnElement[bool]:
    # Not LIKE: SQLite's ignores case and PostgreSQL's needs an index of its own.
    return func.substr(column, 1, len(prefix)) == prefix


def _only(found: list[str], what: str, name: str, remedy: str) -> str:
    if len(found) == 1 and name:
        return found[0]
    if not found:
        raise NotInCatalog(f"no {what} {name!r} in the catalog; {remedy}")
    more = ", …" if len(found) > 5 else ""
    raise CatalogError(f"{what} {name!r} is ambiguous: {', '.join(found[:5])}{more}; give more of it")


def _run_info(row: Any) -> RunInfo:
    return RunInfo(**row._mapping)


def _labelled(entity: Any, prefix: str) -> list[Any]:
    return [getattr(entity, name).label(f"{prefix}_{name}") for name in entity.__mapper__.columns.keys()]  # noqa: SIM118


def _item_query() -> Select[Any]:
    return (
        select(
            *_labelled(ItemRow, "items"),
            *_labelled(ArtifactRow, "artifact"),
            *_labelled(GenerationRow, "generation"),
            *_labelled(_PROMPT, "prompt"),
            *_labelled(_ARTIFACT_VERDICT, "verdict"),
            NumericsRow.body.label("numerics_body"),
        )
        .select_from(ItemRow)
        .outerjoin(
            ArtifactRow,
            (ArtifactRow.request_key == ItemRow.request_key) & (ArtifactRow.numerics_digest == ItemRow.numerics_digest),
        )
        .outerjoin(NumericsRow, NumericsRow.digest == ItemRow.numerics_digest)
        .outerjoin(GenerationRow, GenerationRow.item_id == ItemRow.item_id)
        .outerjoin(_PROMPT, _PROMPT.verdict_id == ItemRow.prompt_verdict_id)
        .outerjoin(_ARTIFACT_VERDICT, _ARTIFACT_VERDICT.verdict_id == ItemRow.artifact_verdict_id)
    )


def _part(row: Any, prefix: str, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: row._mapping[f"{prefix}_{name}"] for name in names}


_RESULT = ("seconds", "batch_size", "evaluations", "prompt_tokens", "prompt_truncated", "finish_reason", "attempt")
_GENERATION = ("status", *_RESULT, "reused", "failure_kind", "failure_message")
_VERDICT = (
    "subject_sha256",
    "subject_kind",
    "policy",
    "policy_digest",
    "checkers_digest",
    "decision",
    "complete",
    "scores",
    "reasons",
)


def _verdict(row: Any, prefix: str) -> Verdict | None:
    if row._mapping[f"{prefix}_verdict_id"] is None:
        return None
    return Verdict.model_validate(_part(row, prefix, _VERDICT))


def _catalog_item(row: Any, parsed: dict[str, Numerics]) -> CatalogItem:
    artifact = None
    if row.artifact_uri is not None:
        numerics = parsed.get(row.items_numerics_digest)
        if numerics is None:
            numerics = parsed[row.items_numerics_digest] = Numerics.model_validate(row.numerics_body)
        artifact = Artifact(numerics=numerics, **_part(row, "artifact", ("uri", "sha256", "size", "media_type")))
    generation = Generation(**_part(row, "generation", _GENERATION)) if row.generation_item_id is not None else None
    return CatalogItem(
        item=Item.model_validate(row.items_item),
        request_key=row.items_request_key,
        position=row.items_position,
        state=row.items_state,
        artifact=artifact,
        source_sha256=row.items_source_sha256,
        sha256=row.items_sha256,
        uri=row.items_uri or (artifact.uri if artifact else None),
        sidecar_uri=row.items_sidecar_uri,
        media_type=row.items_media_type or (artifact.media_type if artifact else None),
        generation=generation,
        prompt_verdict=_verdict(row, "prompt"),
        artifact_verdict=_verdict(row, "verdict"),
        approved_by=row.items_approved_by,
        reasons=tuple(row.items_reasons),
    )


def _result(row: Any, numerics: Numerics) -> Result:
    return Result(
        request_key=row.request_key,
        status="ok",
        artifact=Artifact(uri=row.uri, sha256=row.sha256, size=row.size, media_type=row.media_type, numerics=numerics),
        **{name: row._mapping[name] for name in _RESULT},
    )
