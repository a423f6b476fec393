"""Tables on a terminal: as wide as it is, and no name is broken, so that it can be copied."""

import os
import pty
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
from fleet_records import HAND, ONE, STUDY

from hpo.cli.printing.console import table
from hpo.cli.printing.status_text import show_studies, show_workers
from hpo.storage.queries.status import StudyStatus

LONG = "fcnn-semi-supervised-wide-and-deep-report-quick"  # 47 characters
LONGEST = f"{LONG}-with-every-augmentation-there-is"  # 81


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], None]], list[str]]:
    """What is printed to a terminal of that many columns, in lines."""

    def run(columns: int, show: Callable[[], None]) -> list[str]:
        ours, theirs = pty.openpty()
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", "xterm")
        with os.fdopen(theirs, "w") as terminal, monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", terminal)
            show()
        with os.fdopen(ours, "rb") as screen:
            out = b""
            try:
                while more := screen.read1(65536):
                    out += more
            except OSError:  # the terminal's other end is closed, and all is read
                pass
        return out.decode().replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()

    return run


def studies(*names: str) -> list[StudyStatus]:
    return [replace(STUDY, study=name, target=2_000, settled=1_999, complete=1_000, pruned=900) for name in names]


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("name", ["cnn", LONG, LONGEST])
def test_the_table_of_studies_fits_the_terminal_and_breaks_no_name(
    printed: Callable[..., list[str]], columns: int, name: str
) -> None:
    lines = printed(columns, lambda: show_studies(studies(name, "b")))
    assert any(name in line.split() for line in lines)
    assert all(len(line.rstrip()) <= columns for line in lines if LONGEST not in line)
    assert sum("1999/2000" in line for line in lines) == 2
    assert sum("0.875" in line for line in lines) == 2


def test_columns_left_out_of_a_narrow_table_are_named_and_wide_shows_them(
    printed: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    narrow = "\n".join(printed(80, lambda: show_studies(studies(LONG))))
    assert "pruned" not in narrow
    assert "pruned" in capsys.readouterr().err.split("left out: ")[1]
    wide = "\n".join(printed(80, lambda: show_studies(studies(LONG), wide=True)))
    assert "pruned    900" in wide  # a line a cell
    assert LONG in wide
    assert "left out" not in capsys.readouterr().err


@pytest.mark.parametrize("columns", [80, 120])
def test_the_table_of_workers_fits_the_terminal_and_breaks_no_name(
    printed: Callable[..., list[str]], columns: int
) -> None:
    hand = replace(HAND, study=LONG)
    host = "gpu-node-017.cluster.example.org"
    lines = printed(columns, lambda: show_workers([replace(ONE, host=host, running_trial=hand)]))
    assert any(f"{host}:7" in line for line in lines)
    assert any(LONG in line for line in lines)
    assert all(len(line.rstrip()) <= columns for line in lines)


def test_a_pipe_gets_every_column_whole(capsys: pytest.CaptureFixture[str]) -> None:
    show_studies(studies(LONGEST))
    out = capsys.readouterr()
    assert [LONGEST, "running", "1999/2000", "1000", "900", "0", "1", "0.875", "2"] in [
        line.split() for line in out.out.splitlines()
    ]
    assert "left out" not in out.err


def test_text_is_broken_at_blanks_before_anything_is_left_out(printed: Callable[..., list[str]]) -> None:
    words = "a configuration of five words " * 4
    lines = printed(80, lambda: table(["name", "what", "more"], [[LONG, words, "1"]], text=(1,), optional=(2,)))
    assert any(LONG in line for line in lines)
    assert "more" in lines[1]
    assert all(word in words.split() for line in lines[3:] for word in line.replace(LONG, "").split() if word != "1")
