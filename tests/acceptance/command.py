"""The command in a process of its own: how it is run, and what it leaves behind."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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


def own_model() -> str:
    """The definition in the README's section on a model of one's own, as a reader would copy it."""
    readme = (PROJECT / "README.md").read_text()
    found = re.search(r"```python\n(# wine\.py\n.*?)```", readme, re.DOTALL)
    assert found is not None
    return found[1]
