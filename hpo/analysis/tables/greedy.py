"""The choice the hand method makes at each table."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from hpo.errors import StudyError, UsageError
from hpo.study import Direction
from hpo.study.direction import best
from hpo.study.looks import Count
from hpo.study.records import arguments

__all__ = ["choose"]


@arguments(UsageError)
def choose(scores: Mapping[Count, Sequence[float]], direction: Direction) -> int:
    """The row with the best mean score; of equal ones the first, as a person who reads down a table.

    Args:
        scores: row -> its validation scores, one a repeat; rows without any (all repeats diverged) cannot be chosen.
        direction: of the score.

    Raises:
        StudyError: no row has a score.
        UsageError: what is given is not what it should be.

    """
    means = {row: fmean(scores[row]) for row in sorted(scores) if scores[row]}
    if not means:
        raise StudyError(f"none of the {len(scores)} rows of a table has a score, so the method has nothing to choose")
    leader = best(direction, means.values())
    return next(row for row, mean in means.items() if mean == leader)
