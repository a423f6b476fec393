"""The choice among the rows of a table: whether the one of the report stands, and the one the hand method makes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from hpo.analysis.methods.means import against
from hpo.errors import StudyError, UsageError
from hpo.study import Direction
from hpo.study.checked_records import Count, Share, arguments, check
from hpo.study.direction import best, is_better

__all__ = ["Choice", "TableVerdict", "choose", "examine_choice"]

TableVerdict = Literal["stands", "tied", "refuted", "undecided"]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What became of the report's choice."""

    verdict: TableVerdict
    tied: tuple[Count, ...]  # rows that cannot be told from the chosen one
    better: tuple[Count, ...]  # rows significantly better than it
    best: Count | None  # the row with the best mean of those that always train; None: nothing measured
    p: Mapping[Count, Share]  # row -> Dunnett's two-sided p against the chosen one
    note: str  # what stood in the way of a verdict, one sentence; empty where nothing did

    def __post_init__(self) -> None:
        check(self, error=UsageError)


def examine_choice(
    scores: Sequence[Sequence[float]], tried: Sequence[bool], *, chosen: int, direction: Direction, alpha: float
) -> Choice:
    """Compare every row with the chosen one, by Dunnett's test on the rows that have two repeats or more.

    A row of which some repeat gave no score is out of the race: what trains only sometimes is no better choice, and
    the repeats that were lucky do not speak for it. Where that is the chosen row, no more can be said than that another
    is better. A row with too few repeats, or none yet, leaves the table undecided, unless another refutes the choice.

    Args:
        scores: (rows,) sequences of scores on the test rows, one a repeat.
        tried: (rows,) whether repeats of the row ended without a score.
        chosen: index of the report's choice.
        direction: of the score.
        alpha: of all comparisons together.

    """
    leader = _best(scores, tried, direction)
    if len(scores[chosen]) < 2:
        return Choice(verdict="undecided", tied=(), better=(), best=leader, p={}, note=_too_few(scores, tried, chosen))
    others = {row: given for row, given in enumerate(scores) if row != chosen and len(given) > 1 and not tried[row]}
    p_values = against(scores[chosen], others)
    control = fmean(scores[chosen])
    better = tuple(
        row for row, p in p_values.items() if p < alpha and is_better(direction, fmean(others[row]), control)
    )
    tied = tuple(row for row, p in p_values.items() if p >= alpha)
    missing = [chosen] if tried[chosen] else []
    missing += [row for row, given in enumerate(scores) if len(given) < 2 and not tried[row]]
    note = _too_few(scores, tried, missing[0]) if missing else ""
    if better:
        return Choice(verdict="refuted", tied=tied, better=better, best=leader, p=p_values, note="")
    verdict: TableVerdict = "undecided" if missing else "tied" if tied else "stands"
    return Choice(verdict=verdict, tied=tied, better=(), best=leader, p=p_values, note=note)


def _best(scores: Sequence[Sequence[float]], tried: Sequence[bool], direction: Direction) -> int | None:
    measured = [row for row, given in enumerate(scores) if given and not tried[row]]
    if not measured:
        return None
    return best(direction, measured, key=lambda row: fmean(scores[row]))


def _too_few(scores: Sequence[Sequence[float]], tried: Sequence[bool], row: int) -> str:
    """Why a row cannot be compared; rows are counted from 1, as a person does."""
    if not any(scores):
        return "no row of this table has been measured"
    if scores[row] and tried[row]:
        return f"some repeats of row {row + 1}, the choice, gave no score"
    if scores[row]:
        return f"row {row + 1} has one repeat, which tells no noise: measure 2 or more"
    return f"no repeat of row {row + 1} gave a score" if tried[row] else f"row {row + 1} has not been measured"


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
