"""The real command in a real process."""

import subprocess
import sys
from pathlib import Path

import pytest
from command import Hpo, Outcome, environment, place_own_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The empty folder the command runs in."""
    made = tmp_path / "work"
    made.mkdir()
    return made


@pytest.fixture
def hpo(folder: Path) -> Hpo:
    """`hpo("status", "--json", HPO_STORAGE=...)`: run the command in `folder`, or `cwd`, and wait for its end."""

    def run(
        *args: object, stdin: str = "", timeout: float = 240, cwd: Path | None = None, **env: str | None
    ) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", "hpo", *map(str, args)],
            cwd=cwd or folder,
            env=environment(**env),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Outcome(code=done.returncode, out=done.stdout, err=done.stderr)

    return run


@pytest.fixture
def wine(folder: Path) -> Path:
    """The folder the command runs in, with the tutorial's example in it."""
    place_own_model(folder)
    return folder


@pytest.fixture
def broken(folder: Path) -> str:
    """A PYTHONPATH on which lies a TensorFlow that cannot be loaded."""
    package = folder / "broken" / "tensorflow"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('libcudart is missing')")
    return str(package.parent)
