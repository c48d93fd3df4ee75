"""What a person does in a browser: log in, ask for pictures by the form, find them, look; and what a stranger is told.

Every page is also written to ``build/screenshots`` as a picture, for eyes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from fastapi.routing import APIRoute
from selenium.webdriver.common.keys import Keys

from galley.items import run_name
from tests.integration.browser import DESKTOP, PHONE, Browser, browser, missing
from tests.integration.standing import Standing

FORM = "on_demand_content"
PROMPT = "a large red circle on a white background"
COUNT = 4
WRONG = "name: wrong\nkind: image\nprompt: a circle\npromts: two circles"

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@pytest.fixture(scope="module")
def desktop() -> Iterator[Browser]:
    if gone := missing():
        pytest.skip(gone)
    with browser(DESKTOP) as window:
        yield window


@pytest.fixture(scope="module")
def phone() -> Iterator[Browser]:
    if gone := missing():
        pytest.skip(gone)
    with browser(PHONE) as window:
        yield window


def log_in(airflow: Standing, window: Browser) -> None:
    """With the keyboard alone."""
    window.find("input[name=username]").click()
    window.screenshot("log-in")
    window.press(airflow.user, Keys.TAB, airflow.password, Keys.ENTER)
    window.until(lambda: "/login" not in window.driver.current_url, "the page behind the log-in")


def trigger(airflow: Standing, window: Browser, **fields: str) -> str:
    """Fill in the form of `on_demand_content` and send it; returns the run id."""
    before = {run["dag_run_id"] for run in airflow.runs(FORM)}
    window.open(f"{airflow.url}/dags/{FORM}")
    window.find("[data-testid=trigger-dag-button]").click()
    window.find("#element_text").send_keys(fields.pop("text"))  # what to make is open when the form opens
    window.screenshot("form")
    if fields:
        window.saying("How", "button").click()
    for name, value in fields.items():
        window.type_into(name, value)
    window.screenshot("form-how" if fields else "form-wrong")
    window.find("[data-testid=trigger-dag-submit]").click()

    def new() -> str | None:
        return next((run["dag_run_id"] for run in airflow.runs(FORM) if run["dag_run_id"] not in before), None)

    run_id: str = window.until(new, "a new run")
    window.open("about:blank")  # Airflow's page would ask for news all the time
    return run_id


@pytest.fixture(scope="module")
def made(airflow: Standing, desktop: Browser) -> str:
    """The run that a person has asked for by the form."""
    desktop.open(airflow.url)
    log_in(airflow, desktop)
    run_id = trigger(airflow, desktop, text=PROMPT, policy="pictures", count=str(COUNT))
    assert airflow.wait(FORM, run_id) == "success", airflow.states(FORM, run_id)
    assert airflow.report(FORM, run_id).counts == {"published": COUNT}
    return run_id


def page(airflow: Standing, run_id: str) -> str:
    return f"{airflow.url}/galley/runs/{run_name(FORM, run_id)}"


def test_who_triggers_from_the_form_finds_the_pictures_by_the_button_on_the_last_task(
    airflow: Standing, desktop: Browser, made: str
) -> None:
    desktop.open(f"{airflow.url}/dags/{FORM}/runs/{made}/tasks/record/details")
    button = desktop.saying("What this run made", "a")
    desktop.screenshot("last-task")
    assert button.get_attribute("href") == page(airflow, made)
    desktop.follow(button)
    assert desktop.driver.current_url == page(airflow, made)
    pictures = desktop.pictures()
    assert len(pictures) == COUNT and all(width == 64 for _, width in pictures)
    desktop.screenshot("run")
    assert desktop.too_wide() == 0

    # A small one leads to the whole.
    desktop.all("a.whole")[0].click()
    ((url, width),) = desktop.until(desktop.pictures, "the whole picture")
    assert re.fullmatch(rf"{page(airflow, made)}/items/[0-9a-f]+", url) and width == 64


def test_the_counts_are_in_airflow_s_own_pages_without_opening_a_log(
    airflow: Standing, desktop: Browser, made: str
) -> None:
    desktop.open(f"{airflow.url}/dags/{FORM}/runs/{made}")
    link = desktop.saying(f"{COUNT} published", "a")
    desktop.screenshot("run-in-airflow")
    assert link.get_attribute("href") == page(airflow, made)


def test_a_wrong_form_says_what_is_wrong_on_the_run_itself(airflow: Standing, desktop: Browser, made: str) -> None:
    run_id = trigger(airflow, desktop, text=WRONG)
    assert airflow.wait(FORM, run_id) == "failed"
    desktop.open(f"{airflow.url}/dags/{FORM}/runs/{run_id}")
    desktop.until(lambda: "promts" in desktop.find("body").text, "the reason in the run's note")
    desktop.screenshot("run-in-airflow-wrong")


def test_a_page_is_used_by_keyboard_alone(airflow: Standing, desktop: Browser, made: str) -> None:
    desktop.open(page(airflow, made))
    chip = desktop.tab_to("button.chip[data-show=held]")
    desktop.press(Keys.ENTER)
    assert chip.get_attribute("aria-pressed") == "true" and desktop.pictures() == []
    desktop.press("1")  # all
    assert len(desktop.pictures()) == COUNT
    desktop.press("j")
    card = desktop.focused()
    assert "card" in (card.get_attribute("class") or "").split()
    desktop.press(Keys.ENTER)
    assert desktop.script("return arguments[0].querySelector('.more').open", card)
    desktop.screenshot("run-keyboard")
    desktop.press("j", "k")
    assert desktop.focused() == card
    desktop.tab_to("a.whole")
    desktop.press(Keys.ENTER)
    ((url, width),) = desktop.until(desktop.pictures, "the whole picture")
    assert "/items/" in url and width == 64


def test_everything_fits_a_phone(airflow: Standing, phone: Browser, made: str) -> None:
    phone.open(page(airflow, made))
    phone.screenshot("stranger")
    phone.find("a[href*=login]").click()
    log_in(airflow, phone)
    # The log-in leads back to where the person wanted to go.
    phone.until(lambda: phone.driver.current_url == page(airflow, made), "the page that was asked for")
    assert len(phone.pictures()) == COUNT and all(width for _, width in phone.pictures())
    assert phone.too_wide() == 0
    phone.screenshot("run")
    for where, name in (("runs", "runs"), ("runs/none", "not-here")):
        phone.open(f"{airflow.url}/galley/{where}")
        phone.screenshot(name)
        assert phone.too_wide() == 0


def test_the_menu_leads_to_the_list_and_the_list_to_the_run(airflow: Standing, desktop: Browser, made: str) -> None:
    desktop.open(airflow.url)
    desktop.find("button[aria-label=Browse]").click()
    desktop.follow(desktop.find("a[href$='/galley/runs']"))
    desktop.until(lambda: desktop.driver.current_url == f"{airflow.url}/galley/runs", "the list of runs")
    desktop.screenshot("runs")
    desktop.find(f"a[href='runs/{run_name(FORM, made)}']").click()
    desktop.until(lambda: desktop.driver.current_url == page(airflow, made), "the run's page")


@pytest.mark.filterwarnings("ignore")  # of Airflow's own code
def test_strangers_get_401_on_every_route(airflow: Standing, made: str) -> None:
    from galley.ui.app import create_app

    item = next(airflow.files(FORM, made).items())
    names = {"{run}": item.run, "{item_id}": item.item_id, "{path:path}": "no/such/page"}
    paths = set()
    for route in create_app().routes:
        assert isinstance(route, APIRoute), route
        paths.add(re.sub(r"\{[^}]+\}", lambda found: names[found[0]], route.path))
    assert {f"/runs/{item.run}", f"/runs/{item.run}/items/{item.item_id}/thumbnail"} <= paths
    paths |= {"/", "/docs", "/redoc", "/openapi.json", "/runs/", "/runs/none", "/static/x.js", "/runs/x/y/z"}
    with httpx.Client(base_url=airflow.url, timeout=60, trust_env=False) as stranger:
        for path in sorted(paths):
            for method in METHODS:
                answer = stranger.request(method, f"/galley{path}")
                assert answer.status_code == 401, (method, path, answer.status_code)
                assert PROMPT not in answer.text
