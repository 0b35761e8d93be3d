"""Headless Chromium, as a person's browser: what a page logs, what it shows, and how it looks."""

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

_FLAGS = """--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars --force-device-scale-factor=1"""


def find_chromium() -> tuple[str, str]:
    """Return Chromium and its driver; skip the test where there are none.

    They are not on PyPI, so ``make test`` cannot install them; ``.ci/run`` does, and fails where a test was skipped.
    """
    found = shutil.which("chromium") or shutil.which("chromium-browser"), shutil.which("chromedriver")
    if not all(found):
        pytest.skip("no chromium and chromedriver in PATH (Debian: apt install chromium chromium-driver)")
    return found


@contextmanager
def browser(profile: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> Iterator[webdriver.Chrome]:
    """Start Chromium with a window of this size that has never seen anything, and end it."""
    chromium, driver = find_chromium()
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*_FLAGS.split(), f"--user-data-dir={profile}", f"--window-size={width},{height}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    try:
        # a window is never narrower than some 500 pixels, a page may be
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        yield chrome
    finally:
        chrome.quit()


def open_report(chrome: webdriver.Chrome, page: Path) -> None:
    """Open a report and wait until all its charts are drawn."""
    chrome.get(page.resolve().as_uri())
    WebDriverWait(chrome, 60).until(lambda c: c.execute_script("return document.documentElement.dataset.drawn"))


def screenshot(chrome: webdriver.Chrome, path: Path) -> None:
    """Write a picture of the whole page, however long."""
    size = chrome.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
    clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
    shot = chrome.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
    path.write_bytes(base64.b64decode(shot["data"]))
