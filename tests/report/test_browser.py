"""The page in a browser: nothing is logged, every figure is drawn, sliders and buttons do what they say."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from amos_hdl.report.page import render
from tests.conftest import map_network, small_network
from tests.report.browser import browser, find_chromium, open_report, screenshot
from tests.report.conftest import make_facts

SECTIONS = ["network", "one-image-clock-by-clock", "units", "firing-rates", "answers", "hardware", "activity", "checks",
            "again"]  # fmt: skip
# spikes that are visible: of those in the chart's data, the ones up to the clock cycle shown
VISIBLE = (
    "return [...document.querySelectorAll('.spikes_marks line')].filter(e => e.getAttribute('opacity') !== '0').length"
)


def press(chrome, identifier, key):
    chrome.find_element(By.ID, identifier).send_keys(key)


def text(chrome, identifier):
    return chrome.find_element(By.ID, identifier).text


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False)])
def test_everything_is_drawn_and_nothing_is_logged(digits_report, tmp_path, width, dark):
    page, _ = digits_report
    with browser(tmp_path / "profile", width=width, dark=dark) as chrome:
        open_report(chrome, page)
        assert chrome.get_log("browser") == []
        assert [section.get_attribute("id") for section in chrome.find_elements(By.TAG_NAME, "section")] == SECTIONS
        charts = chrome.find_elements(By.CSS_SELECTOR, "[data-chart]")
        assert len(charts) == 1 + 2 * 4 + 2 + 1
        for chart in charts:
            assert len(chart.find_elements(By.CSS_SELECTOR, "svg path, svg line, svg text")) > 5
            box = chart.find_element(By.TAG_NAME, "svg").rect
            assert box["width"] > 150 and box["height"] > 20 and box["x"] + box["width"] <= width + 1
            assert chart.get_attribute("aria-label")
        assert len(chrome.find_elements(By.CSS_SELECTOR, ".blocks li")) == 6
        # no scrolling sideways, however narrow
        assert chrome.execute_script("return document.documentElement.scrollWidth") == width
        paper = chrome.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert paper == ("rgb(20, 23, 26)" if dark else "rgb(255, 255, 255)")
        screenshot(chrome, tmp_path / "page.png")
        assert (tmp_path / "page.png").stat().st_size > 50_000


@pytest.mark.parametrize("network", [small_network(), map_network()], ids=["units", "maps"])
def test_an_image_travels_and_another_follows(network, tmp_path, monkeypatch):
    """In maps every pixel's spikes at their own clock cycles."""
    monkeypatch.setattr("amos_hdl.report.raster.UNITS_SHOWN", 100)
    facts = make_facts(network, shape=(1, 1, network.input.units))
    page = tmp_path / "page.html"
    page.write_text(render(facts), encoding="utf-8")
    # (row, column, gate), of units that are no map one row and column
    cycles = {
        name: (timing := facts.schedule.timings[name].cycles())[..., None]
        - timing[0, 0]
        + facts.schedule.spike_cycles(name)
        for name in facts.trace.spikes
    }

    def spiked(image, clock):
        return sum(
            int((facts.trace.spikes[name][image].reshape(-1, *at.shape) & (at <= clock)).sum())
            for name, at in cycles.items()
        )

    latency = facts.schedule.latency_cycles
    with browser(tmp_path / "profile") as chrome:
        open_report(chrome, page)
        assert text(chrome, "clock-text") == f"{latency} of {latency}"
        assert text(chrome, "answer") == str(facts.answers[0]) and text(chrome, "label") == str(facts.labels[0])
        assert chrome.execute_script(VISIBLE) == spiked(0, latency) > 0
        press(chrome, "clock", Keys.HOME)
        assert text(chrome, "clock-text") == f"0 of {latency}" and text(chrome, "answer") == "–"
        for clock in range(latency + 1):
            assert chrome.execute_script(VISIBLE) == spiked(0, clock)
            chrome.find_element(By.ID, "forward").click()
        assert text(chrome, "answer") == str(facts.answers[0])
        for image in range(1, 4):
            press(chrome, "image", Keys.ARROW_RIGHT)
            assert text(chrome, "about") == f"Test image {image}; {spiked(image, latency)} spikes."
            assert text(chrome, "label") == str(facts.labels[image])
            assert text(chrome, "answer") == str(facts.answers[image])
            assert chrome.execute_script(VISIBLE) == spiked(image, latency)
        wrong = "wrong" if facts.answers[3] != facts.labels[3] else "right"
        assert chrome.find_element(By.ID, "answer").get_attribute("class") == wrong
        chrome.find_element(By.ID, "back").click()
        assert text(chrome, "clock-text") == f"{latency - 1} of {latency}"
        chrome.find_element(By.ID, "forward").click()
        # from the end it plays from the beginning, and stops at the end
        chrome.execute_script("document.getElementById('play').dataset.ms = 20")
        chrome.find_element(By.ID, "play").click()
        assert text(chrome, "play") == "❚❚ Pause"
        WebDriverWait(chrome, 20).until(lambda c: text(c, "play") == "▶ Play")
        assert text(chrome, "clock-text") == f"{latency} of {latency}"
        assert chrome.get_log("browser") == []


def test_a_broken_page_is_noticed(tmp_path):
    """The log that the tests look at does catch errors, and what would fetch something is refused."""
    page = tmp_path / "page.html"
    text = render(make_facts())
    page.write_text(text.replace("</main>", '<img src="http://127.0.0.1:9/x.png"></main>'), encoding="utf-8")
    with browser(tmp_path / "profile") as chrome:
        open_report(chrome, page)
        (entry,) = chrome.get_log("browser")
        assert entry["level"] == "SEVERE" and "Content Security Policy" in entry["message"]


def test_without_a_browser_the_tests_are_skipped(monkeypatch):
    """And say so, which the end of a run counts and .ci/run does not accept, in place of passing or of a traceback."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(pytest.skip.Exception, match="no chromium and chromedriver"):
        find_chromium()
