"""The pages as a browser gets them from Airflow's own API server, with Airflow's own log-in."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.routing import APIRoute

from galley.catalog.rows import CatalogItem
from galley.compliance.thumbnails import thumbnail_key
from galley.items import run_name
from galley.stages.record import Report
from tests.pipeline import Pipeline
from tests.ui.conftest import NASTY
from tests.ui.test_contact_sheet import Tags

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of Airflow's own code
Browser = Callable[..., Any]
Items = dict[tuple[str, str], CatalogItem]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@pytest.fixture
def viewer(browser: Browser) -> Any:
    return browser("VIEWER")


@pytest.fixture(scope="module")
def items(made: Pipeline) -> Items:
    """State and kind to an item of the run."""
    with made.catalog() as catalog:
        return {(item.state, item.item.request.kind): item for item in catalog.items(made.files.run)}


def page_of(made: Pipeline) -> str:
    return f"/galley/runs/{made.files.run}"


def url_of(item: CatalogItem) -> str:
    return f"/galley/runs/{item.item.run}/items/{item.item.item_id}"


def test_every_path_and_method_refuses_the_anonymous(server: Any, browser: Browser, items: Items) -> None:
    (app,) = [route.app for route in server.routes if getattr(route, "path", "") == "/galley"]
    item = items["published", "image"].item
    names = {"{run}": item.run, "{item_id}": item.item_id, "{path:path}": "no/such/page"}
    paths = []
    for route in app.routes:
        assert isinstance(route, APIRoute), route  # anything else would know no dependency
        paths.append(re.sub(r"\{[^}]+\}", lambda found: names[found[0]], route.path))
    bytes_of = f"/runs/{item.run}/items/{item.item_id}"
    assert {"/runs", f"/runs/{item.run}", bytes_of, f"{bytes_of}/thumbnail"} < set(paths)
    anonymous = browser()
    for path in [*paths, "/", "/docs", "/redoc", "/openapi.json", "/static/x.js", "/runs/", "/runs/x", "/runs/x/y/z"]:
        for method in METHODS:
            answer = anonymous.request(method, f"/galley{path}")
            assert answer.status_code == 401, (method, path, answer.status_code)
            assert "circle" not in answer.text


def test_a_wrong_token_is_refused_and_the_page_leads_to_the_log_in(browser: Browser, made: Pipeline) -> None:
    client = browser()
    wrong = client.get(page_of(made), headers={"Authorization": "Bearer nonsense"})
    assert wrong.status_code == 403 and made.files.run not in wrong.text
    answer = client.get(page_of(made))
    (link,) = re.findall(r'href="([^"]+)"', answer.text)
    login = client.get(link.replace("&amp;", "&"))
    assert login.status_code == 307 and f"next=%2Fgalley%2Fruns%2F{made.files.run}" in login.headers["location"]


def test_who_may_not_see_the_dag_sees_nothing_of_its_runs(browser: Browser, made: Pipeline, items: Items) -> None:
    stranger = browser(None)
    listed = stranger.get("/galley/runs")
    assert listed.status_code == 200 and made.files.run not in listed.text
    for url in (page_of(made), url_of(items["published", "image"])):
        answer = stranger.get(url)
        assert (answer.status_code, answer.text) == (404, stranger.get("/galley/runs/no-such-run").text)


def test_the_list_leads_to_every_run(viewer: Any, made: Pipeline) -> None:
    answer = viewer.get("/galley/runs")
    by_form = run_name("on_demand_content", "manual__1")
    assert answer.status_code == 200
    assert answer.text.index(f'href="runs/{by_form}"') and f'href="runs/{made.files.run}"' in answer.text
    Tags(answer.text)
    assert viewer.get(f"/galley/runs/{by_form}").status_code == 200


def test_a_page_shows_texts_states_reasons_and_links_its_images(viewer: Any, made: Pipeline, items: Items) -> None:
    answer = viewer.get(page_of(made))
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
    Tags(answer.text)
    picture, text, held = items["published", "image"], items["published", "text"], items["held", "image"]
    url = f"{made.files.run}/items/{picture.item.item_id}"
    assert f'<a class="whole" href="{url}"><img loading="lazy" decoding="async" src="{url}/thumbnail"' in answer.text
    assert f'href="{made.files.run}/items/{text.item.item_id}" download' in answer.text
    assert made.zones.read(text.uri, text.sha256).decode().split()[0] in answer.text
    assert re.search(
        rf'<details class="reveal">[^/]*/summary><a [^>]*><img [^>]*{held.item.item_id}/thumbnail"', answer.text
    )
    assert items["blocked", "image"].item.item_id[:8] in answer.text
    assert f"items/{items['blocked', 'image'].item.item_id}" not in answer.text
    assert "personal_data" in answer.text and "data:image" not in answer.text
    assert 'class="pair"' in answer.text


def test_what_people_write_is_never_markup(viewer: Any, made: Pipeline) -> None:
    text = viewer.get(page_of(made)).text
    assert NASTY not in text and NASTY.replace("<", "&lt;").split("(")[0].replace(">", "&gt;") in text


def test_pages_are_kept_nowhere_and_run_nothing_but_their_own(viewer: Any, made: Pipeline) -> None:
    for url in ("/galley/runs", page_of(made), "/galley/none"):
        headers = viewer.get(url).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; img-src 'self'; ") and policy.endswith("frame-ancestors 'self'")
        assert "unsafe" not in policy and headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("kind", "media_type", "extension"), [("image", "image/png", "png"), ("text", "text/plain; charset=utf-8", "txt")]
)
def test_bytes_are_what_was_published(viewer: Any, items: Items, kind: str, media_type: str, extension: str) -> None:
    item = items["published", kind]
    answer = viewer.get(url_of(item))
    assert answer.status_code == 200
    assert hashlib.sha256(answer.content).hexdigest() == item.sha256
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"] == f"inline; filename={item.item.item_id}.{extension}"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; sandbox")


def test_a_thumbnail_is_small_and_of_that_picture(viewer: Any, made: Pipeline, items: Items) -> None:
    for state in ("published", "held"):
        item = items[state, "image"]
        answer = viewer.get(f"{url_of(item)}/thumbnail")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
        assert answer.content[:4] == b"RIFF" and answer.content[8:12] == b"WEBP"
        plan = made.files.plan()
        assert plan is not None and item.source_sha256 is not None
        keys = [thumbnail_key(made.files.key("jobs", task.job), item.source_sha256) for task in plan.screen]
        assert answer.content in [made.zones.work.get(key) for key in keys if made.zones.work.head(key)]


def test_the_contact_sheet_holds_thumbnails_and_leads_to_the_whole_pictures(made: Pipeline, items: Items) -> None:
    sheet = made.zones.work.get(made.files.key("contact-sheet.html")).decode()
    assert "data:image/webp;base64,UklGR" in sheet and "data:image/png" not in sheet
    item = items["held", "image"]
    assert item.artifact is not None and f'<a class="whole" href="{item.uri}">' in sheet


def test_a_picture_without_a_thumbnail_is_shown_whole(viewer: Any, made: Pipeline, items: Items) -> None:
    item = items["held", "image"]
    kept = {info.key: made.zones.work.get(info.key) for info in made.zones.work.list() if "/thumbnails/" in info.key}
    assert kept
    for key in kept:
        made.zones.work.delete(key)
    try:
        answer = viewer.get(f"{url_of(item)}/thumbnail")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        assert hashlib.sha256(answer.content).hexdigest() == item.source_sha256
    finally:
        for key, data in kept.items():
            made.zones.work.put(key, data)


def test_held_bytes_are_shown_to_who_asks_and_blocked_ones_to_nobody(viewer: Any, items: Items) -> None:
    held = viewer.get(url_of(items["held", "image"]))
    assert hashlib.sha256(held.content).hexdigest() == items["held", "image"].source_sha256
    for state, kind in (("blocked", "image"), ("blocked", "text"), ("failed", "text")):
        for url in (url_of(items[state, kind]), f"{url_of(items[state, kind])}/thumbnail"):
            assert viewer.get(url).status_code == 404


def test_only_whole_names_of_the_catalog_lead_anywhere(viewer: Any, made: Pipeline, items: Items) -> None:
    item, other = items["published", "image"].item, run_name("on_demand_content", "manual__1")
    run = made.files.run
    for url in (
        "/galley/runs/latest",
        f"/galley/runs/{run[:-1]}",
        f"/galley/runs/{run}/items/{item.item_id[:8]}",
        f"/galley/runs/{run}/items/{item.item_id}.png",
        f"/galley/runs/{other}/items/{item.item_id}",
        f"/galley/runs/{run}/items/..%2f..%2frun.json",
        f"/galley/runs/{run}/run.json",
        "/galley/runs/..%2f..%2fetc%2fpasswd",
        "/galley/runs/%00",
    ):
        answer = viewer.get(url)
        assert answer.status_code == 404, url
        assert "Not here" in answer.text


def test_bytes_that_are_not_those_recorded_are_not_given_out(viewer: Any, made: Pipeline, items: Items) -> None:
    item = items["held", "text"]
    store, key = made.zones.resolve(item.uri)
    before = store.get(key)
    store.put(key, b"something else")
    try:
        answer = viewer.get(url_of(item))
        assert answer.status_code == 503 and b"something else" not in answer.content
        assert "cannot be shown" in viewer.get(page_of(made)).text
    finally:
        store.put(key, before)


def test_counts_are_those_of_now(viewer: Any, made: Pipeline) -> None:
    recorded = made.files.read("report.json", Report)
    assert recorded is not None
    assert not any(line.states.get("published") for line in recorded.table if line.brief == "pictures")
    heading = re.search(r"<h2>pictures(.*?)</h2>", viewer.get(page_of(made)).text)
    assert heading is not None and "1 published" in heading[1]
