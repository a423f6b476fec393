"""`hpo report`: the file it writes, what it refuses, and what optuna-dashboard then shows."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import reported
from command import Hpo, environment
from test_startup import imported_by

from hpo import storage


@pytest.fixture
def evil(folder: Path) -> Path:
    """The folder the command runs in, with a search of 25 trials in it."""
    reported.write(folder, 25)
    return folder


@pytest.mark.thorough
def test_a_report_page_is_written_and_its_path_printed(hpo: Hpo, evil: Path) -> None:
    done = hpo("report", "evil", "-o", "page.html")
    assert (done.code, done.out) == (0, "")
    assert done.err.splitlines() == [
        "written to page.html",
        "verdict and 3 figures put on the page of evil-all-quick in optuna-dashboard",
    ]
    page = (evil / "page.html").read_text()
    assert page.startswith("<!doctype html>")
    assert page.rstrip().endswith("</html>")
    assert "hpo compare evil-all-quick" in page
    assert sorted(path.name for path in evil.glob(".*.part.*")) == []


def test_markdown_says_the_same_without_figures(hpo: Hpo, evil: Path) -> None:
    done = hpo("report", "evil", "-o", "page.md", "--no-dashboard")
    assert (done.code, done.err) == (0, "written to page.md\n")
    text = (evil / "page.md").read_text()
    assert "**Not compared yet.** The best of 20 complete trials" in text
    assert "## Not in this report" in text
    assert "| trial | accuracy | took | configuration |" in text
    assert "\n<script" not in text


@pytest.mark.thorough
def test_a_report_is_written_without_importing_tensorflow(evil: Path) -> None:
    there = imported_by(evil, ("report", "evil", "-o", "page.html"))
    assert "plotly" in there
    assert not there & {"tensorflow", "keras"}


def test_an_empty_study_gets_a_page_that_says_how_to_begin(hpo: Hpo, folder: Path) -> None:
    reported.write(folder, 0)
    done = hpo("report", "evil", "-o", "page.md", "--no-dashboard")
    assert done.code == 0, done.err
    text = (folder / "page.md").read_text()
    assert "**Not compared yet.** The study has no trials yet, so there is nothing to judge." in text
    assert "hpo optimize" in text


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (("evil", "-o", "page.txt"), 2, "the name page.txt does not tell the format: end it in .html or .md"),
        (("other", "-o", "page.html"), 1, "there is no study 'other'"),
    ],
)
def test_invalid_report_requests_are_refused_in_one_line(
    hpo: Hpo, evil: Path, arguments: tuple[str, ...], code: int, line: str
) -> None:
    before = sorted(evil.iterdir())
    done = hpo("report", *arguments)
    assert (done.code, done.out) == (code, "")
    assert line in done.err
    assert len(done.err.splitlines()) == 1
    assert sorted(evil.iterdir()) == before


@pytest.mark.thorough
def test_a_report_that_fails_leaves_the_old_file(hpo: Hpo, evil: Path) -> None:
    (evil / "page.html").write_text("the old one")
    (evil / "evil.py").write_text("raise SystemExit('no definition any more')")
    assert hpo("report", "other", "-o", "page.html").code == 1
    assert (evil / "page.html").read_text() == "the old one"
    done = hpo("report", "evil", "-o", "page.html", "--no-dashboard")  # without its definition the rest is told
    assert done.code == 0, done.err
    assert "The definition: " in (evil / "page.html").read_text()


@pytest.fixture
def served(evil: Path) -> Iterator[str]:
    """Address of an optuna-dashboard over that storage."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("optuna-dashboard")), "sqlite:///hpo.db", "--port", str(port)]
    server = subprocess.Popen(
        [*command, "--host", "127.0.0.1"],
        cwd=evil,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(30)


def asked(address: str) -> dict[str, object]:
    """The dashboard's answer, as soon as it gives one."""
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:
                found: dict[str, object] = json.load(answer)
                return found
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@pytest.mark.thorough
def test_the_dashboard_shows_verdict_and_figures_once(hpo: Hpo, evil: Path, served: str) -> None:
    import optuna
    from optuna_dashboard import save_note

    opened = storage.open(f"sqlite:///{evil}/hpo.db")
    save_note(optuna.load_study(study_name="evil-all-quick", storage=opened.optuna), "Ask Ana about row 3.")
    opened.close()
    for _ in range(2):  # the second takes the first one's place
        assert hpo("report", "evil", "-o", "page.html").code == 0
    shown = asked(f"{served}/api/studies/1?after=0")
    figures = shown["plotly_graph_objects"]
    assert isinstance(figures, list)
    assert {figure["id"] for figure in figures} == {"hpo-history", "hpo-importances", "hpo-interaction"}
    for figure in figures:
        drawn = json.loads(figure["graph_object"])
        assert drawn["layout"]["paper_bgcolor"] == "#ffffff"
        assert drawn["data"]
    note = shown["note"]
    assert isinstance(note, dict)
    body = str(note["body"])
    assert body.startswith("Ask Ana about row 3.")
    assert body.count("The best of 20 complete trials") == 1
