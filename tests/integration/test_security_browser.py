"""A real browser: a page elsewhere that uses its reader's cookies, notes and files with scripts."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from besieged import HTML, SVG, WRITER, Castle, castle
from playwright.sync_api import Browser, BrowserContext
from program_attacks import HOSTILE, PROGRAM

from hpo.web.addresses import segment

_ELSEWHERE = """<!doctype html><title>elsewhere</title>
<form id="form" method="post" target="frame" action="VICTIM/studies/toy/stop"><input name="csrf_token"></form>
<iframe name="frame"></iframe><iframe src="VICTIM/dashboard"></iframe><img src="VICTIM/api/studies">
<script>
  const ask = (path, options) => fetch("VICTIM" + path, { credentials: "include", ...options })
    .then(async (answer) => answer.type === "opaque" ? "sent" : await answer.text(), () => "refused");
  document.getElementById("form").submit();
  window.tried = Promise.all([
    ask("/api/studies"),
    ask("/api/studies/1", { method: "DELETE" }),
    ask("/api/studies/2/2/skip", { method: "POST", mode: "no-cors" }),
    ask("/api/v1/studies"),
    ask("/api/v1/studies/found/stop", { method: "POST", mode: "no-cors", body: "{}" }),
  ]);
</script>"""
_NOTE = """<script>window.hit = 1</script><img src=x onerror="window.hit = 2">
<a href="javascript:window.hit = 3">one</a>
<iframe srcdoc="<script>parent.hit = 4</script>"></iframe>

[two](javascript:window.hit=5) and **the end**
"""


@pytest.fixture
def elsewhere() -> Iterator[ThreadingHTTPServer]:
    """A site of somebody else's: 127.0.0.1, where ours is localhost."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(self.server.page.encode())  # type: ignore[attr-defined]

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def logged_in(browser: Browser, place: Castle) -> BrowserContext:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"http://localhost:{place.port}/login")
    page.fill("[name=name]", WRITER[0])
    page.fill("[name=password]", WRITER[1])
    page.click("button")
    page.wait_for_url(f"http://localhost:{place.port}/")
    return context


@pytest.mark.thorough
@pytest.mark.parametrize("guarded", [False, True])
def test_a_cross_site_page_cannot_use_the_session_cookie(
    browser: Browser, elsewhere: ThreadingHTTPServer, tmp_path: Path, guarded: bool
) -> None:
    with castle(tmp_path, guarded=guarded) as place:
        before = place.state()
        context = logged_in(browser, place) if guarded else browser.new_context()
        page = context.new_page()
        elsewhere.page = _ELSEWHERE.replace("VICTIM", f"http://localhost:{place.port}")  # type: ignore[attr-defined]
        page.goto(f"http://127.0.0.1:{elsewhere.server_port}/")
        blindly = "refused" if guarded else "sent"
        assert page.evaluate("window.tried") == ["refused", "refused", blindly, "refused", blindly]
        assert (place.state() != before) is not guarded  # without security, what was sent blindly was done
        if guarded:
            page.goto(f"http://localhost:{place.port}/api/studies")
            assert "toy" in page.content()  # the cookies were there all the while
        context.close()


@pytest.mark.thorough
def test_a_link_from_another_site_keeps_the_login(
    browser: Browser, elsewhere: ThreadingHTTPServer, tmp_path: Path
) -> None:
    with castle(tmp_path, guarded=True) as place:
        context = logged_in(browser, place)
        page = context.new_page()
        to = f"http://localhost:{place.port}/dashboard/studies/1"
        elsewhere.page = f'<!doctype html><a href="{to}">look</a>'  # type: ignore[attr-defined]
        page.goto(f"http://127.0.0.1:{elsewhere.server_port}/")
        page.click("a")
        page.get_by_text("Log out").wait_for()
        assert page.url == to
        context.close()


@pytest.mark.thorough
def test_scripts_in_notes_and_files_do_not_run(browser: Browser, tmp_path: Path) -> None:
    with castle(tmp_path, guarded=True) as place:
        wanda = place.visitor(WRITER)
        assert wanda.ask("PUT", "/api/studies/1/note", {"version": 1, "body": _NOTE}).status == 204
        wanda.close()
        context = logged_in(browser, place)
        page = context.new_page()
        page.goto(f"http://localhost:{place.port}/dashboard/studies/1/note")
        page.get_by_text("the end").wait_for()
        for link in page.get_by_role("link", name="two").all() + page.get_by_text("two").all():
            link.click(timeout=5000)
        assert page.evaluate("window.hit") is None
        for name in (HTML, SVG):
            with page.expect_download() as download:
                page.evaluate(f"location.assign('/artifacts/1/{name}')")
            assert download.value.url.endswith(name)
        assert page.title() != "mine now"
        context.close()


@pytest.mark.thorough
def test_a_hostile_study_name_runs_no_script_in_a_browser(browser: Browser, tmp_path: Path) -> None:
    """A program that may submit chooses the names that people see."""
    with castle(tmp_path, guarded=True) as place:
        program = place.visitor()
        headers = {**PROGRAM, "Authorization": f"Bearer {place.tokens['writes']}"}
        body = {"definition": "fcnn", "trials": 1, "fidelity": "quick", "name": HOSTILE}
        assert program.ask("POST", "/api/v1/studies", body, headers).status == 200
        program.close()
        context = logged_in(browser, place)
        page = context.new_page()
        for path in ("/", f"/studies/{segment(HOSTILE)}", "/dashboard"):
            page.goto(f"http://localhost:{place.port}{path}")
            page.get_by_text("onerror").first.wait_for()
            assert page.evaluate("window.hit") is None
        context.close()


@pytest.mark.thorough
def test_refusals_are_shown_on_the_dashboard_with_a_link_back(browser: Browser, tmp_path: Path) -> None:
    with castle(tmp_path, guarded=True) as place:
        context = logged_in(browser, place)
        page = context.new_page()
        page.goto(f"http://localhost:{place.port}/dashboard")
        bar = page.get_by_role("navigation", name="hpo")
        bar.get_by_text("Log out").wait_for()
        page.evaluate("fetch('/api/studies/1', {method: 'DELETE'})")
        bar.get_by_text("hpo delete STUDY").wait_for()
        bar.get_by_role("link", name="← hpo").click()
        page.wait_for_url(f"http://localhost:{place.port}/")
        page.goto(f"http://localhost:{place.port}/dashboard")
        bar.get_by_text("Log out").click()
        page.wait_for_url(f"http://localhost:{place.port}/login")
        page.goto(f"http://localhost:{place.port}/dashboard")
        assert "/login" in page.url
        context.close()
