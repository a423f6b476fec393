"""The report's tables, measured: each row beside its reported figures, and whether the report's choice stands.

Two questions, two tests. Does a reported figure agree with ours? It disagrees where it leaves the prediction interval
of our repeats and its own rounding, after Holm's correction over the rows (`against_reported`). Was the report's choice
the best? Dunnett's test compares all rows with the chosen one at once (`examine_choice`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import fmean, stdev
from typing import Annotated, Literal

from hpo.analysis.methods.intervals import critical_t, tail_t
from hpo.analysis.methods.power import holm
from hpo.analysis.methods.significance import against
from hpo.errors import StudyError, UsageError
from hpo.study import Direction, Params, Sweep
from hpo.study.checked_records import Above, Below, Count, NotNegative, Share, arguments, check
from hpo.study.direction import best, is_better

__all__ = [
    "FIGURES",
    "Choice",
    "FigureFinding",
    "RowFinding",
    "RowScores",
    "TableFinding",
    "TableVerdict",
    "against_reported",
    "choose",
    "examine",
    "examine_choice",
    "rounding",
]


@dataclass(frozen=True, kw_only=True)
class FigureFinding:
    """One figure of one row: what the report says, what the repeats gave, whether they agree.

    Raises:
        UsageError: a field is not of its kind.

    """

    reported: Decimal | None  # with the digits it was printed with; None: the report does not give it
    measured: tuple[float, ...]  # one a repeat; empty: not measured, or no repeat gave one
    mean: float | None  # of the repeats; None: nothing measured
    sd: NotNegative | None  # sample standard deviation; None below two repeats
    prediction: tuple[float, float] | None
    # 95 % prediction interval of one more run, widened by the rounding of the reported figure; None below two repeats
    p: Share | None  # two-sided, that the reported figure is one more run; None where it was not tested
    p_holm: Share | None  # the same after Holm's correction over the rows of the table
    disagrees: bool  # by more than noise and rounding explain

    def __post_init__(self) -> None:
        check(self, error=UsageError)


def against_reported(
    reported: Sequence[Decimal | None], measured: Sequence[Sequence[float]], *, alpha: float | None
) -> tuple[FigureFinding, ...]:
    """One column of a table: each row's reported figure beside its repeats.

    The report trained each row once, so its figure is one more run. With K repeats of standard deviation s, the run
    lies within t s sqrt(1 + 1/K) of their mean 95 times in 100 (t: Student's with K - 1 degrees of freedom), and the
    printed figure half a unit of its last digit beyond.

    Args:
        reported: (rows,) the figures as printed.
        measured: (rows,) sequences of finite figures, one a repeat.
        alpha: of all rows together, by Holm; None: nothing is tested.

    """
    tested = [
        _p_value(float(figure), repeats, rounding(figure))
        if alpha is not None and figure is not None and len(repeats) > 1
        else None
        for figure, repeats in zip(reported, measured, strict=True)
    ]
    corrected = iter(holm([p for p in tested if p is not None]))
    adjusted = [None if p is None else next(corrected) for p in tested]
    return tuple(
        FigureFinding(
            reported=figure,
            measured=tuple(repeats),
            mean=fmean(repeats) if repeats else None,
            sd=_sd(repeats) if len(repeats) > 1 else None,
            prediction=_prediction(repeats, rounding(figure)) if len(repeats) > 1 else None,
            p=p,
            p_holm=p_holm,
            disagrees=alpha is not None and p_holm is not None and p_holm < alpha,
        )
        for figure, repeats, p, p_holm in zip(reported, measured, tested, adjusted, strict=True)
    )


def rounding(figure: Decimal | None) -> float:
    """How far the number behind a printed figure may lie from it: half a unit of its last digit (2.3 -> 0.05)."""
    exponent = figure.as_tuple().exponent if figure is not None else None
    return 0.5 * 10.0**exponent if isinstance(exponent, int) else 0.0


def _prediction(repeats: Sequence[float], half: float) -> tuple[float, float]:
    mean = fmean(repeats)
    reach = critical_t(0.025, len(repeats) - 1) * _spread(repeats) + half
    return mean - reach, mean + reach


def _p_value(figure: float, repeats: Sequence[float], half: float) -> float:
    off, spread = abs(figure - fmean(repeats)), _spread(repeats)
    beyond = off - half
    # 0.05 less 0.045 is a little more than 0.005 in binary: a figure at the edge of its rounding agrees.
    if beyond <= 1e-9 * max(abs(figure), half):
        return 1.0
    return 2 * tail_t(beyond / spread, len(repeats) - 1) if spread else 0.0


def _spread(repeats: Sequence[float]) -> float:
    """Standard error of the difference between one more run and the mean of the repeats."""
    return _sd(repeats) * math.sqrt(1 + 1 / len(repeats))


def _sd(repeats: Sequence[float]) -> float:
    """Sample standard deviation; exactly 0 where all repeats are the same number."""
    return stdev(repeats) if max(repeats) > min(repeats) else 0.0


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


FIGURES = ("train", "test", "seconds")
"""The figures of a row, in the order the report prints them."""


@dataclass(frozen=True, kw_only=True)
class RowScores:
    """What the repeats of one row gave.

    Raises:
        UsageError: a figure is not finite; such a repeat belongs to `reasons`.

    """

    figures: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    # train, test, seconds -> one finite figure a finished repeat, in the order of the seeds, which all rows share
    reasons: tuple[str, ...] = ()  # why repeats gave none: diverged, failed, infeasible; one each

    def __post_init__(self) -> None:
        check(self, error=UsageError)


_NOTHING = RowScores()


@dataclass(frozen=True, kw_only=True)
class RowFinding:
    """One row of a table, measured.

    Raises:
        UsageError: a field is not of its kind.

    """

    index: Count  # from 0, in the table's order
    setting: Params  # what the row varies
    params: Params  # the whole configuration
    figures: Mapping[str, FigureFinding]  # those that are reported or measured, in the order of FIGURES
    reasons: tuple[str, ...]  # why repeats gave nothing, one each

    def __post_init__(self) -> None:
        check(self, error=UsageError)


@dataclass(frozen=True, kw_only=True)
class TableFinding:
    """One table, measured, and what became of the report's choice.

    It stands where every other row is significantly worse on the test rows, or does not always train; is refuted where
    one is significantly better, and is tied with the `tied` rows otherwise; undecided where a row that matters has
    fewer than two repeats.

    Raises:
        UsageError: a field is not of its kind.

    """

    sweep: Sweep  # the table as its report has it
    rows: tuple[RowFinding, ...]  # all rows of the table, measured or not
    verdict: TableVerdict  # what became of the choice: stands, tied, refuted or undecided
    tied: tuple[Count, ...] = ()  # rows that cannot be told from the chosen one, which is not among them
    better: tuple[Count, ...] = ()  # rows significantly better than it
    best: Count | None = None  # the row with the best mean on test of those that always train; None: nothing measured
    p: Mapping[Count, Share] = field(default_factory=dict)  # row -> Dunnett's two-sided p against the chosen one
    note: str = ""  # what stood in the way of a verdict, one sentence; empty where nothing did

    def __post_init__(self) -> None:
        check(self, error=UsageError)


@arguments(UsageError)
def examine(
    sweeps: Sequence[Sweep],
    measured: Mapping[tuple[str, Count], RowScores],
    *,
    direction: Direction,
    against_report: bool,
    alpha: Annotated[float, Above(0), Below(1)] = 0.05,
) -> tuple[TableFinding, ...]:
    """What the repeats say of each table.

    Args:
        sweeps: the tables, in the report's order.
        measured: (sweep id, row index) -> what that row's repeats gave; rows not measured yet are absent.
        direction: of the score; the choice is judged by it.
        against_report: whether the reported figures are tested, which is fair only where the rows were trained as the
            report trained them. Times never are: they are another machine's.
        alpha: of the rows of one column together, and of the comparisons of one table together.

    Returns:
        A finding a table, in the order of `sweeps`.

    Raises:
        UsageError: what is given is not what it should be.

    """
    return tuple(
        _table(
            sweep,
            [measured.get((sweep.id, index), _NOTHING) for index in range(len(sweep.rows))],
            direction=direction,
            alpha=alpha,
            tested=against_report,
        )
        for sweep in sweeps
    )


def _table(
    sweep: Sweep, scores: Sequence[RowScores], *, direction: Direction, alpha: float, tested: bool
) -> TableFinding:
    columns = {
        name: against_reported(
            [row.reported.get(name) for row in sweep.rows],
            [row.figures.get(name, ()) for row in scores],
            alpha=alpha if tested and name != "seconds" else None,
        )
        for name in FIGURES
    }
    rows = tuple(
        RowFinding(
            index=index,
            setting=row.setting,
            params=sweep.configuration(row),
            figures={name: found[index] for name, found in columns.items() if _is_there(found[index])},
            reasons=scores[index].reasons,
        )
        for index, row in enumerate(sweep.rows)
    )
    choice = examine_choice(
        [row.figures.get("test", ()) for row in scores],
        [bool(row.reasons) for row in scores],
        chosen=sweep.chosen,
        direction=direction,
        alpha=alpha,
    )
    return TableFinding(
        sweep=sweep,
        rows=rows,
        verdict=choice.verdict,
        tied=choice.tied,
        better=choice.better,
        best=choice.best,
        p=choice.p,
        note=choice.note,
    )


def _is_there(figure: FigureFinding) -> bool:
    return figure.reported is not None or bool(figure.measured)
