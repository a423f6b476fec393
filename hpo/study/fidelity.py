"""How much work one evaluation of a search does."""

from dataclasses import dataclass

__all__ = ["Fidelity"]


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """One amount of work; the first one a definition declares is what a search uses unless told otherwise."""

    name: str
    epochs: int  # passes over the training rows
    rows: int | None = None  # training rows of one evaluation; None: all there are
    folds: int | None = None  # folds of a cross-validation; None: as the evaluation says
    trial_seconds: float | None = None  # one trial of a search on one core, on average, for "about how long it takes"
