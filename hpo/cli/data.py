"""`hpo data`: the data sets, fetched ahead of time."""

import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.arguments.options import AsJson, examples
from hpo.cli.printing.console import document, say, tell
from hpo.errors import DataError, HpoError

if TYPE_CHECKING:
    from hpo.data import FetchProgress, Located

__all__ = ["data", "register"]


class What(StrEnum):
    """What to do with the data sets."""

    fetch = "fetch"
    check = "check"


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples("hpo data", "hpo data check", "HPO_DATA_DIR=/mnt/sets hpo data check --json")
    app.command(short_help="Fetch the data sets ahead of time, and check them.", epilog=epilog)(data)


def data(
    what: Annotated[What, typer.Argument(help="fetch: fetch what is missing; check: only look.")] = What.fetch,
    as_json: AsJson = False,
) -> None:
    """Fetch the data sets ahead of time, check every file, say where each lies; exit 1 where one is missing."""
    from hpo.data import DATASETS, locate

    found: list[Located] = []
    errors: list[HpoError] = []
    for name in DATASETS:
        located = locate(name)
        if not located.ok and what is What.fetch:
            try:
                located = _fetch(name)
            except DataError as error:
                errors.append(error)
        found.append(located)
        if not as_json:
            _line(located, DATASETS[located.name])
    if as_json:
        document([_to_json(located) for located in found])
    missing = [located.name for located in found if not located.ok]
    if errors:
        raise errors[0]
    if missing:
        raise DataError(f"{', '.join(missing)}: not here or damaged; `hpo data` fetches what is missing")


def _fetch(name: str) -> "Located":
    from hpo.data import fetch

    said = 0.0

    def progress(state: "FetchProgress") -> None:
        nonlocal said
        if time.monotonic() - said >= 1:  # a line a second at most
            said = time.monotonic()
            total = f" of {state.total / 1e6:.1f}" if state.total else ""
            say(f"{name}: {state.what}, {state.done / 1e6:.1f}{total} MB")

    say(f"{name}: not here, fetching it")
    return fetch(name, progress)


def _line(located: "Located", title: str) -> None:
    tell(title)
    if located.ok:
        tell(f"  ok: {located.path} ({located.source}), every file as published")
    else:
        tell("  missing")
    for problem in located.problems:
        tell(f"  damaged: {problem}")


def _to_json(located: "Located") -> dict[str, object]:
    return {
        "name": located.name,
        "ok": located.ok,
        "source": located.source,
        "path": located.path,
        "problems": located.problems,
    }
