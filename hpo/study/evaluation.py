"""How a configuration is judged during a search: on rows held out of the development rows, never on the test rows."""

from dataclasses import dataclass
from typing import Annotated

from hpo.study.annotations import Least, Whole
from hpo.study.checked_records import check

__all__ = ["Evaluation", "Holdout", "KFold"]


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
