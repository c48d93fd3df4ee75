"""What people decide: approve or reject what is held, withdraw what is published. Each decision is the next release.

A decision is made against the history as it is when its release is written; where two people decide at once, the second
finds the first one's release and is refused or, having decided the same, has nothing left to do. Withdrawn and
rejected are final for an item. An approval is for the bytes the reviewer saw: their sha256 is in the release.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NoReturn

from pydantic import ValidationError

from galley.errors import InputError, IntegrityError, ObjectNotFound
from galley.items import Published, Release, State, Withdrawn
from galley.publishing.objects import Quarantined, place, quarantine_key, record_key
from galley.publishing.releases import Body, Review, history, publish, release_key, reviews
from galley.storage.base import ObjectStore
from galley.storage.zones import Zones

Action = Literal["approve", "reject", "withdraw"]


@dataclass(frozen=True)
class Decided:
    """A decision that is in the releases.

    Attributes:
        state: of the item from now on.
        release: that carries the decision out: written now, or earlier by the same decision.
        latest: the release that counts now.
        latest_uri: its URI.
        entry: the published object, after an approval.
    """

    action: Action
    item_id: str
    state: State
    release: int
    latest: Release
    latest_uri: str
    entry: Published | None = None


def approve(zones: Zones, run: str, item_id: str, *, by: str, note: str = "", at: datetime | None = None) -> Decided:
    """Publish a held item: its quarantined bytes are verified, marked and put in place, then listed.

    Args:
        zones: quarantine (read) and published.
        run: the item's run.
        item_id: whole id.
        by: who approves.
        note: why.
        at: when; now where left out.

    Raises:
        InputError: the item is not held, or was rejected or withdrawn.
        IntegrityError: the quarantined bytes are not those that were screened.
        CheckError: they cannot be marked.
    """
    _person(by, "approve")
    _allowed(history(zones.published, run), item_id, "approve")
    found = _record(zones.quarantine, run, item_id)
    item, disposition = found.item, found.disposition
    if disposition.decision != "hold" or not disposition.source_sha256:
        _refuse(item_id, f"is {disposition.state}: {_first(found)}", "only what is held can be approved")
    source = zones.quarantine.get(quarantine_key(item), sha256=disposition.source_sha256)
    entry = place(zones.published, item, source, disposition, approved_by=by)

    def change(releases: Sequence[Release]) -> Body | None:
        earlier = _allowed(releases, item_id, "approve")
        listed = {published.item_id: published for published in releases[-1].published} if releases else {}
        if earlier and earlier.source_sha256 == entry.source_sha256 and item_id in listed:
            return None
        cause = {**_cause("approve", item_id, by, note, at), "source_sha256": entry.source_sha256}
        withdrawn = releases[-1].withdrawn if releases else ()
        return Body(cause, {**listed, item_id: entry}.values(), withdrawn)

    return _decided(
        zones, run, item_id, "approve", "published", publish(zones.published, run, item.content_date, change)
    )


def reject(zones: Zones, run: str, item_id: str, *, by: str, note: str = "", at: datetime | None = None) -> Decided:
    """Block a held item for good; arguments and errors as for `approve`."""
    _person(by, "reject")
    _allowed(history(zones.published, run), item_id, "reject")
    found = _record(zones.quarantine, run, item_id)
    if found.disposition.decision != "hold":
        _refuse(item_id, f"is {found.disposition.state}: {_first(found)}", "only what is held can be rejected")

    def change(releases: Sequence[Release]) -> Body | None:
        if _allowed(releases, item_id, "reject"):
            return None
        cause = {
            **_cause("reject", item_id, by, note, at),
            "source_sha256": found.disposition.source_sha256,
        }
        last = releases[-1] if releases else None
        return Body(cause, last.published if last else (), last.withdrawn if last else ())

    final = publish(zones.published, run, found.item.content_date, change)
    return _decided(zones, run, item_id, "reject", "blocked", final)


def withdraw(zones: Zones, run: str, item_id: str, *, by: str, reason: str, at: datetime | None = None) -> Decided:
    """Take a published item back: the next release no longer lists it, and says who withdrew it and why.

    Raises:
        InputError: the item is not published, or ``by`` or ``reason`` is empty.
    """
    _person(by, "withdraw")
    if not reason.strip():
        raise InputError("withdraw", "reason", "", "must say why; it stands in the release for good")
    known = history(zones.published, run)
    if not known:
        _refuse(item_id, f"of run {run} is not published", "no release lists it")

    def change(releases: Sequence[Release]) -> Body | None:
        if _allowed(releases, item_id, "withdraw"):
            return None
        last = releases[-1]
        gone = next((entry for entry in last.published if entry.item_id == item_id), None)
        if gone is None:
            _refuse(item_id, f"is not in release {last.number}", "only what is published can be withdrawn")
        cause = {**_cause("withdraw", item_id, by, reason, at), "source_sha256": gone.source_sha256}
        kept = [entry for entry in last.published if entry.item_id != item_id]
        return Body(cause, kept, (*last.withdrawn, Withdrawn(item_id=item_id, by=by, reason=reason)))

    final = publish(zones.published, run, known[-1].content_date, change)
    return _decided(zones, run, item_id, "withdraw", "withdrawn", final)


def quarantined(store: ObjectStore, run: str, item_id: str) -> Quarantined | None:
    """The record of a held or blocked item, or None where there is none.

    Raises `IntegrityError` where it is there and cannot be read.
    """
    try:
        return Quarantined.model_validate_json(store.get(record_key(run, item_id)))
    except ObjectNotFound:
        return None
    except ValidationError as error:
        raise IntegrityError(f"{store.url}/{record_key(run, item_id)} is no quarantine record: {error}") from error


def _record(store: ObjectStore, run: str, item_id: str) -> Quarantined:
    found = quarantined(store, run, item_id)
    if found is None:
        raise InputError(
            "review", "item", item_id, f"of run {run} is not in quarantine; `galley review` lists what is held"
        )
    return found


def _allowed(releases: Sequence[Release], item_id: str, action: Action) -> Review | None:
    """The same decision where it was made before; raises `InputError` where another one stands against it."""
    review = reviews(releases).get(item_id)
    listed = bool(releases) and any(entry.item_id == item_id for entry in releases[-1].published)
    if review is not None and review.kind == action:
        return review
    if review is not None and review.kind in ("reject", "withdraw"):
        verb = "rejected" if review.kind == "reject" else "withdrawn"
        _refuse(item_id, f"was {verb} by {review.by} in release {review.release}", "that is final; make a new item")
    if listed and action != "withdraw":
        _refuse(item_id, f"is published already, in release {releases[-1].number}", "it can only be withdrawn")
    return None


def _decided(
    zones: Zones, run: str, item_id: str, action: Action, state: State, releases: Sequence[Release]
) -> Decided:
    last = releases[-1]
    entry = next((entry for entry in last.published if entry.item_id == item_id), None)
    uri = f"{zones.published.url}/{release_key(run, last.number)}"
    return Decided(action, item_id, state, reviews(releases)[item_id].release, last, uri, entry)


def _cause(action: Action, item_id: str, by: str, note: str, at: datetime | None) -> dict[str, str]:
    moment = (at or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")
    return {"kind": action, "item_id": item_id, "by": by, "note": note, "at": moment}


def _person(by: str, action: str) -> None:
    if not by.strip():
        raise InputError(action, "by", by, "must say who decides; it stands in the release for good")


def _first(found: Quarantined) -> str:
    reasons = [reason.detail for reason in found.disposition.reasons if reason.decision == "block"]
    return reasons[0] if reasons else "no reason given"


def _refuse(item_id: str, what: str, rule: str) -> NoReturn:
    raise InputError("review", "item", item_id, f"{what}; {rule}")
