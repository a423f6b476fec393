"""The dashboard in a real browser: a fleet at work, stopped, resumed, reported on, and optuna-dashboard beside it."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import paced
import pytest
from command import Hpo, environment
from playwright.sync_api import Browser, Page, expect

from hpo.experiments.search_plan import Request
from hpo.experiments.search_run import submit
from hpo.web.security import users

STUDY = "paced-line-quick"
PASSWORD = "a horse, a stapler"
SOON = 30_000  # ms a busy machine may take for what is a matter of a second or two


@dataclass
class Seen:
    """A page of somebody's, and what their browser complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)


@contextmanager
def running(folder: Path, *command: str) -> Iterator[subprocess.Popen[str]]:
    """A command of ours until the end of the test; it works in `folder`."""
    with (folder / f"{command[0]}.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "hpo", *command], cwd=folder, env=environment(), text=True, stderr=log, stdout=log
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextmanager
def served(folder: Path, port: int = 0) -> Iterator[str]:
    """The dashboard; its address."""
    log = folder / "dashboard.log"
    before = log.stat().st_size if log.exists() else 0
    with running(folder, "dashboard", "--port", str(port), "--users", "users.json") as process:
        yield wait_for(process, lambda: re.search(r"(http://[\d.:]+)/ shows", log.read_text()[before:]))


def wait_for(process: subprocess.Popen[str], look: Callable[[], re.Match[str] | None]) -> str:
    """What it says, as soon as it does; it must not end before."""
    while (found := look()) is None:
        try:
            code = process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(f"it ended with {code}")
    return found[1]


def prepare(folder: Path) -> Path:
    """The folder, with a study of 8 trials nobody works at, a writer and a reader."""
    paced.allow(folder, 0)
    url = f"sqlite:///{folder / 'hpo.db'}"
    definition = f"{paced.FILE}:study"
    submit(Request(definition=definition, fidelity="quick", trials=8, storage=url, sampler="random", seed=1))
    users.add(folder / "users.json", "anna", PASSWORD, may_write=True)
    users.add(folder / "users.json", "rita", PASSWORD, may_write=False)
    return folder


@pytest.fixture
def site(folder: Path) -> Iterator[str]:
    """The address of a dashboard, of this test's own; commands of the test work in the same folder."""
    with served(prepare(folder)) as address:
        yield address


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dashboard for those who change nothing."""
    with served(prepare(tmp_path_factory.mktemp("still"))) as address:
        yield address


def logged_in(browser: Browser, site: str, user: str, **context: object) -> Seen:
    """A browser of that user, at the overview."""
    seen = Seen(page=browser.new_context(**context).new_page())  # type: ignore[arg-type]
    seen.page.set_default_timeout(SOON)
    log_in(seen.page, site, user)
    seen.page.on("console", lambda message: seen.complaints.append(message.text))
    seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    return seen


def log_in(page: Page, address: str, user: str) -> None:
    page.goto(address)
    page.get_by_label("Name").fill(user)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_load_state()


def see(page: Page, place: str, text: str | re.Pattern[str]) -> None:
    expect(page.locator(place)).to_contain_text(text, timeout=SOON)


@pytest.mark.thorough
def test_a_fleet_is_watched_stopped_and_resumed(browser: Browser, site: str, folder: Path, hpo: Hpo) -> None:
    seen = logged_in(browser, site, "anna")
    page = seen.page
    see(page, "#studies", "waiting")
    see(page, "#studies", "0 of 8 settled")
    page.evaluate("window.loaded = 'once'")
    stop = page.get_by_role("button", name="Stop")
    stop.focus()
    with running(folder, "worker", "--cpu", "--processes", "2", "--objective", f"{paced.FILE}:objective"):
        see(page, "#studies", "2 running")
        expect(page.locator("#fleet tbody tr")).to_have_count(2, timeout=SOON)
        see(page, "#fleet", f"{STUDY}, trial 1")
        paced.allow(folder, 3)
        see(page, "#studies", "3 of 8 settled")
        expect(stop).to_be_focused()

        page.get_by_role("link", name=STUDY, exact=True).first.click()
        page.wait_for_url(f"**/studies/{STUDY}")
        see(page, "#found", "baseline middle")
        see(page, "#trials", "1 trial failed ZeroDivisionError: no such luck")
        page.evaluate("window.loaded = 'once'")
        page.get_by_label("Why").fill("enough for today")
        paced.allow(folder, 4)
        see(page, "#progress", "4 of 8 settled")
        expect(page.get_by_label("Why")).to_have_value("enough for today")
        expect(page.get_by_label("Why")).to_be_focused()

        page.get_by_role("button", name="Stop", exact=True).press("Enter")
        see(page, "#progress", "Stopped by anna")
        see(page, "#progress", "enough for today")
        paced.allow(folder, 6)  # what is in hand is finished, and nothing new begins
        see(page, "#progress", "6 of 8 settled")
        see(page, "#workers", "No worker is at this study")
        assert '"running": 0' in hpo("status", STUDY, "--json").out

        paced.allow(folder, 100)
        page.get_by_role("button", name="Resume").click()
        see(page, "#progress", "8 of 8 settled")
        see(page, "#progress .badge", "done")
    assert page.evaluate("window.loaded") == "once"
    assert seen.complaints == []
    page.context.close()


def test_pages_reports_and_optuna_dashboard_link_to_one_another(
    browser: Browser, site: str, folder: Path, hpo: Hpo
) -> None:
    paced.allow(folder, 100)
    work = hpo("worker", "--cpu", "--drain", "--processes", 1, "--objective", f"{paced.FILE}:objective")
    assert work.code == 0, work.err
    seen = logged_in(browser, site, "rita")
    page = seen.page
    page.get_by_role("link", name="Report").click()
    page.wait_for_selector("html[data-ready=yes]", timeout=60_000)
    assert page.locator("[data-chart] svg.main-svg").count() > 0
    expect(page.locator("#verdict")).to_contain_text("hpo compare")
    page.get_by_role("link", name="Live").click()
    page.wait_for_url(f"**/studies/{STUDY}")
    assert seen.complaints == []  # ours are still; optuna-dashboard's are its own affair

    page.locator("main").get_by_role("link", name="optuna-dashboard", exact=True).click()
    page.wait_for_url("**/dashboard/studies/**")
    page.locator("a[href$='/note']").click()
    page.get_by_role("link", name="Live page").click()  # in the note we keep there
    page.wait_for_url(f"**/studies/{STUDY}")
    page.go_back()
    page.get_by_role("link", name="← hpo").click()  # beside everything of optuna-dashboard
    page.wait_for_url(f"{site}/")
    page.context.close()


@pytest.mark.thorough
def test_a_reader_sees_pages_without_forms_and_is_told_when_they_are_stale(browser: Browser, still: str) -> None:
    page = logged_in(browser, still, "rita").page
    for path in ("/", f"/studies/{STUDY}"):
        page.goto(still + path)
        see(page, "main", "0 of 8 settled")
        assert page.locator("main form").count() == 0
    page.route("**/live/**", lambda route: route.fulfill(status=503, json={"reason": "the database is away"}))
    see(page, "#away", "the database is away. What you see is as it was at")
    page.unroute("**/live/**")
    expect(page.locator("#away")).to_be_hidden(timeout=SOON)
    page.context.close()


def test_without_javascript_pages_are_readable_and_studies_can_be_stopped(browser: Browser, site: str) -> None:
    page = logged_in(browser, site, "anna", java_script_enabled=False).page
    assert page.locator("noscript").count() == 1
    page.get_by_role("button", name="Stop").click()
    page.wait_for_url(f"**/studies/{STUDY}")
    see(page, "#progress", "Stopped by anna")
    page.get_by_role("button", name="Resume").click()
    see(page, "#progress", "waiting")
    page.get_by_role("button", name="Log out").click()
    page.goto(site)
    assert page.get_by_label("Password").is_visible()
    page.context.close()


@pytest.mark.thorough
def test_pages_show_an_unreachable_server_and_recover(browser: Browser, folder: Path) -> None:
    with served(prepare(folder)) as site:
        page = logged_in(browser, site, "anna").page
        page.wait_for_selector("[data-asked]", state="attached")
    see(page, "#away", "The server cannot be reached")
    see(page, "#studies", "0 of 8 settled")  # what was seen stays
    with served(folder, port=int(site.rsplit(":", 1)[1])):  # which knows the logins of the one before
        expect(page.locator("#away")).to_be_hidden(timeout=SOON)
        users.add(folder / "users.json", "anna", PASSWORD, may_write=True)  # set anew, which ends her sessions
        see(page, "#away", "You are logged out")
        page.get_by_role("link", name="Log in again").click()
        log_in(page, page.url, "anna")
        see(page, "#studies", "0 of 8 settled")
        expect(page.locator("#away")).to_be_hidden()
    page.context.close()


@pytest.fixture(params=[(1280, "light"), (390, "dark")], ids=str)
def shown(request: pytest.FixtureRequest, browser: Browser) -> dict[str, object]:
    width, scheme = request.param
    return {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}


def test_pages_fit_every_width_in_both_themes_in_a_browser(
    browser: Browser, still: str, shown: dict[str, object]
) -> None:
    seen = logged_in(browser, still, "anna", **shown)
    page = seen.page
    dark = shown["color_scheme"] == "dark"
    for path in ("/", f"/studies/{STUDY}", "/studies/none"):
        page.goto(still + path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert (paper == "rgb(255, 255, 255)") is not dark
    switch = page.get_by_role("button", name="Light colours" if dark else "Dark colours")
    switch.press("Enter")
    page.goto(still)  # the choice holds on the next page
    paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") is dark
    assert [text for text in seen.complaints if "404" not in text] == []
    page.context.close()
