"""What a person asks of a comparison, checked before anything is written."""

import math
from dataclasses import dataclass, field

from hpo.errors import UsageError
from hpo.experiments.measure import Limits

__all__ = ["MAX_CANDIDATES", "MAX_PAIRS", "MAX_ROUNDS", "CompareRequest"]

MAX_PAIRS = 10_000  # two trainings each
MAX_CANDIDATES = 100
MAX_ROUNDS = 1_000


@dataclass(frozen=True, kw_only=True)
class CompareRequest:
    """Compare the optimum of a search with a hand-picked configuration.

    Raises:
        UsageError: a number is out of range.

    """

    study: str  # name of the search; a definition's name where it has one search
    storage: str = field(default="sqlite:///hpo.db", repr=False)  # URL; may hold a password, so never print it
    pairs: int = 12  # of the final, earlier runs included; where there are more already, all of them count
    baseline: str | None = None  # name of the definition's; None: its first
    fidelity: str | None = None  # of the final; None: the definition's last
    candidates: int = 5  # of the search's best distinct trials that enter the race
    rounds: int = 3  # splits of the race's first heat
    margin: float | None = None  # a difference of the metric too small to matter; None: the definition's
    resample: bool | None = None
    # None: pairs whose test rows are drawn anew come as a second line where the evaluation has folds; False: never;
    # True: they are the verdict, and there are no pairs on the definition's own test rows
    limits: Limits = field(default_factory=Limits)  # workers and limits

    def __post_init__(self) -> None:
        for what, value, low, high in (
            ("pairs", self.pairs, 1, MAX_PAIRS),
            ("candidates", self.candidates, 1, MAX_CANDIDATES),
            ("rounds", self.rounds, 1, MAX_ROUNDS),
        ):
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise UsageError(f"{what} must be a whole number from {low:,} to {high:,}, not {value}")
        if self.margin is not None and not (math.isfinite(self.margin) and self.margin > 0):
            raise UsageError(f"the margin must be a finite number above 0, not {self.margin:g}")
