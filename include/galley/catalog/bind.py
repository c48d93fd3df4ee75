"""Binding what was made and released to the items that wanted it, within a transaction of the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from galley.catalog.columns import NO_GENERATION, failure_row
from galley.catalog.models import ArtifactRow, GenerationRow, ItemRow, NumericsRow
from galley.catalog.rows import Disposed
from galley.catalog.upsert import storable, upsert
from galley.items import Numerics, Release, Result


def bind_artifacts(connection: Connection, results: Sequence[Result], seen: set[str]) -> None:
    """Record the artifacts of ok results; ``seen`` collects digests of numerics that are recorded already."""
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
            "prompt_tokens": result.prompt_tokens,
            "prompt_truncated": result.prompt_truncated,
            "finish_reason": result.finish_reason,
            "attempt": result.attempt,
        }
    upsert(connection, NumericsRow, [{"digest": key, "body": n.model_dump(mode="json")} for key, n in numerics.items()])
    seen.update(numerics)
    upsert(connection, ArtifactRow, list(rows.values()), keep=())


def bind_generations(connection: Connection, run: str, results: Sequence[Result]) -> None:
    """Record a generation for every item of the run that one of the results answers, and bind it to its artifact.

    The first item of a request, by place in the run, pays for it unless an earlier run did; the others reuse it.
    """
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
                "prompt_tokens": result.prompt_tokens,
                "reused": earlier or key in paid,
                "prompt_truncated": result.prompt_truncated,
                "finish_reason": result.finish_reason,
                "attempt": result.attempt,
                **failure_row(failure),
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
    update_many(
        connection,
        update(ItemRow)
        .where(ItemRow.item_id == bindparam("b_id"))
        .values(numerics_digest=bindparam("b_numerics"), source_sha256=bindparam("b_source")),
        bound,
    )


def bind_dispositions(connection: Connection, run: str, dispositions: Sequence[Disposed]) -> None:
    """Record the publisher's word on items of the run, and the URIs of what it quarantined."""
    mine = update(ItemRow).where(ItemRow.item_id == bindparam("b_id"), ItemRow.run == run)
    update_many(
        connection,
        mine.values(disposition=bindparam("b_state"), reasons=bindparam("b_reasons")),
        [
            {
                "b_id": each.item_id,
                "b_state": each.state,
                "b_reasons": [reason.model_dump(mode="json") for reason in each.reasons if reason.subject == "item"],
            }
            for each in dispositions
        ],
    )
    quarantined = [each for each in dispositions if each.uri and each.state in ("held", "blocked")]
    update_many(
        connection,
        mine.values(uri=bindparam("b_uri")),
        [{"b_id": each.item_id, "b_uri": each.uri} for each in quarantined],
    )
    failures = [
        {**NO_GENERATION, "item_id": each.item_id, **failure_row(each.failure)} for each in dispositions if each.failure
    ]
    # What is there stays: a result speaks for itself.
    upsert(connection, GenerationRow, failures)


def apply_release(connection: Connection, release: Release) -> None:
    """Give the run's items the states and published objects that a release lists; touches only what differs."""
    published = {item.item_id: item for item in release.published}
    withdrawn = {item.item_id for item in release.withdrawn}
    listed = select(
        ItemRow.item_id, ItemRow.state, ItemRow.sha256, ItemRow.uri, ItemRow.approved_by, ItemRow.disposition
    ).where(ItemRow.run == release.run, ItemRow.state.in_(("published", "withdrawn")))
    dropped: list[dict[str, Any]] = []
    right: set[str] = set()
    for item_id, state, sha256, uri, approved_by, disposition in connection.execute(listed):
        item = published.get(item_id)
        if item_id in withdrawn:
            if state == "withdrawn":
                right.add(item_id)
        elif item is None:
            # Where the publisher holds it now, the URI is that of the quarantined copy.
            dropped.append({"b_id": item_id, "b_uri": uri if disposition in ("held", "blocked") else None})
        elif (state, sha256, uri, approved_by) == ("published", item.sha256, item.uri, item.approved_by):
            right.add(item_id)
    update_many(
        connection,
        update(ItemRow)
        .where(ItemRow.item_id == bindparam("b_id"))
        .values(
            state="pending", sha256=None, uri=bindparam("b_uri"), sidecar_uri=None, media_type=None, approved_by=""
        ),
        dropped,
    )
    update_many(
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
    update_many(
        connection,
        update(ItemRow)
        .where(ItemRow.item_id == bindparam("b_id"), ItemRow.run == release.run)
        .values(state="withdrawn"),
        [{"b_id": item_id} for item_id in withdrawn if item_id not in right],
    )


def update_many(connection: Connection, statement: Any, parameters: Sequence[Mapping[str, Any]]) -> None:
    """Run one update for each of the parameters; none where there are none (SQLAlchemy would run it once)."""
    if parameters:
        connection.execute(statement, [dict(row) for row in parameters])
