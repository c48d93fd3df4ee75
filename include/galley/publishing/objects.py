"""Placing objects: published ones with their sidecars, and quarantined ones with the record a reviewer's tools need.

Nothing in the published zone is ever overwritten: an earlier release may name it. Where a key holds other bytes,
the pair goes under a name with a digest of its own.
"""

from __future__ import annotations

import hashlib

from pydantic import ValidationError

from galley.errors import ObjectExists
from galley.items import MEDIA_TYPES, Frozen, Item, Published, canonical_json, digest
from galley.publishing.disposition import Disposition
from galley.publishing.marks import mark, sidecar
from galley.storage.base import ObjectStore


class Quarantined(Frozen):
    """What lies beside a quarantined object, as ``<run>/<item id>.json``."""

    item: Item
    disposition: Disposition


def quarantine_key(item: Item) -> str:
    """Key of an item's held or blocked artifact."""
    return f"{item.run}/{item.item_id}.{MEDIA_TYPES[item.request.kind][1]}"


def record_key(run: str, item_id: str) -> str:
    """Key of the record beside it."""
    return f"{run}/{item_id}.json"


def place(
    store: ObjectStore, item: Item, source: bytes, disposition: Disposition, *, approved_by: str = ""
) -> Published:
    """Mark an artifact and put it and its sidecar into the published zone; no release names it yet.

    The same arguments give the same objects, so that doing it again changes nothing. Raises `CheckError` for a source
    that cannot be marked, and the store's errors.
    """
    data = mark(source, item.request, embed_prompt=item.embed_prompt)
    sha256 = hashlib.sha256(data).hexdigest()
    verdict = {
        "decision": disposition.decision,
        "policy": disposition.policy,
        "policy_digest": disposition.policy_digest,
        "scores": dict(sorted(disposition.scores.items())),
    }
    media_type, extension = MEDIA_TYPES[item.request.kind]
    stem = f"{item.content_date.isoformat()}/{item.brief}/{item.item_id}"
    for name in (stem, f"{stem}-{digest([sha256, verdict, approved_by])[:16]}"):
        entry = Published(
            item_id=item.item_id,
            custom_id=item.custom_id,
            brief=item.brief,
            variant=item.variant,
            request_key=item.request.key,
            uri=f"{store.url}/{name}.{extension}",
            sidecar_uri=f"{store.url}/{name}.json",
            sha256=sha256,
            source_sha256=hashlib.sha256(source).hexdigest(),
            media_type=media_type,
            approved_by=approved_by,
        )
        try:
            store.put_if_absent(f"{name}.{extension}", data)
            store.put_if_absent(f"{name}.json", sidecar(item, entry, verdict))
            return entry
        except ObjectExists:
            if name != stem:
                raise
    raise AssertionError("unreachable: the second name either holds or raises")


def quarantine(store: ObjectStore, item: Item, source: bytes | None, disposition: Disposition) -> str:
    """Put a held or blocked artifact and its record into the quarantine zone; the object's URI, "" without bytes."""
    key = quarantine_key(item)
    uri = "" if source is None else f"{store.url}/{key}"
    if source is not None:
        store.put(key, source)
    record = Quarantined(item=item, disposition=disposition.model_copy(update={"uri": uri}))
    _write(store, record)
    return uri


def forget(store: ObjectStore, key: str) -> None:
    """Let the record ``key`` say that its run no longer has the item, so that nobody approves it."""
    try:
        record = Quarantined.model_validate_json(store.get(key))
    except ValidationError:
        return  # nobody can approve what such a record is about
    if record.disposition.decision == "hold":
        disposition = record.disposition.blocked("its run no longer has this item")
        _write(store, record.model_copy(update={"disposition": disposition}))


def _write(store: ObjectStore, record: Quarantined) -> None:
    key = record_key(record.item.run, record.item.item_id)
    store.put(key, canonical_json(record.model_dump(mode="json")) + b"\n")
