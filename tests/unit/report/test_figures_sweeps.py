"""Figures of the report's tables."""

from dataclasses import replace

import pytest
import told

from hpo.analysis import RowScores
from hpo.report import theme
from hpo.report.figures import sweeps
from hpo.study import Row, Sweep


def scores(test: tuple[float, ...], train: tuple[float, ...]) -> RowScores:
    return RowScores(figures={"test": test, "train": train})


MEASURED = {
    ("units", 0): scores((0.79, 0.80, 0.81), (0.89, 0.90, 0.91)),  # the report says 0.88 on test
    ("units", 1): scores((0.91, 0.92, 0.93), (0.94, 0.95, 0.96)),
    ("units", 2): RowScores(figures={}, reasons=("diverged in epoch 2",)),
    ("optimizer", 0): scores((0.91, 0.92, 0.93), (0.94, 0.95, 0.96)),
    ("optimizer", 1): scores((0.88, 0.89, 0.90), (0.89, 0.90, 0.91)),
}


def charts(**more: object) -> tuple[sweeps.SweepChart, ...]:
    found = sweeps.data(told.findings(sweeps=told.sweep_report(MEASURED, **more)))  # type: ignore[arg-type]
    assert found is not None
    return found


def test_every_sweep_table_has_its_chart() -> None:
    units, optimizer = charts()
    assert (units.id, units.title, units.varied, units.numeric, units.log) == (
        "sweep-units",
        "Units",
        "units",
        True,
        True,
    )
    assert [row.at for row in units.rows] == [8, 32, 128]
    assert (optimizer.numeric, optimizer.varied) == (False, "setting")
    assert [row.label for row in optimizer.rows] == ["adam", "sgd (rate=0.01)"]
    assert [row.at for row in optimizer.rows] == [0, 1]
    assert (units.chosen, optimizer.chosen) == (1, 0)


def test_rows_are_called_by_what_tells_them_apart() -> None:
    settings = [
        {"optimizer": "adam", "units": 8, "rate": 0.1},
        {"optimizer": "sgd", "units": 8, "rate": 0.1},
        {"optimizer": "sgd", "units": 8, "rate": 0.2},
        {"optimizer": "sgd", "units": 8, "rate": 0.3},
    ]
    rows = tuple(Row(setting=setting) for setting in settings)
    named = (*rows[:3], replace(rows[3], label="plain descent, a rate much too high"))
    measured = {("kinds", 0): scores((0.91,), (0.94,))}
    for given, last in ((rows, "sgd (rate=0.3)"), (named, "plain descent, a rate much too high")):
        table = Sweep(id="kinds", title="Kinds", base={}, rows=given, chosen=0)
        (chart,) = sweeps.data(told.findings(sweeps=told.sweep_report(measured, sweeps=(table,)))) or ()
        assert [row.label for row in chart.rows] == ["adam (rate=0.1)", "sgd (rate=0.1)", "sgd (rate=0.2)", last]
    assert "plain descent, a rate<br>much too high" in sweeps.draw(chart).layout.yaxis.ticktext


def test_a_sweep_row_has_its_reported_and_measured_figures() -> None:
    table = told.sweep_report(MEASURED).tables[0]
    first = charts()[0].rows[0]
    assert (first.test.reported, first.test.mean, first.test.repeats) == (0.88, pytest.approx(0.80), 3)
    assert first.test.interval == table.rows[0].figures["test"].prediction
    assert first.test.disagrees
    assert not first.train.disagrees
    assert charts()[0].rows[2].reason == "diverged in epoch 2"


def test_numeric_settings_are_drawn_along_the_axis_and_disagreements_ringed() -> None:
    chart = charts()[0]
    figure = sweeps.draw(chart)
    ours, theirs = told.by_name(figure, "test, measured"), told.by_name(figure, "test, reported")
    assert (list(ours.x), list(ours.y)) == ([8, 32], pytest.approx([0.80, 0.92]))
    assert (list(theirs.x), list(theirs.y)) == ([8, 32, 128], [0.88, 0.91, 0.90])
    assert list(told.by_name(figure, "train, reported").y) == [0.90, 0.95, 0.97]
    ends = chart.rows[1].test.interval
    assert ends is not None
    assert (ours.y[1] - ours.error_y.arrayminus[1], ours.y[1] + ours.error_y.array[1]) == pytest.approx(ends, rel=1e-4)
    ring = told.by_name(figure, "disagrees")
    assert (list(ring.x), list(ring.y)) == ([8], [0.88])
    assert theirs.marker.color == theme.REPORTED.light
    assert len({ours.marker.symbol, theirs.marker.symbol, told.by_name(figure, "train, reported").marker.symbol}) == 3
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.xaxis.ticktext == ("8", "★ 32", "128<br>no result")


