"""The report's tables, measured: each row beside its reported figures, and whether the report's choice stands.

Two questions, two tests. Does a reported figure agree with ours? The report trained each row once, so its figure is one
more run: it disagrees where it leaves the 95 % prediction interval of our repeats, widened by what its printed digits
leave open, after Holm's correction over the rows of the table. Was the report's choice the best? Dunnett's test
(Journal of the American Statistical Association 50, 1955) compares all rows with the chosen one at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from hpo.study import Direction, Params, Sweep

__all__ = ["FIGURES", "FigureFinding", "RowFinding", "RowScores", "TableFinding", "TableVerdict", "examine"]

FIGURES = ("train", "test", "seconds")
"""The figures of a row, in the order the report prints them."""

TableVerdict = Literal["stands", "tied", "refuted", "undecided"]


@dataclass(frozen=True, kw_only=True)
class RowScores:
    """What the repeats of one row gave."""

    figures: Mapping[str, tuple[float, ...]]  # train, test, seconds -> one finite figure a finished repeat, by seed
    reasons: tuple[str, ...] = ()  # why repeats gave none: diverged, failed, infeasible; one each


@dataclass(frozen=True, kw_only=True)
class FigureFinding:
    """One figure of one row: what the report says, what the repeats gave, whether they agree."""

    reported: Decimal | None  # with the digits it was printed with; None: the report does not give it
    measured: tuple[float, ...]  # one a repeat; empty: not measured, or no repeat gave one
    mean: float | None  # None: nothing measured
    sd: float | None  # sample standard deviation; None below two repeats
    prediction: tuple[float, float] | None
    # 95 % prediction interval of one more run, widened by the rounding of the reported figure; None below two repeats
    p: float | None  # two-sided, that the reported figure is one more run; None where it was not tested
    p_holm: float | None  # the same after Holm's correction over the rows of the table
    disagrees: bool  # by more than noise and rounding explain


@dataclass(frozen=True, kw_only=True)
class RowFinding:
    """One row of a table, measured."""

    index: int  # from 0, in the table's order
    setting: Params  # what the row varies
    params: Params  # the whole configuration
    figures: Mapping[str, FigureFinding]  # those that are reported or measured, in the order of FIGURES
    reasons: tuple[str, ...]  # why repeats gave nothing, one each


@dataclass(frozen=True, kw_only=True)
class TableFinding:
    """One table, measured, and what became of the report's choice.

    It stands where every other row is significantly worse on the test rows, is refuted where one is significantly
    better, and is tied with the `tied` rows otherwise; undecided where a row that matters has fewer than two repeats.
    """

    sweep: Sweep
    rows: tuple[RowFinding, ...]  # all rows of the table, measured or not
    verdict: TableVerdict
    tied: tuple[int, ...] = ()  # rows that cannot be told from the chosen one
    better: tuple[int, ...] = ()  # rows significantly better than it
    best: int | None = None  # the row with the best mean on test; None: nothing measured
    p: Mapping[int, float] = field(default_factory=dict)  # row -> Dunnett's two-sided p against the chosen one
    note: str = ""  # what stood in the way of a verdict, one sentence; empty where nothing did


def examine(
    sweeps: Sequence[Sweep],
    measured: Mapping[tuple[str, int], RowScores],
    *,
    direction: Direction,
    against_report: bool,
    alpha: float = 0.05,
) -> tuple[TableFinding, ...]:
    raise NotImplementedError
