"""The contact sheet of a run: one HTML page, readable from a phone, by keyboard, in the dark.

Pure: what to show comes in as `Sheet`, the page comes out. Generated content is data here and never markup: Jinja2
escapes all of it, controls that reorder or hide text are made visible, blocked content is not in the page at all and
what is not published shows only after a click. The same page is a file of its own, which holds everything and loads
nothing, and the run's page in Airflow's UI, which loads its images from beside it; its policy forbids all else.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined

from galley.items import Kind, State

STATES: Mapping[State, str] = {
    "published": "passed every check and is in the published zone",
    "held": "waits for a person's decision",
    "blocked": "will not be published",
    "failed": "could not be made",
    "withdrawn": "was published and taken back",
    "pending": "has not come to an end yet",
}
"""What each state means, for the page's legend."""
_HIDDEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad\U000e0000-\U000e007f]")


@dataclass(frozen=True)
class Why:
    """One reason of a verdict, for people: the check, what it found, and how strict that is."""

    check: str
    detail: str
    decision: str
    subject: str = ""


@dataclass(frozen=True)
class Card:
    """One item.

    Attributes:
        item_id: whole; its first eight digits are shown.
        media: bytes to show, of an image its thumbnail's where there is one; None where there is nothing to show
            (blocked, failed, too large, unreadable) or the image comes from ``preview``.
        media_type: of ``media``.
        preview: URL of what to show of an image; empty in a file of its own.
        link: URL of the whole, to follow and to download; empty where a browser cannot follow it.
        note: why there is nothing to show, a failure's message, or what must be known of what is shown.
        differs: parameters in which the arms of this brief differ, with this item's values.
        reviewable: whether a person can decide on it.
    """

    item_id: str
    custom_id: str
    variant: str
    kind: Kind
    state: State
    prompt: str
    seed: int
    model: str
    params: Mapping[str, object] = field(default_factory=dict)
    differs: Mapping[str, object] = field(default_factory=dict)
    media: bytes | None = None
    media_type: str = ""
    preview: str = ""
    link: str = ""
    note: str = ""
    reasons: Sequence[Why] = ()
    seconds: float | None = None
    reused: bool = False
    uri: str = ""

    @property
    def short(self) -> str:
        """Enough of the item id to name it on the command line."""
        return self.item_id[:8]

    @property
    def reviewable(self) -> bool:
        """Whether `galley review` takes a decision on it."""
        return self.state == "held"

    @property
    def image(self) -> str:
        """URL of the image, a data URL where its bytes are in the page; "" where there is none to show."""
        if self.kind != "image":
            return ""
        if self.media is None:
            return self.preview
        return f"data:{self.media_type.split(';')[0]};base64,{base64.b64encode(self.media).decode()}"

    @property
    def text(self) -> str:
        """The text, or ""."""
        return self.media.decode("utf-8", "replace") if self.media is not None and self.kind == "text" else ""


@dataclass(frozen=True)
class Group:
    """A brief's items.

    Attributes:
        rows: items of one unit each, in the order of variants; one item a row where arms are not paired.
        columns: names of the variants, in order.
        paired: whether rows hold one item per variant.
        left_out: items that the sheet has no room for.
        counts: state to number, over all items of the brief.
    """

    brief: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Card]]
    paired: bool
    counts: Mapping[State, int]
    left_out: int = 0

    def of(self, variant: str) -> list[Card]:
        """All cards of a variant."""
        return [card for row in self.rows for card in row if card.variant == variant]


@dataclass(frozen=True)
class RejectLine:
    """A rejected row: where it stands, what is wrong, what would be right."""

    where: str
    field: str
    value: str
    rule: str


@dataclass(frozen=True)
class Sheet:
    """A run.

    Attributes:
        table: brief, variant, counts by state.
        rejects: the first of them; ``rejected`` counts all.
        facts: label to value, shown at the foot.
        links: label to URL, shown at the top; none in a file of its own.
    """

    run: str
    dag_id: str
    content_date: date
    counts: Mapping[State, int]
    table: Sequence[tuple[str, str, Mapping[State, int]]]
    groups: Sequence[Group]
    rejects: Sequence[RejectLine] = ()
    rejected: int = 0
    warnings: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All items."""
        return sum(self.counts.values())


def visible(text: str) -> str:
    """Text with characters that hide or reorder others written out, as ⟨U+202E⟩."""
    return _HIDDEN.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", text)


def render(sheet: Sheet) -> str:
    """The page."""
    used = [state for state in STATES if sheet.counts.get(state) or state in ("published", "held", "blocked", "failed")]
    return page("contact_sheet.html", served=bool(sheet.links), sheet=sheet, states=used, meaning=STATES)


def page(template: str, *, served: bool, **values: object) -> str:
    """Any page of ours: a template of this directory with the one style sheet, the one script and `policy`."""
    text: str = (
        _environment()
        .get_template(template)
        .render(values, script=_script(), style=_style(), policy=policy(served=served))
    )
    return text


@cache
def policy(*, served: bool) -> str:
    """The Content-Security-Policy of a page: its own script and style, its images, and nothing else.

    Args:
        served: images come from the server the page came from, else they are in the page.
    """
    images = "'self'" if served else "data:"
    return (
        f"default-src 'none'; img-src {images}; style-src '{_digest(_style())}'; script-src '{_digest(_script())}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _script() -> str:
    return _read("contact_sheet.js")


def _style() -> str:
    return _read("contact_sheet.css")


@cache
def _read(name: str) -> str:
    return (files("galley.ui") / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_read), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["visible"] = visible
    return environment
