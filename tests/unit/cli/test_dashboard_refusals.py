"""What `hpo dashboard` refuses, in one line."""

import io
from pathlib import Path

import pytest

from hpo.cli.main import main

GOOD = "correct horse battery\n"


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (["--host", "0.0.0.0"], "", "there is no user: hpo dashboard adduser NAME --write"),
        (["--users", "none.json"], "", "there is no user in none.json"),
        (["--host", "300.0.0.1"], "", "no address of this machine"),
        (["--allowed-host", "http://x"], "", "no host name"),
        (["--artifacts", "/dev/null/x"], "", "no such folder can be made"),
        (["--log", "xml"], "", "text or json"),
        ([], "", "there is no database"),
        (["adduser", "ada", "--password-stdin"], "short\n", "5 characters: 12 to 256"),
        (["adduser", "ada", "--password-stdin"], "", "0 characters"),
        (["adduser", "a b", "--password-stdin"], GOOD, "no name of a user"),
        (["adduser", "ada"], GOOD, "--password-stdin"),
        (["deluser", "ada"], "", "there is no user 'ada'"),
    ],
)
def test_invalid_dashboard_options_are_refused_in_one_line(
    arguments: list[str],
    stdin: str,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("HPO_USERS", "HPO_DASHBOARD_USER", "HPO_DASHBOARD_PASSWORD", "HPO_DASHBOARD_PASSWORD_FILE", "HPO_LOG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
    assert main(["dashboard", *arguments]) in (1, 2)
    told = capsys.readouterr()
    assert words in told.err
    assert told.err.count("\n") == 1
    assert not told.out
