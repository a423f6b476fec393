"""`hpo importance`: which parameters of a search matter."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.options import AsJson, Storage, Study, examples, whole
from hpo.cli.printing.console import count, document, table, tell
from hpo.settings import storage_url

if TYPE_CHECKING:
    from hpo.analysis.parameter_importance import Importance, Importances

__all__ = ["importance", "register"]

_BAR = 20  # characters of a share of 1


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples("hpo importance cnn", "hpo importance fcnn-wide-full --json")
    app.command(short_help="Which parameters of a search matter, and how surely.", epilog=epilog)(importance)


def importance(
    study: Study,
    seed: Annotated[int, typer.Option(metavar="S", parser=whole(0, 2**32 - 1), help="Seed of the resamples.")] = 0,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Which parameters decide whether a trial is among the best, with 95 % intervals.

    A parameter without any effect reaches a share up to the one under "chance". Trials are compared on the rung where
    most have a value: complete ones, or where those are fewer than 20, all that reached the same step. Below 20 the
    intervals are wide, below 8 nothing is said. The method is PED-ANOVA, which alone of
    Optuna's knows parameters that only some trials have.
    """
    from hpo import storage as storages
    from hpo.experiments.findings import study_importances as service

    found = service.importances(storages.open(storage or storage_url()), study, seed=seed)
    if as_json:
        document(asdict(found))
        return
    if found.parameters:
        _table(found)
    for caution in found.note.split("; ") if found.note else ():
        tell(caution)


def _table(found: "Importances") -> None:
    headings = ["parameter", "share", "95 % interval", "chance", "trials", ""]
    rows = [
        [
            one.name,
            _percent(one.share),
            f"{_percent(one.ci95[0])} to {_percent(one.ci95[1])}",
            _percent(one.chance),
            str(one.trials),
            _bar(one),
        ]
        for one in found.parameters
    ]
    title = f"importance for being among the best of {count(found.trials, 'trial')} {found.basis}"
    table(headings, rows, title=title, right=(1, 2, 3, 4), optional=(5,))


def _bar(one: "Importance") -> str:
    """The share as blocks, pale ones where it may be chance, and what its interval adds as a line."""
    share, high = (round(part * _BAR) for part in (one.share, one.ci95[1]))
    return ("█" if one.share > one.chance else "░") * share + "─" * (high - share)


def _percent(share: float) -> str:
    return f"{share:.1%}".replace("%", " %")
