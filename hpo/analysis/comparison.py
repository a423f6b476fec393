"""Does a beat b? One answer from paired scores, with its uncertainty."""

from numpy.typing import ArrayLike

from hpo.analysis.verdict import Comparison, Interval, Verdict
from hpo.study import Direction

__all__ = ["Comparison", "Interval", "Verdict", "compare"]


def compare(
    a: ArrayLike,
    b: ArrayLike,
    *,
    direction: Direction = "maximize",
    margin: float | None = None,
    alpha: float = 0.05,
    test_share: float | None = None,
    seed: int = 0,
) -> Comparison:
    """Whether a beats b."""
    raise NotImplementedError
