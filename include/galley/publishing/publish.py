"""The worker's command ``publish``: items, results and verdicts to published objects, quarantine and the next release.

Inputs of the job, by role:

    items       URI of the run's items.jsonl
    policies    URI of the run's `PolicySet`
    results…    any number of roles that begin so, as for ``screen``
    …verdicts…  any number of roles with that word in them: the key prefix of a screening job's verdicts, of prompts or
                artifacts

Objects and sidecars come first, the release last; readers trust nothing that no release names. Then follow
``<prefix>/outcome.jsonl`` with one `Disposition` per item and ``<prefix>/stats.json``. A verdict counts where it is
about these very bytes under the policy as it is in this job. What people decided in earlier releases stays decided.
Running the job again writes a new release only where something has changed: an item that the run has no longer, because
its brief was edited, is not in it. Where there may be no items,
``settings["content_date"]`` dates the empty release.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from galley.compliance.inputs import (
    Heartbeat,
    job_items,
    job_policies,
    job_results,
    key_of,
    prompt_sha256,
    read_artifact,
)
from galley.errors import CheckError, JobSpecError
from galley.items import Item, Job, Published, Release, Result, Verdict, canonical_json
from galley.ledger import key_below, read_verdicts
from galley.publishing.disposition import Disposition, dispose, index, reviewed
from galley.publishing.objects import forget, place, quarantine, record_key
from galley.publishing.releases import Body, Review, history, publish, release_key, reviews
from galley.storage.base import ObjectStore
from galley.storage.zones import Zones


@dataclass(frozen=True)
class PublishStats:
    """What a publish job did.

    Attributes:
        release_uri: of the release that counts now.
        release_number: its number.
        counts: state to number of items.
    """

    release_uri: str
    release_number: int
    counts: Mapping[str, int]


@dataclass(frozen=True)
class _Settled:
    """An item, what compliance says of it, and the published object where it may be published."""

    disposition: Disposition
    entry: Published | None
    quarantined: bool = False


def publish_run(job: Job, zones: Zones, *, heartbeat: Heartbeat = lambda done, total: None) -> PublishStats:
    """Publish a run.

    Args:
        job: its specification.
        zones: work (read, and written below the job's prefix), quarantine and published.
        heartbeat: called after every item with items done and in all; raises `JobInterrupted` to stop.

    Raises:
        JobSpecError: an input is missing or cannot be read as what it should be.
        IntegrityError: the run's release chain is broken.
        StoreUnavailable, WriteUnknown: run the job again.
    """
    items = list(job_items(job, zones.work))
    content_date = _content_date(job, items)
    if others := ", ".join(sorted({item.run for item in items} - {job.run})):
        raise JobSpecError(f'job "{job.job}" is of run {job.run}, inputs.items has items of {others}')
    policies = job_policies(job, zones.work).digests()
    results = {result.request_key: result for result in job_results(job, zones.work)}
    verdicts = index(_verdicts(job, zones.work))
    earlier = history(zones.published, job.run)
    listed, decided = _listed(earlier), reviews(earlier)
    # An earlier execution's records: where nothing is held any more, a person must not find one that says otherwise.
    records = {info.key for info in zones.quarantine.list(f"{job.run}/") if info.key.endswith(".json")}
    settled: list[_Settled] = []
    for item in items:
        if item.policy not in policies:
            raise JobSpecError(
                f'job "{job.job}": item {item.item_id} has policy {item.policy}, inputs.policies lacks it'
            )
        result = results.get(item.request.key)
        disposition = dispose(item, prompt_sha256(item.request), policies[item.policy], result, verdicts)
        entry, review = listed.get(item.item_id), decided.get(item.item_id)
        placed = _place(zones, item, result, disposition, entry, review)
        if not placed.quarantined and record_key(job.run, item.item_id) in records:
            quarantine(zones.quarantine, item, None, reviewed(placed.disposition, review))
        settled.append(placed)
        heartbeat(len(settled), len(items))
    for key in sorted(records - {record_key(job.run, item.item_id) for item in items}):
        forget(zones.quarantine, key)

    def change(releases: Sequence[Release]) -> Body | None:
        last = releases[-1] if releases else None
        decided = reviews(releases)
        # Of the items that the run has now alone: what its briefs ask for no longer is no longer published.
        found = (_entry(each, decided.get(each.disposition.item_id), releases) for each in settled)
        entries = tuple(sorted((entry for entry in found if entry is not None), key=lambda entry: entry.item_id))
        if last is not None and entries == last.published:
            return None
        return Body({"kind": "publish", "job": job.job}, entries, last.withdrawn if last else ())

    final = publish(zones.published, job.run, content_date, change)
    listed, decided = _listed(final), reviews(final)
    lines = []
    for each in settled:
        item_id = each.disposition.item_id
        lines.append(_final(each, decided.get(item_id), listed.get(item_id)))
    prefix = key_of(zones.work, job.prefix)
    zones.work.put(f"{prefix}/outcome.jsonl", _encoded(lines))
    counts: dict[str, int] = {}
    for line in lines:
        counts[line.state] = counts.get(line.state, 0) + 1
    stats = PublishStats(f"{zones.published.url}/{release_key(job.run, final[-1].number)}", final[-1].number, counts)
    zones.work.put(f"{prefix}/stats.json", json.dumps(vars(stats), sort_keys=True).encode())
    return stats


def _content_date(job: Job, items: Sequence[Item]) -> date:
    if items:
        return items[0].content_date
    try:
        return date.fromisoformat(job.settings["content_date"])
    except (KeyError, TypeError, ValueError) as error:
        raise JobSpecError(f'job "{job.job}": has no items, so settings.content_date must be a date') from error


def _listed(releases: Sequence[Release]) -> dict[str, Published]:
    return {entry.item_id: entry for entry in releases[-1].published} if releases else {}


def _place(
    zones: Zones,
    item: Item,
    result: Result | None,
    disposition: Disposition,
    entry: Published | None,
    review: Review | None,
) -> _Settled:
    """Put the item's bytes where its disposition says; unreadable bytes hold it."""
    if result is None or result.artifact is None:
        return _Settled(disposition, None)
    allowed = disposition.decision == "allow" and reviewed(disposition, review).state == "published"
    if allowed and entry is not None and _there(zones.published, entry, disposition):
        return _Settled(disposition, entry)
    source: bytes | None = None
    try:
        source = read_artifact(zones.work, result.artifact)
        if allowed:
            return _Settled(disposition, place(zones.published, item, source, disposition))
    except CheckError as error:
        disposition = disposition.held(str(error))
    uri = quarantine(zones.quarantine, item, source, reviewed(disposition, review))
    return _Settled(disposition.model_copy(update={"uri": uri}), None, quarantined=True)


def _there(store: ObjectStore, entry: Published, disposition: Disposition) -> bool:
    """Whether what the last release lists is of these very bytes and still there."""
    return entry.source_sha256 == disposition.source_sha256 and all(
        store.head(key_below(store, uri)) is not None for uri in (entry.uri, entry.sidecar_uri)
    )


def _entry(each: _Settled, review: Review | None, releases: Sequence[Release]) -> Published | None:
    """What the release lists for an item, after a person's last decision; None where it is not published."""
    if reviewed(each.disposition, review).state != "published":
        return None
    if each.disposition.decision == "allow":
        return each.entry
    # Approved: the object that the approval placed, as its release lists it.
    for release in reversed(releases):
        for entry in release.published:
            if entry.item_id == each.disposition.item_id and entry.source_sha256 == each.disposition.source_sha256:
                return entry
    return None


def _final(each: _Settled, review: Review | None, entry: Published | None) -> Disposition:
    """The item's line, true to the release that was committed: ``entry`` is what that lists for it."""
    final = reviewed(each.disposition, review)
    if final.state != "published":
        return final
    if entry is None:
        return each.disposition.held("no release lists it")
    where = {"uri": entry.uri, "sidecar_uri": entry.sidecar_uri, "sha256": entry.sha256}
    return final.model_copy(update={**where, "approved_by": entry.approved_by})


def _verdicts(job: Job, store: ObjectStore) -> Iterator[Verdict]:
    for role, uri in sorted(job.inputs.items()):
        if "verdicts" in role:
            yield from read_verdicts(store, key_of(store, uri)).lines.values()


def _encoded(lines: Sequence[Disposition]) -> Iterator[bytes]:
    for line in lines:
        yield canonical_json(line.model_dump(mode="json")) + b"\n"
