"""The choice the hand method makes at each table."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from hpo.errors import StudyError
from hpo.study import Direction

__all__ = ["choose"]


def choose(scores: Mapping[int, Sequence[float]], direction: Direction) -> int:
    """The row with the best mean score; of equal ones the first, as a person who reads down a table.

    Args:
        scores: row -> its validation scores, one a repeat; rows without any (all repeats diverged) cannot be chosen.
        direction: of the score.

    Raises:
        StudyError: no row has a score.

    """
    means = {row: fmean(scores[row]) for row in sorted(scores) if scores[row]}
    if not means:
        raise StudyError(f"none of the {len(scores)} rows of a table has a score, so the method has nothing to choose")
    best = (max if direction == "maximize" else min)(means.values())
    return next(row for row, mean in means.items() if mean == best)
