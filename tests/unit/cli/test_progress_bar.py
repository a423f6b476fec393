import contextlib
import io
import logging
import re

import pytest

from hpo.cli.printing.console import duration
from hpo.cli.printing.progress_bar import Display, LineLimit, line
from hpo.logs import PRINTED
from hpo.storage.queries.status import Progress
from hpo.storage.queries.study_results import Best


def progress(**changes: object) -> Progress:
    values: dict[str, object] = {
        "study": "s", "target": 50, "settled": 12, "complete": 8, "pruned": 3, "failed": 1, "running": 2, "open": 36,
        "best": Best(number=7, value=0.91234567, params={}), "eta_seconds": 240.0,
    }  # fmt: skip
    return Progress(**{**values, **changes})  # type: ignore[arg-type]


def test_a_progress_line_shows_states_best_and_time_left() -> None:
    expected = "12/50 done, 2 running, 3 pruned, 1 failed, best 0.912346 (trial 7), about 4 min left"
    assert line(progress()) == expected


def test_a_progress_line_omits_unknown_and_finished_parts() -> None:
    assert line(progress(best=None, eta_seconds=None, running=0)) == "12/50 done, 3 pruned, 1 failed"
    assert "left" not in line(progress(settled=50, open=0))


@pytest.mark.parametrize(("seconds", "of_it"), [(100.0, True), (290.0, True), (400.0, False)])
def test_a_progress_line_says_when_the_time_of_the_run_is_up_where_that_may_come_first(
    seconds: float, of_it: bool
) -> None:
    said = line(progress(eta_range=(200.0, 300.0), timeout_seconds=seconds))
    assert (f"its time is up in {duration(seconds)}" in said) is of_it
    assert "its time is up" in line(progress(eta_seconds=None, timeout_seconds=seconds)), "nobody knows which is first"
    assert line(progress(timeout_seconds=0.0)).endswith("left, its time is up")
    assert "its time is up" not in line(progress(settled=50, eta_range=(2.0, 3.0), timeout_seconds=1.0))


def test_plain_lines_go_to_stderr_once_each_after_the_announcement(capsys: pytest.CaptureFixture[str]) -> None:
    announced = []
    with Display(lambda: announced.append(capsys.readouterr()), plain=True) as display:
        assert not announced
        for state in (progress(), progress(), progress(settled=50), progress(settled=50)):
            display(state)
    written = capsys.readouterr()
    assert len(announced) == 1
    assert written.out == ""
    assert written.err.splitlines() == [line(progress()), line(progress(settled=50))]


def test_a_change_of_the_time_left_alone_prints_no_line() -> None:
    limit = LineLimit()
    last = progress(settled=50)
    assert limit.due(last)
    assert not limit.due(progress(settled=50, eta_seconds=1.0))
    assert limit.due(progress(settled=50, failed=2))


def test_a_display_that_was_never_called_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Display(lambda: None):
        pass
    assert capsys.readouterr() == ("", "")


class Terminal(io.StringIO):
    """A stderr somebody watches."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    made = Terminal()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "160")
    for name in ("CI", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return made


def watched(terminal: Terminal, **options: bool) -> str:
    with contextlib.redirect_stderr(terminal), Display(lambda: terminal.write("announced\n"), **options) as display:
        display(progress())
        display(progress(settled=13, pruned=4))
    return terminal.getvalue()


def test_on_a_terminal_there_is_one_bar_that_is_redrawn(terminal: Terminal) -> None:
    shown = watched(terminal)
    assert shown.startswith("announced\n")
    assert "\x1b[" in shown  # the cursor is moved
    assert line(progress(settled=13, pruned=4)) in shown


@pytest.mark.parametrize(("name", "value"), [("CI", "true"), ("TERM", "dumb")])
def test_plain_lines_replace_the_bar_in_ci_and_dumb_terminals(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert "\x1b" not in watched(terminal)


def test_quiet_gives_lines_on_a_terminal_too(terminal: Terminal) -> None:
    assert "\x1b" not in watched(terminal, plain=True)


def test_no_color_turns_off_colours_of_the_progress_bar(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    coloured = re.compile(r"\x1b\[[\d;]*(3\d|38;)[\d;]*m")
    assert coloured.search(watched(terminal))
    terminal.truncate(0)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured.search(watched(terminal))


PRINTS = logging.getLogger(PRINTED)


def test_printed_lines_are_shown_while_progress_is_displayed(
    terminal: Terminal, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    PRINTS.info("before")
    with Display(lambda: None) as display:
        PRINTS.info("before anything is shown")
        display(progress())
        PRINTS.info("building [bold]with[/bold] 50%d")
    PRINTS.info("after")
    assert capsys.readouterr().err.splitlines() == [line(progress()), "building [bold]with[/bold] 50%d"]
    assert caplog.messages == []  # and by nobody else


def test_printed_lines_appear_above_the_bar(terminal: Terminal) -> None:
    with contextlib.redirect_stderr(terminal), Display(lambda: None) as display:
        display(progress())
        PRINTS.info("building with 7 units")
        display(progress(settled=13))
    shown = terminal.getvalue()
    printed, last = shown.index("building with 7 units"), shown.rindex(line(progress(settled=13)))
    assert printed < last
    assert shown[:printed].endswith(("\x1b[2K", "\r"))  # the bar was wiped before


def test_quiet_hides_printed_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with Display(lambda: None, plain=True) as display:
        display(progress())
        PRINTS.info("building with 7 units")
    assert capsys.readouterr().err.splitlines() == [line(progress())]
