"""From a recorded run to its contact sheet: which items fit, which bytes may be shown, in what order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from galley.catalog.facade import Catalog
from galley.catalog.rows import CatalogItem
from galley.compliance.thumbnails import MEDIA_TYPE
from galley.errors import StoreError
from galley.items import State
from galley.stages.run import RunFiles
from galley.storage.zones import Zones
from galley.ui.contact_sheet import Card, Group, RejectLine, Sheet, Why
from galley.ui.thumbnails import Thumbnails

if TYPE_CHECKING:
    from galley.stages.record import Report

MAX_CARDS = 600
"""Items on a sheet; the rest is counted."""
MAX_MEDIA = 24 * 2**20
"""Bytes of images and texts on a sheet."""
MAX_REJECTS = 200
_SHOWN: tuple[State, ...] = ("published", "held", "pending")
"""States whose bytes may be shown to people who may see the run; what is blocked or withdrawn is not."""
_ALWAYS = {
    "image": ("num_inference_steps", "guidance_scale", "width", "height"),
    "text": ("max_new_tokens", "temperature", "top_p"),
}


_BY_URGENCY: tuple[tuple[State, ...], ...] = (
    ("held",),
    ("failed",),
    ("blocked", "withdrawn"),
    ("published", "pending"),
)


def sheet_of(
    report: Report,
    files: RunFiles,
    zones: Zones,
    catalog: Catalog,
    *,
    link: Callable[[CatalogItem], str] | None = None,
    links: Mapping[str, str] | None = None,
) -> Sheet:
    """The sheet of a run that the catalog has.

    Args:
        report: what the run came to.
        files: the run's objects.
        zones: where the bytes lie.
        catalog: what the items are.
        link: gives the URL that serves the bytes of an item, and below it ``/thumbnail``; None puts what is to be seen
            into the page, as far as there is room.
        links: see `Sheet`.
    """
    budget, thumbnails = MAX_MEDIA, Thumbnails(files)
    briefs = list(dict.fromkeys(line.brief for line in report.table))
    share = max(1, MAX_CARDS // max(1, len(briefs)))
    groups = []
    for brief in briefs:
        counts = _sum(line.states for line in report.table if line.brief == brief)
        items = _chosen(catalog, files.run, brief, share, sum(counts.values()))
        columns = [line.variant for line in report.table if line.brief == brief]
        differing = _differing(items) if len(columns) > 1 else set()
        rows: dict[str, dict[str, list[Card]]] = {}
        for item in items:
            card = _card(item, zones, thumbnails, differing, budget, link)
            budget -= len(card.media or b"")
            rows.setdefault(item.item.unit, {}).setdefault(card.variant, []).append(card)
        paired = any(len(arms) > 1 for arms in rows.values())
        groups.append(
            Group(
                brief=brief,
                columns=columns,
                rows=[[card for name in columns for card in arms.get(name, ())] for arms in rows.values()],
                paired=paired,
                counts=counts,
                left_out=max(0, sum(counts.values()) - len(items)),
            )
        )
    rejects = [
        RejectLine(
            f"{reject.source}{f', line {reject.line}' if reject.line else ''}", reject.field, reject.value, reject.rule
        )
        for reject in islice(catalog.rejects(files.run), MAX_REJECTS)
    ]
    facts = {
        "Run": report.run,
        "Release": report.release_uri or "none",
        "Airflow run": f"{report.dag_id} {report.run_id}",
    }
    if report.reused:
        facts["Reused"] = f"{report.reused} requests were made by earlier runs"
    if report.seed is not None:
        facts["Seed"] = f"{report.seed} (give it in the form to make the same again)"
    warnings = [f"{text} ({number} rows)" for text, number in report.warnings.items()]
    if report.state == "failed":
        warnings.insert(
            0, "The run failed before its end: what it had is here, and running it again goes on from there."
        )
    return Sheet(
        run=report.run,
        dag_id=report.dag_id,
        content_date=report.content_date,
        counts=report.counts,
        table=[(line.brief, line.variant, line.states) for line in report.table],
        groups=groups,
        rejects=rejects,
        rejected=report.rejects,
        warnings=warnings,
        facts=facts,
        links=links or {},
    )


def _chosen(catalog: Catalog, run: str, brief: str, most: int, total: int) -> list[CatalogItem]:
    """A brief's items; where there are more than fit, those first that somebody has to look at."""
    if total <= most:
        return list(catalog.items(run, brief=brief))
    found: list[CatalogItem] = []
    for states in _BY_URGENCY:
        found += islice(catalog.items(run, brief=brief, states=states), most - len(found))
        if len(found) == most:
            break
    return found


