"""How a configuration is judged during a search: on rows held out of the development rows, never on the test rows."""

from dataclasses import dataclass

from hpo.study.checks import flag, keep, whole

__all__ = ["Evaluation", "Holdout", "KFold"]


@dataclass(frozen=True, kw_only=True)
class Holdout:
    """Train on some of the development rows and score on `rows` others, the same for every trial of a study."""

    rows: int  # validation rows
    stratified: bool = False  # keep the share of each class, for a classification

    def __post_init__(self) -> None:
        keep(self, rows=whole(self.rows, "a Holdout's rows to score on", least=1))
        keep(self, stratified=flag(self.stratified, "a Holdout's stratified"))


@dataclass(frozen=True, kw_only=True)
class KFold:
    """k-fold cross-validation on the development rows, cut anew for each trial (arXiv 2405.15393)."""

    folds: int = 5  # unless the fidelity says otherwise

    def __post_init__(self) -> None:
        keep(self, folds=whole(self.folds, "a KFold's folds", least=2))


Evaluation = Holdout | KFold
