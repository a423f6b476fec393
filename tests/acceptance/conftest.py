"""The real command in a real process."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one run of the command left behind."""

    code: int  # exit code, negative for a signal
    out: str  # stdout
    err: str  # stderr


Hpo = Callable[..., Outcome]


def environment(**changes: str | None) -> dict[str, str]:
    """This process's environment with `changes`, and none of the settings of whoever runs the tests; None unsets."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HPO_", "_HPO", "_TYPER"))}
    clean |= {"TERM": "dumb", "COLUMNS": "100", "TF_CPP_MIN_LOG_LEVEL": "3"}
    merged = {**clean, **changes}
    return {name: value for name, value in merged.items() if value is not None}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The empty folder the command runs in."""
    made = tmp_path / "work"
    made.mkdir()
    return made


@pytest.fixture
def hpo(folder: Path) -> Hpo:
    """`hpo("status", "--json", HPO_STORAGE=...)`: run the command in `folder` and wait for its end."""

    def run(*args: object, stdin: str = "", timeout: float = 240, **env: str | None) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", "hpo", *map(str, args)],
            cwd=folder,
            env=environment(**env),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Outcome(code=done.returncode, out=done.stdout, err=done.stderr)

    return run


def own_model() -> str:
    """The definition in the README's section on a model of one's own, as a reader would copy it."""
    readme = (PROJECT / "README.md").read_text()
    found = re.search(r"```python\n(# wine\.py\n.*?)```", readme, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def wine(folder: Path) -> Path:
    """The folder the command runs in, with the README's example in it."""
    (folder / "wine.py").write_text(own_model())
    return folder
