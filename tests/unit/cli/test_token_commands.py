"""`hpo dashboard token`: a token is shown once, listed without itself, and revoked."""

import json
from pathlib import Path

import pytest

from hpo import storage
from hpo.cli.main import main
from hpo.storage import program_tokens


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    made = f"sqlite:///{tmp_path / 'hpo.db'}"
    monkeypatch.setenv("HPO_STORAGE", made)
    return made


def test_a_token_is_shown_once_and_has_the_requested_rights(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dashboard", "token", "list"]) == 1  # there is no database yet, and looking makes none
    capsys.readouterr()
    words = ["dashboard", "token", "create", "night", "--scope", "write", "--budget", "500", "--expires", "30d"]
    assert main(words) == 0
    told = capsys.readouterr()
    [text] = told.out.splitlines()
    assert told.err.startswith("night may look, stop, resume, and open 500 trials; this is shown once: ")
    found = program_tokens.find(storage.open(url), text)
    assert found is not None
    assert (found.expires_at - found.created_at).days == 30
    assert main(["dashboard", "token", "create", "day", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["name"] == "day"
    assert main(["dashboard", "token", "list"]) == 0
    listed = capsys.readouterr().out
    assert "500 of 500" in listed
    assert made["token"] not in listed
    assert main(["dashboard", "token", "list", "--json"]) == 0
    day, night = json.loads(capsys.readouterr().out)
    assert (day["name"], day["scope"], day["budget"], night["budget"]) == ("day", "read", 0, 500)
    assert main(["dashboard", "token", "revoke", "night"]) == 0
    assert program_tokens.find(storage.open(url), text) is None


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["create", "a b"], "'a b' is no name of a token"),
        (["create", "a", "--scope", "all"], "there is no scope 'all'; there are: read, write"),
        (["create", "a", "--budget", "5"], "a token that reads opens no trials"),
        (["create", "a", "--scope", "write", "--budget", "-1"], "is not a whole number from 0 to 1,000,000"),
        (["create", "a", "--expires", "2y"], "is not a time from 1s to 366d"),
        (["create", "a", "--expires", "500d"], "is not a time from 1s to 366d"),
        (["revoke", "a"], "there is no token 'a'; there is: none"),
    ],
)
def test_invalid_token_options_are_refused_in_one_line(
    url: str, capsys: pytest.CaptureFixture[str], words: list[str], why: str
) -> None:
    storage.prepare(url).close()
    assert main(["dashboard", "token", *words]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert why in told.err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--url", "http://localhost:1", "--storage", "sqlite:///hpo.db"], "leave --storage out, or --url"),
        (["--url", "http://localhost:1", "--allow-submit", "--budget", "5"], "the token has its budget"),
        (["--budget", "5"], "add --allow-submit, or leave it out"),
        (["--allow-submit"], "say how many trials may be opened, --budget TRIALS"),
        (["--url", "localhost:8080"], "is no address of a server"),
        (["--url", "https://ada:secret@localhost"], "put a token into HPO_TOKEN"),
        ([], "there is no database"),
    ],
)
def test_invalid_mcp_options_are_refused_in_one_line(
    url: str, capsys: pytest.CaptureFixture[str], words: list[str], why: str
) -> None:
    assert main(["mcp", *words]) in (1, 2)
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert why in told.err
    assert "secret" not in told.err


def test_hpo_mcp_without_its_extra_names_what_to_install(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    for name in [each for each in sys.modules if each.partition(".")[0] == "mcp" or each.startswith("hpo.mcp")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mcp", None)
    assert main(["mcp"]) == 1
    assert capsys.readouterr().err.startswith("hpo: hpo mcp needs mcp: pip install 'hpo-service[mcp]'")