def shown(item: CatalogItem) -> tuple[str, str] | None:
    """URI and sha256 of what may be shown of an item: what was published, else what was screened; None for nothing."""
    sha256 = item.sha256 if item.state == "published" else item.source_sha256
    return (item.uri, sha256) if item.state in _SHOWN and item.uri and sha256 else None


def _card(
    item: CatalogItem,
    zones: Zones,
    thumbnails: Thumbnails,
    differing: set[str],
    budget: int,
    link: Callable[[CatalogItem], str] | None,
) -> Card:
    request = item.item.request
    params = _params(item)
    place = shown(item)
    url = link(item) if link is not None and place is not None else ""
    # An image that is served is not read here; a text is part of the page wherever that lies.
    media, media_type, note = (
        (b"", "", "") if url and request.kind == "image" else _media(item, zones, thumbnails, budget)
    )
    verdict = item.verdict
    reasons = [
        Why(str(reason["check"]), str(reason["detail"]), str(reason["decision"]), str(reason["subject"]))
        for reason in (verdict.reasons if verdict else ())
    ]
    return Card(
        item_id=item.item.item_id,
        custom_id=item.item.custom_id,
        variant=item.item.variant,
        kind=request.kind,
        state=item.state,
        prompt=request.screened_text,
        seed=request.seed,
        model=request.model,
        params=params,
        differs={name: value for name, value in params.items() if name in differing},
        media=media or None,
        media_type=media_type,
        preview=f"{url}/thumbnail" if url else "",
        # A page that lies on the same disk may lead to a file; no page can lead into a bucket.
        link=url or (place[0] if place and place[0].startswith("file:") else ""),
        note=note or _cut(item),
        reasons=reasons,
        seconds=item.generation.seconds if item.generation else None,
        reused=bool(item.generation and item.generation.reused),
        uri=item.uri or "",
    )


def _cut(item: CatalogItem) -> str:
    cut = item.generation is not None and item.generation.prompt_truncated
    return "the end of the prompt was left out: it is longer than the text encoder reads" if cut else ""


def _params(item: CatalogItem) -> dict[str, Any]:
    request = item.item.request
    every, told = request.told(defaults=True), request.told()
    return {name: value for name, value in every.items() if name in _ALWAYS[request.kind] or name in told}


def _differing(items: Sequence[CatalogItem]) -> set[str]:
    """Parameters that the items of a brief do not have in common."""
    values: dict[str, set[str]] = {}
    for item in items:
        for name, value in _params(item).items():
            values.setdefault(name, set()).add(repr(value))
    return {name for name, seen in values.items() if len(seen) > 1}


def _media(item: CatalogItem, zones: Zones, thumbnails: Thumbnails, budget: int) -> tuple[bytes, str, str]:
    """The bytes to show and their type; where there are none, why."""
    place = shown(item)
    if place is None or item.artifact is None:
        return b"", "", _why_nothing(item)
    try:
        small = thumbnails.get(item.artifact.sha256) if item.item.request.kind == "image" else None
        size = len(small) if small else item.artifact.size
        if size > budget:
            return b"", "", f"{size} bytes, more than this sheet has room for; see Details"
        return (small, MEDIA_TYPE, "") if small else (zones.read(*place), item.media_type or "", "")
    except StoreError as error:
        return b"", "", f"cannot be shown: {error}"


def _why_nothing(item: CatalogItem) -> str:
    """Why nothing is shown of an item."""
    if item.state == "blocked":
        return "blocked after it was made; not shown" if item.artifact else "blocked before it was made"
    if item.state == "withdrawn":
        return "withdrawn"
    if item.state == "failed" and item.generation and item.generation.failure_message:
        return f"{item.generation.failure_kind}: {item.generation.failure_message}"
    return "was not made"


def _sum(states: Iterable[Mapping[State, int]]) -> dict[State, int]:
    total: dict[State, int] = {}
    for each in states:
        for state, number in each.items():
            total[state] = total.get(state, 0) + number
    return total
