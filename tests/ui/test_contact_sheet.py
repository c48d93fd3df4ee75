from __future__ import annotations

import base64
import hashlib
import re
from datetime import date
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galley.ui.contact_sheet import STATES, Card, Group, RejectLine, Sheet, Why, render, visible

NASTY = '<script>alert("x")</script> & \' onerror=x \u202egnp.exe'
PNG = b"\x89PNG\r\n\x1a\n bytes"


def card(**changes: Any) -> Card:
    fields: dict[str, Any] = {
        "item_id": "0123456789abcdef",
        "custom_id": "row-1",
        "variant": "default",
        "kind": "image",
        "state": "published",
        "prompt": "a red circle",
        "seed": 7,
        "model": "starter-image",
        "media": PNG,
        "media_type": "image/png",
    }
    return Card(**fields | changes)


def sheet(*cards: Card, columns: tuple[str, ...] = ("default",), paired: bool = False, **changes: Any) -> Sheet:
    counts: dict[Any, int] = {}
    for each in cards:
        counts[each.state] = counts.get(each.state, 0) + 1
    group = Group("shapes", columns, [list(cards)] if paired else [[each] for each in cards], paired, counts)
    fields: dict[str, Any] = {
        "run": "daily--run--1",
        "dag_id": "daily_content",
        "content_date": date(2026, 11, 23),
        "counts": counts,
        "table": [("shapes", "default", counts)],
        "groups": [group],
    }
    return Sheet(**fields | changes)


class Tags(HTMLParser):
    """Which elements a page has, and whether it is well formed."""

    VOID = frozenset({"meta", "img", "rect", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.seen)


def test_a_page_holds_everything_and_asks_for_nothing() -> None:
    page = render(sheet(card(), card(kind="text", media="Grüße".encode(), media_type="text/plain")))
    tags = Tags(page)
    assert f"data:image/png;base64,{base64.b64encode(PNG).decode()}" in page
    assert "Grüße" in page
    for _, attributes in tags.seen:
        for name in ("src", "href", "data", "action"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#")), attributes


def test_a_picture_leads_to_the_whole_where_a_browser_can_follow() -> None:
    served = render(sheet(card(media=None, preview="x/thumbnail", link="x"), links={"All runs": "../runs"}))
    assert '<a class="whole" href="x"><img loading="lazy" decoding="async" src="x/thumbnail"' in served
    assert 'class="whole"' not in render(sheet(card())).partition("</style>")[2]


def test_the_pages_own_policy_allows_its_script_and_style_and_nothing_else() -> None:
    page = render(sheet(card()))
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None and policy[1].startswith("default-src 'none'")
    for tag in ("script", "style"):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() in policy[1]
    assert not re.search(r"\son[a-z]+=", page) and "style=" not in page


@given(st.text(max_size=200) | st.just(NASTY))
def test_generated_content_is_never_markup(text: str) -> None:
    made = card(
        kind="text",
        media=text.encode(errors="replace"),
        prompt=text,
        custom_id=text or "x",
        params={"negative_prompt": text},
        reasons=[Why("terms", text, "hold")],
        state="held",
    )
    plain = Tags(
        render(sheet(card(kind="text", media=b"x", params={"a": 1}, reasons=[Why("terms", "y", "hold")], state="held")))
    )
    found = Tags(render(sheet(made, rejects=[], warnings=[])))
    if text.strip():
        assert [tag for tag, _ in found.seen] == [tag for tag, _ in plain.seen]


def test_characters_that_hide_or_reorder_are_written_out() -> None:
    assert visible("a\u202eb\u200bc\U000e0041") == "a⟨U+202E⟩b⟨U+200B⟩c⟨U+E0041⟩"
    assert "\u202e" not in render(sheet(card(prompt=NASTY)))


def test_blocked_content_is_not_in_the_file_and_held_images_wait_for_a_click() -> None:
    page = render(sheet(card(state="blocked", media=None, note="blocked after it was made; not shown")))
    assert "<img" not in page and "not shown" in page
    held = render(sheet(card(state="held")))
    assert re.search(r'<details class="reveal">.*?<img', held, re.DOTALL)
    assert "galley review approve 01234567" in held


@pytest.mark.parametrize("kind", ["image", "text"])
@pytest.mark.parametrize("state", STATES)
def test_what_is_not_published_shows_only_after_a_click(state: str, kind: str) -> None:
    media = PNG if kind == "image" else b"a secret sentence"
    page = render(sheet(card(state=state, kind=kind, media=media)))
    begin = "<img" if kind == "image" else '<p class="words" dir="auto">a secret sentence'
    hidden = re.search(
        rf'<details class="reveal"><summary>{state.capitalize()}: show the {kind}</summary>{begin}', page
    )
    assert bool(hidden) == (state != "published") and page.count(begin) == 1
    Tags(page)


def test_paired_arms_stand_side_by_side_and_others_in_columns() -> None:
    arms = (card(variant="a", differs={"steps": 10}, params={"steps": 10}), card(variant="b", params={"steps": 30}))
    pairs = render(sheet(*arms, columns=("a", "b"), paired=True))
    assert pairs.count('class="pair"') == 1 and 'class="differs">10' in pairs
    columns = render(sheet(*arms, columns=("a", "b")))
    assert columns.count('class="arm"') == 2 and 'class="pair"' not in columns


def test_a_run_without_items_and_one_with_rejects() -> None:
    empty = render(
        sheet(groups=[], table=[], rejects=[RejectLine("rows.jsonl, line 3", "seed", "x", "is no number")], rejected=5)
    )
    assert "The run has no items." in empty and "rows.jsonl, line 3" in empty and "4 more" in empty
    Tags(empty)
