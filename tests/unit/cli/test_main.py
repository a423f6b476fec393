"""Errors become one line and an exit code; in this process, with commands that train nothing."""

import os
import subprocess
import sys

import pytest
import typer

from hpo.cli import app as application
from hpo.cli import main
from hpo.errors import StorageError, UsageError

HOW = "run it again with HPO_DEBUG=1 to see where"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch):
    """Replace the application by one whose only work is to raise."""

    def install(error: BaseException) -> None:
        made = typer.Typer(rich_markup_mode=None)

        @made.command()
        def go() -> None:
            raise error

        @made.command()
        def other() -> None:
            """A second command, so that `go` keeps its name."""

        monkeypatch.setattr(application, "app", made)

    return install


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (StorageError("no\n  database"), 1, "hpo: no database\n"),
        (UsageError("no such thing"), 2, "hpo: no such thing\n"),
        (KeyboardInterrupt(), 130, "hpo: interrupted\n"),
        (OSError(28, "No space left on device", "x.json"), 1, "hpo: No space left on device: x.json\n"),
        (ZeroDivisionError("oops"), 1, f"hpo: unexpected ZeroDivisionError: oops; {HOW}\n"),
        (typer.Abort(), 1, "hpo: not confirmed, so nothing was done\n"),
    ],
)  # fmt: skip
def test_an_error_is_one_line_and_an_exit_code(command, error, code, line, capfd: pytest.CaptureFixture[str]) -> None:
    command(error)
    assert main(["go"]) == code
    assert capfd.readouterr().err == line


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["init", "x.py", "--kind", "nosuch"], "'nosuch' is not one of 'objective', 'definition', 'command'"),
        (["dashboard", "--port", "99999"], "'99999' is not a whole number from 0 to 65,535"),
        (["dashboard", "--port", "x"], "'x' is not a whole number from 0 to 65,535"),
    ],
)
def test_an_invalid_option_value_is_named_with_the_valid_ones(
    words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    line = f"hpo: invalid value for '{words[-2]}': {why}; see 'hpo {words[0]} --help'\n"
    assert capsys.readouterr().err == line


def test_hpo_debug_shows_the_traceback(command, monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("HPO_DEBUG", "1")
    command(ZeroDivisionError("oops"))
    assert main(["go"]) == 1
    err = capsys.readouterr().err
    assert "Traceback (most recent call last)" in err
    assert "in go" in err
    assert "HPO_DEBUG" not in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nope"], ["'nope'", "hpo --help"]),
        (["statsu"], ["'statsu'", "did you mean 'status'", "hpo --help"]),
        (["optimize"], ["DEFINITION", "hpo optimize --help"]),
        (["optimize", "cnn"], ["--trials", "hpo optimize --help"]),
        (["optimize", "cnn", "--trials"], ["--trials", "requires an argument"]),
        (["optimize", "cnn", "--trails", "5"], ["--trails", "--trials"]),
        (["optimize", "cnn", "--trials", "-5"], ["--trials", "'-5'", "from 1 to 100,000"]),
        (["optimize", "cnn", "--trials", "9" * 30], ["--trials", "from 1 to 100,000"]),
        (["optimize", "cnn", "--trials", "5", "--workers", "-1"], ["--workers", "from 0 to 256"]),
        (["optimize", "cnn", "--trials", "5", "--seed", "-1"], ["--seed", "from 0 to 4,294,967,295"]),
        (["optimize", "cnn", "--trials", "5", "--until", "nan"], ["--until", "finite"]),
        (["optimize", "cnn", "--trials", "5", "--timeout", "0"], ["--timeout", "10m"]),
        (["optimize", "cnn", "--trials", "5", "--memory-limit", "1M"], ["--memory-limit", "256M"]),
        (["trial", "cnn", "seven"], ["NUMBER", "'seven'"]),
        (["trial", "cnn", "-1"], ["-1"]),
        (["data", "delete"], ["'delete'", "fetch", "check"]),
        (["show", "cnn", "fcnn"], ["fcnn", "hpo show --help"]),
    ],
)
def test_wrong_usage_names_the_value_the_limit_and_where_to_read_more(
    arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.count("\n") == 1
    assert written.err.startswith("hpo: ")
    for word in words:
        assert word.lower() in written.err.lower()


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "Commands:" in capsys.readouterr().out


def test_a_closed_output_pipe_is_not_reported_as_an_error() -> None:
    script = f"{sys.executable} -m hpo optimize --help | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, env=dict(os.environ))
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] in ("0", "1")


def test_output_that_cannot_be_written_is_reported() -> None:
    script = f"{sys.executable} -m hpo optimize --help > /dev/full"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 1
    assert done.stderr == "hpo: No space left on device\n"
