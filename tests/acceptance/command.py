"""The command in a process of its own: how it is run, and what it leaves behind."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pages import PROJECT, blocks


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


def own_model() -> str:
    """The definition in the tutorial, as a reader would copy it."""
    found = [block.text for block in blocks(PROJECT / "docs" / "tutorial.md", "python")]
    return next(text for text in found if text.startswith("# wine.py"))


def place_own_model(folder: Path, *, quick: int | None = None) -> Path:
    """Put that definition into the folder, with the data it reads beside it; its file.

    `quick`: epochs of a fidelity below the one it has, so that a search has two to climb.
    """
    shutil.copy(PROJECT / "docs" / "wine.csv", folder)
    text = own_model()
    if quick is not None:
        one = 'Fidelity(name="quick", epochs=20)'
        assert one in text
        text = text.replace(one, f'Fidelity(name="quick", epochs={quick}), Fidelity(name="full", epochs=20)')
    file = folder / "wine.py"
    file.write_text(text)
    return file
