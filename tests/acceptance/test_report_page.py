"""The page in a real browser: Debian's chromium, driven by Playwright."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import reported
from playwright.sync_api import Browser, Page

from hpo import report, storage
from hpo.experiments.findings.gathering import gather


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a search of 1,000 trials: a small one's findings, with more trials of the kinds it has."""
    folder = tmp_path_factory.mktemp("reported")
    opened = storage.open(reported.write(folder, 50))
    found = gather(opened, "evil")
    opened.close()
    points = tuple(
        replace(point, number=50 * again + (point.number or 0), value=point.value and point.value + again / 1e5)
        for again in range(20)
        for point in found.trials
    )
    file = folder / "evil.html"
    report.write(file, report.html(report.document(replace(found, trials=points))))
    return file


@dataclass
class Seen:
    """What a look at a page met with."""

    page: Page
    complaints: list[str] = field(default_factory=list)  # of the console, and errors of scripts
    requests: list[str] = field(default_factory=list)


def look(
    browser: Browser, file: Path, *, width: int = 1280, scheme: str = "light", script: bool = True, waits: bool = False
) -> Seen:
    """Open the page. `waits`: past its policy, which else forbids the `eval` that waiting for a condition takes."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
        java_script_enabled=script,
        bypass_csp=waits,
    )
    seen = Seen(page=context.new_page())
    seen.page.on("console", lambda message: seen.complaints.append(message.text))
    seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    seen.page.on("request", lambda request: seen.requests.append(request.url))
    seen.page.goto(file.as_uri())
    if script:
        seen.page.wait_for_selector("html[data-ready]", timeout=120_000)
    return seen


def test_a_thousand_trials_stay_below_5_mb(page_file: Path) -> None:
    assert page_file.stat().st_size < 5_000_000


@pytest.mark.thorough
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_report_page_is_drawn_without_errors_or_network(
    browser: Browser, page_file: Path, width: int, scheme: str
) -> None:
    seen = look(browser, page_file, width=width, scheme=scheme)
    page = seen.page
    assert seen.complaints == []
    assert seen.requests == [page_file.as_uri()]
    assert page.evaluate("document.documentElement.dataset.ready") == "yes"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    places = page.locator("[data-chart]")
    assert places.count() >= 3
    for at in range(places.count()):
        assert places.nth(at).locator("svg.main-svg").count() > 0
        assert places.nth(at).get_attribute("data-drawn") == scheme
        box = places.nth(at).bounding_box()
        assert box is not None
        assert box["width"] <= width
        assert box["height"] > 100
    assert page.locator("h1").is_visible()
    assert page.locator("#verdict .sentence").is_visible()
    paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") is (scheme == "light")
    page.context.close()


@pytest.mark.thorough
def test_names_from_the_database_cannot_inject_markup(browser: Browser, page_file: Path) -> None:
    page = look(browser, page_file).page
    assert page.evaluate("window.broken") is None
    assert page.locator("main img").count() == 0
    assert page.locator("h1").inner_text().startswith("</script><script>window.broken=1")
    assert "49" not in page.locator("h1").inner_text()
    page.context.close()


@pytest.mark.thorough
def test_the_theme_switch_changes_page_and_figures(browser: Browser, page_file: Path) -> None:
    page = look(browser, page_file, waits=True).page
    switch = page.locator("#theme")
    assert switch.inner_text() == "Dark colours"
    for expected in ("dark", "light"):
        switch.press("Enter")  # as the keyboard does
        assert page.evaluate("document.documentElement.dataset.theme") == expected
        page.wait_for_function(
            "wanted => [...document.querySelectorAll('[data-chart]')].every(place => place.dataset.drawn === wanted)",
            arg=expected,
        )
    page.emulate_media(color_scheme="dark")  # the reader's choice goes before the system's
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert switch.inner_text() == "Dark colours"
    page.context.close()


def test_the_report_page_is_readable_without_javascript(browser: Browser, page_file: Path) -> None:
    page = look(browser, page_file, script=False).page
    assert page.locator("noscript").count() == 1
    assert page.locator("#verdict .sentence").is_visible()
    assert page.locator("figcaption").first.is_visible()
    assert page.locator("table").count() >= 3
    page.context.close()


@pytest.mark.thorough
def test_the_printed_report_is_light_and_complete(browser: Browser, page_file: Path) -> None:
    page = look(browser, page_file, scheme="dark").page
    page.evaluate("window.onafterprint = null; dispatchEvent(new Event('beforeprint'))")
    drawn = page.eval_on_selector_all("[data-chart]", "places => places.map(place => place.dataset.drawn)")
    assert set(drawn) == {"light"}
    assert page.eval_on_selector_all("details", "all => all.every(one => one.open)")
    page.emulate_media(media="print")
    assert not page.locator("#theme").is_visible()
    assert not page.locator("nav").is_visible()
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("[data-drawn=dark]").count() == len(drawn)
    assert not page.eval_on_selector_all("main details", "all => all.some(one => one.open)")
    page.context.close()


@pytest.mark.thorough
def test_figures_follow_the_width_of_the_window(browser: Browser, page_file: Path) -> None:
    page = look(browser, page_file, waits=True).page
    page.set_viewport_size({"width": 500, "height": 900})
    page.wait_for_function(
        "[...document.querySelectorAll('[data-chart]')].every(place =>"
        " Math.abs(place.querySelector('svg.main-svg').getBoundingClientRect().width - place.clientWidth) < 2)"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 500
    page.context.close()
