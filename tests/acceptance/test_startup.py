"""What a command must not import: `hpo --help` nothing heavy, and nothing that only looks TensorFlow."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from command import environment

HEAVY = {"tensorflow", "keras", "optuna", "sqlalchemy", "numpy", "pandas", "scipy", "rich", "pooch", "psutil"}


def imported_by(folder: Path, *commands: tuple[str, ...]) -> set[str]:
    """Top-level modules a process has imported after these commands, one after the other."""
    code = (
        "import json, sys; from hpo.cli import main\n"
        "for command in json.loads(sys.argv[1]): main(command)\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(commands)],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [("--help",), ("optimize", "--help"), ("--version",), ("optimize", "cnn")])
def test_help_and_usage_errors_import_nothing_heavy(folder: Path, arguments: tuple[str, ...]) -> None:
    assert not imported_by(folder, arguments) & HEAVY


def test_reading_commands_import_neither_tensorflow_nor_optuna_nor_downloads(folder: Path) -> None:
    from hpo import storage

    storage.prepare(f"sqlite:///{folder}/hpo.db").close()
    commands = (("status",), ("status", "--json"), ("best", "cnn"), ("show", "cnn"), ("data", "check"))
    assert not imported_by(folder, *commands) & {"tensorflow", "keras", "optuna", "pooch", "psutil"}


def test_a_refused_search_imports_no_tensorflow(folder: Path) -> None:
    (folder / "text.db").write_text("this is no database " * 100)
    search = ("optimize", "cnn", "--trials", "5", "--storage", "sqlite:///text.db")
    assert "tensorflow" not in imported_by(folder, search)


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_hpo_works_with_closed_standard_streams(folder: Path, closed: str) -> None:
    from hpo import storage

    storage.prepare(f"sqlite:///{folder}/hpo.db").close()
    command = ["sh", "-c", f'"$0" -m hpo status {closed}', sys.executable]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert ("no studies" in done.stderr) == ("2>" not in closed)
