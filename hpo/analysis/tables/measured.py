"""The report's tables, measured: each row beside its reported figures, and whether the report's choice stands.

Two questions, two tests. Does a reported figure agree with ours? It disagrees where it leaves the prediction interval
of our repeats and its own rounding, after Holm's correction over the rows (`reported.py`). Was the
report's choice the best? Dunnett's test compares all rows with the chosen one at once (`choice.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from hpo.analysis.tables.choice import TableVerdict, examine_choice
from hpo.analysis.tables.reported import FigureFinding, against_reported
from hpo.errors import UsageError
from hpo.study import Direction, Params, Sweep
from hpo.study.checked_records import Above, Below, Count, Share, arguments, check

__all__ = ["FIGURES", "FigureFinding", "RowFinding", "RowScores", "TableFinding", "TableVerdict", "examine"]

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