def test_categorical_settings_are_drawn_one_below_the_other() -> None:
    figure = sweeps.draw(charts()[1])
    ours = told.by_name(figure, "test, measured")
    assert list(ours.x) == pytest.approx([0.92, 0.89])
    assert [round(y) for y in ours.y] == [0, 1]
    assert ours.error_y.array is None
    assert figure.layout.yaxis.ticktext[0] == "★ adam"
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # the first row on top


def test_the_caption_of_a_sweep_states_the_verdict_on_the_choice() -> None:
    chart = charts()[0]
    assert "Ringed" in sweeps.caption(chart)
    assert "No result for 128: diverged in epoch 2." in sweeps.caption(chart)
    assert sweeps.caption(chart).startswith(
        "The report's choice, 32, stands: every other row that could be trained every time is worse by more than noise."
    )
    assert "Measured: the mean of 3 runs;" in sweeps.caption(chart)


def test_the_caption_of_an_undecided_sweep_states_reason_and_runs() -> None:
    some = {("units", 1): scores((0.91, 0.92, 0.93), (0.9, 0.9, 0.9)), ("units", 0): scores((0.8,), (0.9,))}
    found = sweeps.data(told.findings(sweeps=told.sweep_report(some)))
    assert found is not None
    said = sweeps.caption(found[0])
    assert said.startswith("Nothing can be said of the report's choice, 32, yet: row 1 has one repeat")
    assert "the mean of 1 to 3 runs" in said


def test_a_short_training_is_not_held_against_the_report() -> None:
    chart = charts(against_report=False)[0]
    assert not any(row.test.disagrees for row in chart.rows)
    assert "less than the report" in sweeps.caption(chart)
    assert not [trace for trace in sweeps.draw(chart).data if trace.name == "disagrees"]


def test_one_repeat_has_no_interval() -> None:
    once = {("units", at): scores((0.9,), (0.95,)) for at in range(3)}
    found = sweeps.data(told.findings(sweeps=told.sweep_report(once, repeats=1)))
    assert found is not None
    assert [chart.id for chart in found] == ["sweep-units"]  # nothing of the other table is measured
    assert set(told.by_name(sweeps.draw(found[0]), "test, measured").error_y.array) == {0.0}
    assert "bars" not in sweeps.caption(found[0])


def test_an_interval_that_reaches_below_zero_does_not_squeeze_the_figures() -> None:
    wide = {("units", at): scores((0.1, 0.9), (0.1, 0.9)) for at in range(3)}
    found = sweeps.data(told.findings(sweeps=told.sweep_report(wide)))
    assert found is not None
    interval = found[0].rows[0].test.interval
    assert interval is not None
    low, high = sweeps.draw(found[0]).layout.yaxis.range
    assert interval[0] < -1 < low < 0
    assert high > interval[1]


def test_findings_without_a_sweep_have_no_sweep_figures() -> None:
    assert sweeps.data(told.findings()) is None
    assert sweeps.data(told.findings(sweeps=told.sweep_report({}))) is None


def test_a_sweep_table_whose_rows_all_failed_is_drawn() -> None:
    failed = {("units", at): RowScores(figures={}, reasons=("ValueError <x>",)) for at in range(3)}
    found = sweeps.data(told.findings(sweeps=told.sweep_report(failed)))
    assert found is not None
    figure = sweeps.draw(found[0])
    assert list(told.by_name(figure, "test, reported").y) == [0.88, 0.91, 0.90]
    assert all("no result" in tick for tick in figure.layout.xaxis.ticktext)


@pytest.mark.parametrize(
    "settings", [({"flag": True}, {"flag": False}), ({"units": 8}, {"units": None}), ({"units": 8}, {"units": 8})]
)
def test_settings_that_make_no_numeric_axis_are_drawn_as_categories(settings: tuple[dict[str, object], ...]) -> None:
    table = Sweep(id="t", title="T", base={}, rows=tuple(Row(setting=one) for one in settings), chosen=0)
    measured = {("t", at): scores((0.9, 0.8), (0.9, 0.8)) for at in range(2)}
    found = sweeps.data(told.findings(sweeps=told.sweep_report(measured, sweeps=(table,))))
    assert found is not None
    assert not found[0].numeric
    assert sweeps.draw(found[0]).data
