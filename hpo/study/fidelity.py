"""How much work one evaluation of a search does."""

from dataclasses import dataclass
from typing import Annotated

from hpo.study.annotations import Least, Name, Positive, Whole
from hpo.study.checked_records import check

__all__ = ["Fidelity"]


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """One amount of work; the first one a definition declares is what a search uses unless told otherwise.

    Raises:
        DefinitionError: its name is no text, a number is none, there are fewer than 1 epoch or row, or than 2 folds.

    """

    name: Name  # short: what `--fidelity` takes
    epochs: Whole  # passes over the training rows
    rows: Whole | None = None  # training rows of one evaluation; None: all there are
    folds: Annotated[int, Least(2)] | None = None  # folds of a cross-validation; None: as the evaluation says
    trial_seconds: Positive | None = None  # one trial of a search on one core, on average; for "about how long"

    def __post_init__(self) -> None:
        check(self)
