from collections.abc import Mapping
from decimal import Decimal

import pytest

from hpo.analysis import RowScores, TableFinding, examine
from hpo.errors import UsageError
from hpo.study import Row, Sweep


def made(name: str = "width") -> Sweep:
    rows = (
        Row(setting={"width": 1}, reported={"train": Decimal("0.80"), "test": Decimal("0.7"), "seconds": Decimal("9")}),
        Row(setting={"width": 2}, reported={"train": Decimal("0.90"), "test": Decimal("0.8")}),
        Row(setting={"width": 4, "depth": 2}),
    )
    return Sweep(id=name, title="Width", base={"width": 1, "depth": 1}, rows=rows, chosen=1)


MEASURED = {
    ("width", 0): RowScores(
        figures={"train": (0.80, 0.81, 0.79), "test": (0.51, 0.50, 0.52), "seconds": (1.0, 2.0, 3.0)}
    ),
    ("width", 1): RowScores(figures={"train": (0.90, 0.91, 0.89), "test": (0.80, 0.81, 0.79)}),
    ("width", 2): RowScores(reasons=("diverged", "diverged", "diverged")),
}


def table(measured: Mapping[tuple[str, int], RowScores], *, against_report: bool = True) -> TableFinding:
    (found,) = examine([made()], measured, direction="maximize", against_report=against_report)
    return found


def test_each_row_stands_beside_its_reported_figures() -> None:
    found = table(MEASURED)
    assert [row.setting for row in found.rows] == [{"width": 1}, {"width": 2}, {"width": 4, "depth": 2}]
    assert [row.params for row in found.rows][1:] == [{"width": 2, "depth": 1}, {"width": 4, "depth": 2}]
    first, second, third = found.rows
    assert list(first.figures) == ["train", "test", "seconds"]
    assert list(second.figures) == ["train", "test"]
    assert (third.figures, third.reasons) == ({}, ("diverged",) * 3)
    assert first.figures["test"].reported == Decimal("0.7")
    assert first.figures["test"].mean == pytest.approx(0.51)


def test_only_the_figure_that_noise_and_rounding_do_not_explain_disagrees() -> None:
    found = table(MEASURED)
    marked = [(row.index, name) for row in found.rows for name, figure in row.figures.items() if figure.disagrees]
    assert marked == [(0, "test")]


def test_training_times_are_never_tested_against_the_report() -> None:
    seconds = table(MEASURED).rows[0].figures["seconds"]
    assert (seconds.reported, seconds.mean, seconds.p, seconds.disagrees) == (Decimal("9"), 2.0, None, False)


def test_at_another_fidelity_only_the_choice_is_judged() -> None:
    found = table(MEASURED, against_report=False)
    assert not any(figure.p is not None for row in found.rows for figure in row.figures.values())
    assert found.rows[0].figures["test"].prediction is not None
    assert found.verdict == "stands"


def test_the_choice_is_judged_on_the_test_rows() -> None:
    swapped = {
        key: RowScores(figures={"train": row.figures["test"], "test": row.figures["train"]})
        for key, row in MEASURED.items()
        if row.figures
    }
    swapped["width", 2] = RowScores(figures={"train": (0.1, 0.2, 0.1), "test": (0.97, 0.98, 0.99)})
    found = table(swapped)
    assert (found.verdict, found.better, found.best) == ("refuted", (2,), 2)


def test_an_unmeasured_table_lists_all_its_rows_and_says_so() -> None:
    found = table({("other", 0): RowScores(figures={"test": (1.0,)})})
    assert (found.verdict, found.best, len(found.rows)) == ("undecided", None, 3)
    assert "no row" in found.note
    assert found.rows[1].figures["test"].reported == Decimal("0.8")


def test_tables_come_in_the_order_of_the_report() -> None:
    found = examine([made("b"), made("a")], MEASURED, direction="maximize", against_report=True)
    assert [table.sweep.id for table in found] == ["b", "a"]


def test_row_scores_refuse_non_finite_figures() -> None:
    with pytest.raises(UsageError, match="finite"):
        RowScores(figures={"test": (0.9, float("nan"))})
