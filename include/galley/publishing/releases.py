"""The release log ``releases/<run>/00001.json``, 00002 …: append-only, gapless, each with the sha256 of the one before.

The highest number is the truth about what is published. A change is a function from the history to the next release;
it is committed by put-if-absent of the next number, and where another publisher was faster, computed again from what is
there now. So no release is lost and none is skipped, and a reader, who follows one release at a time, sees all of a
change or nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pydantic import ValidationError

from galley.errors import IntegrityError, ObjectExists, ObjectNotFound, StoreUnavailable
from galley.items import Published, Release, Withdrawn, canonical_json
from galley.storage.base import ObjectStore

MAX_RACES = 200
"""Times a publisher starts over because another was faster, before it gives up for now."""


@dataclass(frozen=True)
class Body:
    """What a change wants the next release to say."""

    cause: Mapping[str, str]
    published: Iterable[Published]
    withdrawn: Iterable[Withdrawn] = ()


@dataclass(frozen=True)
class Review:
    """A person's last decision on an item, as the releases tell it.

    Attributes:
        kind: ``approve``, ``reject`` or ``withdraw``.
        by: who.
        note: why.
        source_sha256: the bytes it was about; an approval of other bytes is none.
        release: number of the release that carries it out.
    """

    kind: str
    by: str
    note: str
    source_sha256: str
    release: int


Change = Callable[[Sequence[Release]], Body | None]
"""From the history, oldest first, to the next release's content; None where nothing has to change."""


def release_key(run: str, number: int) -> str:
    """Key of a release in the published zone."""
    return f"releases/{run}/{number:05d}.json"


def encode(release: Release) -> bytes:
    """The bytes of a release."""
    return canonical_json(release.model_dump(mode="json")) + b"\n"


def history(store: ObjectStore, run: str, known: Sequence[Release] = ()) -> list[Release]:
    """All releases of a run, oldest first, the chain verified.

    Args:
        store: the published zone.
        run: run name.
        known: the beginning, as an earlier call returned it; it is not read again.

    Raises:
        IntegrityError: a release is not what it should be, or does not continue the one before.
    """
    releases = list(known)
    previous = hashlib.sha256(encode(releases[-1])).hexdigest() if releases else ""
    # Asking for the next number, not listing: a listing may lag behind, and there are no gaps.
    while True:
        number = len(releases) + 1
        key = release_key(run, number)
        try:
            data = store.get(key)
        except ObjectNotFound:
            return releases
        try:
            release = Release.model_validate_json(data)
        except ValidationError as error:
            raise IntegrityError(f"{store.url}/{key} is no release: {error}") from error
        if (release.run, release.number, release.previous_sha256) != (run, number, previous):
            raise IntegrityError(
                f"{store.url}/{key} says run {release.run}, number {release.number}, previous "
                f"{release.previous_sha256[:12]!r}; expected {run}, {number}, {previous[:12]!r}: the chain is broken"
            )
        releases.append(release)
        previous = hashlib.sha256(data).hexdigest()


def latest(store: ObjectStore, run: str) -> Release | None:
    """The release that counts, or None where nothing was ever published; raises as `history` does."""
    releases = history(store, run)
    return releases[-1] if releases else None


def publish(store: ObjectStore, run: str, content_date: date, change: Change) -> Sequence[Release]:
    """Commit a change as the next release, whatever others publish meanwhile.

    Args:
        store: the published zone; all objects that the change names are in it already.
        run: run name.
        content_date: of the run.
        change: called with the history as it is now; called again where another publisher was faster.

    Returns:
        The history on which the change holds: its last release is ours, or the one that made it unnecessary.

    Raises:
        IntegrityError: the chain is broken.
        StoreUnavailable, WriteUnknown: the store's; the same call again finds out what happened and finishes it.
    """
    releases: list[Release] = []
    for _ in range(MAX_RACES):
        releases = history(store, run, releases)
        body = change(releases)
        if body is None:
            return releases
        previous = releases[-1] if releases else None
        release = Release(
            run=run,
            number=len(releases) + 1,
            previous_sha256=hashlib.sha256(encode(previous)).hexdigest() if previous else "",
            content_date=content_date,
            cause=dict(body.cause),
            published=tuple(sorted(body.published, key=lambda entry: entry.item_id)),
            withdrawn=tuple(sorted(body.withdrawn, key=lambda entry: entry.item_id)),
        )
        try:
            store.put_if_absent(release_key(run, release.number), encode(release))
        except ObjectExists:
            continue
        return [*releases, release]
    raise StoreUnavailable(f"run {run}: {MAX_RACES} other releases came first; try again")


def reviews(releases: Iterable[Release]) -> dict[str, Review]:
    """Item id to the last decision that a person made on it."""
    found: dict[str, Review] = {}
    for release in releases:
        cause = release.cause
        if cause.get("kind") in ("approve", "reject", "withdraw"):
            found[cause["item_id"]] = Review(
                kind=cause["kind"],
                by=cause.get("by", ""),
                note=cause.get("note", ""),
                source_sha256=cause.get("source_sha256", ""),
                release=release.number,
            )
    return found
