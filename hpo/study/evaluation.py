"""How a configuration is judged during a search, and how much work that is: on development rows, never on test rows."""

from dataclasses import dataclass
from typing import Annotated

from hpo.study.checked_records import Least, Name, Positive, Whole, check

__all__ = [
    "ByObjective",
    "Evaluation",
    "Fidelity",
    "Holdout",
    "KFold",
]


@dataclass(frozen=True, kw_only=True)
class Holdout:
    """Train on some of the development rows and score on `rows` others, the same for every trial of a study.

    Raises:
        DefinitionError: fewer than 1 row.

    """

    rows: Whole  # validation rows
    stratified: bool = False  # keep the share of each class, for a classification

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, kw_only=True)
class KFold:
    """k-fold cross-validation on the development rows, cut anew for each trial (arXiv 2405.15393).

    Raises:
        DefinitionError: fewer than 2 folds.

    """

    folds: Annotated[int, Least(2)] = 5  # unless the fidelity says otherwise

    def __post_init__(self) -> None:
        check(self)


Evaluation = Holdout | KFold
"""How a search judges a configuration, on development rows alone."""


@dataclass(frozen=True, kw_only=True)
class ByObjective:
    """An objective of somebody's own judges a configuration, on whatever rows it likes: nobody else knows which."""

    def __post_init__(self) -> None:
        check(self)


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
