"""What each side spent: the search its trials, the hand its tables."""

from dataclasses import dataclass

__all__ = ["Budget", "Spent"]


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What one side did to come by its configuration."""

    trials: int  # configurations tried: settled trials of the search, distinct configurations of the tables
    epochs: float | None  # all trainings together; a search's trial on k folds counts k times
    seconds: float | None  # training, compiling included, all together; of the hand: where its tables were measured
    rows: int | None = None  # rows of the tables
    tables: int | None = None


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What both sides spent."""

    search: Spent
    hand: Spent | None  # None: the definition has no tables
    trials_to_pass: int | None
    # settled trials, the passing one included, until one was better than the baseline in the same search; None: none
    # was, or the baseline has no value there
