"""How much work one evaluation of a search does."""

from dataclasses import dataclass

from hpo.study.checks import keep, number, text, whole

__all__ = ["Fidelity"]


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """One amount of work; the first one a definition declares is what a search uses unless told otherwise.

    Raises:
        DefinitionError: its name is no text, a number is none, there are fewer than 1 epoch or row, or than 2 folds.

    """

    name: str
    epochs: int  # passes over the training rows
    rows: int | None = None  # training rows of one evaluation; None: all there are
    folds: int | None = None  # folds of a cross-validation; None: as the evaluation says
    trial_seconds: float | None = None  # one trial of a search on one core, on average, for "about how long it takes"

    def __post_init__(self) -> None:
        keep(self, name=text(self.name, "a fidelity's name"))
        what = f"fidelity {self.name!r}"
        keep(self, epochs=whole(self.epochs, f"{what}: epochs", least=1))
        if self.rows is not None:
            keep(self, rows=whole(self.rows, f"{what}: rows", least=1))
        if self.folds is not None:
            keep(self, folds=whole(self.folds, f"{what}: folds", least=2))
        if self.trial_seconds is not None:
            keep(self, trial_seconds=number(self.trial_seconds, f"{what}: trial_seconds"))
