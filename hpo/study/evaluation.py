"""How a configuration is judged during a search: on rows held out of the development rows, never on the test rows."""

from dataclasses import dataclass

from hpo.errors import DefinitionError

__all__ = ["Evaluation", "Holdout", "KFold"]


@dataclass(frozen=True, kw_only=True)
class Holdout:
    """Train on some of the development rows and score on `rows` others, the same for every trial of a study."""

    rows: int  # validation rows
    stratified: bool = False  # keep the share of each class, for a classification

    def __post_init__(self) -> None:
        if self.rows < 1:
            raise DefinitionError(f"a Holdout needs 1 row or more to score on, not {self.rows}")


@dataclass(frozen=True, kw_only=True)
class KFold:
    """k-fold cross-validation on the development rows, cut anew for each trial (arXiv 2405.15393)."""

    folds: int = 5  # unless the fidelity says otherwise

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise DefinitionError(f"a KFold needs 2 folds or more, not {self.folds}")


Evaluation = Holdout | KFold
