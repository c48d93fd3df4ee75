"""Debian's Chromium without a window, driven over WebDriver: what a person sees and does, and screenshots of it."""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.conftest import ROOT

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
SCREENSHOTS = ROOT / "build" / "screenshots"
DESKTOP, PHONE = (1280, 900), (390, 844)
PHONE_PIXELS = 2.0
"""Of a phone's screen, to one of CSS."""
PATIENCE = 600.0
"""Seconds for a page to show something: the machine may be busy."""
_FLAGS = (
    "--headless",
    "--no-sandbox",  # tests may run as root, where Chromium has no other way; it sees our own pages alone
    "--disable-gpu",
    "--disable-dev-shm-usage",
    # Without these it looks for its maker's servers, which a closed network refuses one by one.
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
)


def missing() -> str:
    """What is not installed; empty where all is there."""
    gone = " and ".join(str(path) for path in (CHROMIUM, DRIVER) if not path.exists())
    return f"{gone} not there; run: apt-get install chromium chromium-driver" if gone else ""


class Browser:
    """One window.

    Args:
        driver: of it.
        size: width and height in CSS pixels.
    """

    def __init__(self, driver: Chrome, size: tuple[int, int]) -> None:
        self.driver, self.size = driver, size

    def open(self, url: str) -> None:
        """Load a page."""
        self.driver.get(url)

    def script(self, code: str, *arguments: Any) -> Any:
        """What a script in the page returns."""
        return self.driver.execute_script(code, *arguments)

    def find(self, css: str) -> WebElement:
        """The first visible element of a selector, once it is there."""
        return self.until(lambda: next((each for each in self.all(css) if each.is_displayed()), None), css)

    def all(self, css: str) -> list[WebElement]:
        """Elements of a selector that are there now."""
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def saying(self, text: str, tag: str = "*") -> WebElement:
        """The first visible element whose own text is this, once it is there."""
        path = f"//{tag}[normalize-space(.)={_quoted(text)}]"

        def there() -> WebElement | None:
            found = self.driver.find_elements(By.XPATH, path)
            return next((each for each in found if each.is_displayed()), None)

        return self.until(there, text)

    def until(self, look: Any, what: str) -> Any:
        """What ``look`` finds at last."""
        return WebDriverWait(self.driver, PATIENCE).until(lambda _: look(), f"{what} is not there")

    def press(self, *keys: str) -> None:
        """Press keys, as a person does on whatever has the focus."""
        ActionChains(self.driver).send_keys(*keys).perform()

    def type_into(self, param: str, value: str) -> None:
        """Fill in a field of Airflow's trigger form; of a list, choose what is typed."""
        field = self.all(f"input[name=element_{param}]")[0]
        if field.get_attribute("type") != "hidden":
            field.clear()
            field.send_keys(value)
            return
        field = self.script("return arguments[0].parentElement.querySelector('input[type=text]')", field)
        field.send_keys(value)
        self.until(lambda: [each for each in self.all("[role=option]") if each.text == value], f"option {value}")
        field.send_keys(Keys.ENTER)

    def follow(self, link: WebElement) -> None:
        """Click on what leads to another page, and go along where that opens a window of its own."""
        windows = set(self.driver.window_handles)
        before = self.driver.current_url
        link.click()

        def elsewhere() -> bool:
            new = set(self.driver.window_handles) - windows
            if new:
                self.driver.switch_to.window(new.pop())
            return self.driver.current_url not in (before, "about:blank")

        self.until(elsewhere, f"another page than {before}")

    def focused(self) -> WebElement:
        """What has the focus."""
        return self.driver.switch_to.active_element

    def tab_to(self, css: str, at_most: int = 60) -> WebElement:
        """Press Tab until an element of the selector has the focus."""
        for _ in range(at_most):
            self.press(Keys.TAB)
            if self.script("return document.activeElement.matches(arguments[0])", css):
                return self.focused()
        raise AssertionError(f"{at_most} times Tab do not lead to {css}")

    def pictures(self) -> list[tuple[str, int]]:
        """URL and width in pixels of every image in the page that is to be seen, decoded; 0 where it cannot be."""
        return [tuple(each) for each in self.driver.execute_async_script(_DECODED)]

    def screenshot(self, name: str) -> Path:
        """Write a picture of the whole page, not just of what fits the window."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        # What lies below the window is not drawn before somebody scrolls there: make the window as high as the page.
        self.script(
            "document.querySelectorAll('.card').forEach((card) => { card.style.contentVisibility = 'visible'; })"
        )
        height = max(self.size[1], int(self.script("return document.documentElement.scrollHeight")))
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", self._metrics(height))
        taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", {})
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", self._metrics(self.size[1]))
        path = SCREENSHOTS / f"{name}-{self.size[0]}.png"
        path.write_bytes(base64.b64decode(taken["data"]))
        return path

    def _metrics(self, height: int) -> dict[str, Any]:
        phone = self.size == PHONE
        scale = PHONE_PIXELS if phone else 1.0
        return {"width": self.size[0], "height": height, "deviceScaleFactor": scale, "mobile": phone}

    def too_wide(self) -> int:
        """Pixels by which the page is wider than the window: what a person would have to scroll sideways."""
        root = "document.documentElement"
        return int(self.script(f"return {root}.scrollWidth - {root}.clientWidth"))


_DECODED = """
const done = arguments[arguments.length - 1];
const seen = [...document.images].filter((image) => image.checkVisibility());
Promise.all(seen.map(async (image) => {
  image.loading = "eager";
  try { await image.decode(); } catch { return [image.currentSrc, 0]; }
  return [image.currentSrc, image.naturalWidth];
})).then(done);
"""


@contextmanager
def browser(size: tuple[int, int] = DESKTOP) -> Iterator[Browser]:
    """Open a window of a size, a phone's with touch and two pixels to one, and close it."""
    with tempfile.TemporaryDirectory(prefix="galley-chromium-") as profile:
        options = ChromeOptions()
        options.binary_location = str(CHROMIUM)
        for flag in (*_FLAGS, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}"):
            options.add_argument(flag)
        if size == PHONE:
            metrics = {"width": size[0], "height": size[1], "pixelRatio": PHONE_PIXELS, "mobile": True, "touch": True}
            options.add_experimental_option("mobileEmulation", {"deviceMetrics": metrics})
        driver = Chrome(options=options, service=Service(str(DRIVER), log_output=os.devnull))
        driver.set_script_timeout(PATIENCE)
        driver.set_page_load_timeout(PATIENCE)
        try:
            yield Browser(driver, size)
        finally:
            driver.quit()


def _quoted(text: str) -> str:
    """A string of XPath, which has no escapes."""
    assert '"' not in text
    return f'"{text}"'
