"""How much work one evaluation of a search does."""

from dataclasses import dataclass

from hpo.errors import DefinitionError

__all__ = ["Fidelity"]


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """One amount of work; the first one a definition declares is what a search uses unless told otherwise.

    Raises:
        DefinitionError: fewer than 1 epoch or row, or fewer than 2 folds.

    """

    name: str
    epochs: int  # passes over the training rows
    rows: int | None = None  # training rows of one evaluation; None: all there are
    folds: int | None = None  # folds of a cross-validation; None: as the evaluation says
    trial_seconds: float | None = None  # one trial of a search on one core, on average, for "about how long it takes"

    def __post_init__(self) -> None:
        for what, value, least in (("epochs", self.epochs, 1), ("rows", self.rows, 1), ("folds", self.folds, 2)):
            if value is not None and value < least:
                raise DefinitionError(f"fidelity {self.name!r}: {what} must be {least} or more, not {value}")
