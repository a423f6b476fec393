"""Figures of a search: its history, importances and interaction."""

from dataclasses import replace

import pytest
import told
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.analysis.interaction import Grid, Interaction
from hpo.analysis.parameter_importance import Importance, Importances
from hpo.report import theme
from hpo.report.figures import importance_charts, search_charts

CLIMBS = told.record(fidelity="full", rungs="quick,middle,full")
SEARCH = (
    told.trial(0, value=0.90, params=told.HAND),
    told.trial(2, value=0.88, params={"units": 8}),
    told.trial(1, "pruned", 0.95, reason="pruned at epoch 3"),
    told.trial(3, "pruned", None, reason="9 > 7 <b>"),
    told.trial(4, value=0.92),
    told.trial(5, "failed", None, reason="ValueError"),
    told.trial(6, value=0.91),
    told.trial(7, "running"),
)


def test_the_history_lists_settled_trials_in_order_with_the_best_so_far() -> None:
    record = search_charts.history_data(told.findings(trials=SEARCH))
    assert record is not None
    assert [mark.place for mark in record.marks] == [1, 2, 3, 4, 5, 6, 7]  # the running one has not settled
    assert [mark.number for mark in record.marks] == [0, 2, 1, 3, 4, 5, 6]
    outcomes = [mark.outcome for mark in record.marks]
    assert outcomes == ["complete", "complete", "pruned", "infeasible", "complete", "failed", "complete"]
    assert record.best == ((1, 0.90), (5, 0.92))  # a pruned trial's last report is no best
    assert (record.baseline_name, record.baseline, record.passed) == ("report", 0.90, 5)
    assert record.hand_rows == 5  # three rows of one table, two of the other


def test_the_least_is_the_best_where_the_metric_is_minimized() -> None:
    trials = (told.trial(0, value=3.0), told.trial(1, value=2.0), told.trial(2, value=2.5))
    record = search_charts.history_data(told.findings("minimize", trials=trials))
    assert record is not None
    assert record.best == ((1, 3.0), (2, 2.0))
    assert (record.baseline, record.passed) == (None, None)  # it was not tried


def test_trials_of_a_lower_fidelity_are_drawn_and_never_the_best() -> None:
    low = (told.trial(8, value=0.99, highest=False), told.trial(9, value=0.98, params=told.HAND, highest=False))
    middle = told.trial(10, value=0.97, rung=1, highest=False)
    top = tuple(replace(one, rung=2) for one in SEARCH)
    record = search_charts.history_data(told.findings(record=CLIMBS, trials=(*low, middle, *top)))
    assert record is not None
    assert [mark.outcome for mark in record.marks][:3] == ["lower", "lower", "lower"]
    assert (record.best, record.baseline, record.passed) == (((4, 0.90), (8, 0.92)), 0.90, 8)
    caption = search_charts.history_caption(record)
    assert "4 complete, 2 complete at quick, 1 complete at middle, 1 pruned" in caption
    assert "Values of different fidelities cannot be compared" in caption
    figure = search_charts.draw_history(record)
    quick, middling = told.by_name(figure, "complete at quick"), told.by_name(figure, "complete at middle")
    assert (list(quick.y), list(middling.y)) == ([0.99, 0.98], [0.97])
    assert quick.marker.symbol != middling.marker.symbol
    assert list(told.by_name(figure, "complete (").y) == [0.90, 0.88, 0.92, 0.91]
    assert "complete at full" in told.by_name(figure, "complete (").text[0]


def test_the_best_so_far_is_a_mean_once_it_was_confirmed() -> None:
    trials = (
        told.trial(0, value=0.90, rung=2, digest="a"),
        told.trial(1, value=0.95, rung=2, digest="lucky"),
        told.trial(2, value=0.85, rung=3, digest="lucky"),
        told.trial(3, value=0.92, rung=3, digest="a"),
        told.trial(4, value=0.99, rung=2, digest="once"),
    )
    record = search_charts.history_data(told.findings(record=CLIMBS, trials=trials))
    assert record is not None
    assert [place for place, _ in record.best] == [1, 2, 3, 4]
    assert [value for _, value in record.best] == pytest.approx([0.90, 0.95, 0.90, 0.91])
    assert [mark.rung for mark in record.marks] == ["full", "full", "confirmed", "confirmed", "full"]


def test_the_best_so_far_falls_to_the_hand_picked_one_no_further() -> None:
    trials = (
        told.trial(0, value=0.90, rung=2, digest="hand", given=True),
        told.trial(1, value=0.95, rung=2, digest="lucky"),
        told.trial(2, value=0.80, rung=3, digest="lucky"),
    )
    record = search_charts.history_data(told.findings(record=CLIMBS, trials=trials))
    assert record is not None
    assert [value for _, value in record.best] == pytest.approx([0.90, 0.95, 0.90])


def test_the_baselines_value_is_taken_from_the_comparison() -> None:
    record = search_charts.history_data(
        told.findings(trials=SEARCH[1:], comparison=told.comparison([1.0], [1.0], value=0.915))
    )
    assert record is not None
    assert (record.baseline, record.passed) == (0.915, 4)


def test_every_settled_trial_has_a_mark_in_the_history_figure() -> None:
    record = search_charts.history_data(told.findings(trials=SEARCH))
    assert record is not None
    figure = search_charts.draw_history(record)
    complete = told.by_name(figure, "complete")
    assert (list(complete.x), list(complete.y)) == ([1, 2, 5, 7], [0.90, 0.88, 0.92, 0.91])
    assert list(told.by_name(figure, "pruned").y) == [0.95]
    low = figure.layout.yaxis.range[0]
    assert list(told.by_name(figure, "infeasible").y) == [low]  # at the edge of the worst
    assert "9 &gt; 7 &lt;b&gt;" in told.by_name(figure, "infeasible").text[0]
    assert list(told.by_name(figure, "failed").y) == [low]
    best = told.by_name(figure, "best so far")
    assert (list(best.x), list(best.y), best.line.shape) == ([1, 5, 7], [0.90, 0.92, 0.92], "hv")
    assert set(told.by_name(figure, "hand-picked").y) == {0.90}
    assert [shape.x0 for shape in figure.layout.shapes] == [5]
    symbols = {trace.marker.symbol for trace in figure.data if trace.mode == "markers"}
    assert len(symbols) == 4


def test_an_outlier_does_not_stretch_the_history_axis() -> None:
    trials = (*(told.trial(at, value=2.0 + at / 100) for at in range(40)), told.trial(40, value=1e9))
    record = search_charts.history_data(told.findings("minimize", trials=trials))
    assert record is not None
    figure = search_charts.draw_history(record)
    high = figure.layout.yaxis.range[1]
    assert high < 5
    assert told.by_name(figure, "complete").y[-1] == high
    assert "1e+09" in told.by_name(figure, "complete").text[-1]
    assert "1 lies beyond the edge" in search_charts.history_caption(record)


def test_pruned_outliers_do_not_stretch_the_axis_and_near_ones_are_drawn_in_place() -> None:
    complete = tuple(told.trial(at, value=0.90 + at / 1000) for at in range(10))
    pruned = (told.trial(10, "pruned", 0.898), told.trial(11, "pruned", 0.1))
    record = search_charts.history_data(told.findings(trials=(*complete, *pruned)))
    assert record is not None
    figure = search_charts.draw_history(record)
    low, high = figure.layout.yaxis.range
    assert 0.88 < low < 0.898
    assert 0.909 < high < 0.911
    assert list(told.by_name(figure, "pruned").y) == [0.898, pytest.approx(low)]


@settings(max_examples=30)
@given(st.lists(st.floats(0.1, 1e6), min_size=1, max_size=12), st.sampled_from(["maximize", "minimize"]))
def test_every_mark_lies_within_the_range(values: list[float], direction: str) -> None:
    trials = [told.trial(at, "pruned" if at % 3 else "complete", value) for at, value in enumerate(values)]
    record = search_charts.history_data(told.findings(direction, trials=(*trials, told.trial(99, "failed"))))
    assert record is not None
    figure = search_charts.draw_history(record)
    low, high = figure.layout.yaxis.range  # Plotly hides what lies a hair beyond it
    assert all(low <= y <= high for trace in figure.data if trace.mode == "markers" for y in trace.y)


@pytest.mark.parametrize(
    "trials",
    [
        (told.trial(0, value=0.5),),
        tuple(told.trial(at, "failed") for at in range(3)),
        tuple(told.trial(at, "pruned", 0.1 * at) for at in range(3)),
        (told.trial(None, "failed"),),
    ],
    ids=["one", "all failed", "all pruned", "no trial was made"],
)
def test_searches_with_few_or_only_bad_trials_are_drawn(trials: tuple[object, ...]) -> None:
    record = search_charts.history_data(told.findings(trials=trials, definition=None))
    assert record is not None
    figure = search_charts.draw_history(record)
    assert sum(len(trace.x) for trace in figure.data if trace.mode == "markers") == len(trials)
    assert record.hand_rows is None
    assert search_charts.history_caption(record)


def test_without_a_settled_trial_there_is_no_history() -> None:
    assert search_charts.history_data(told.findings()) is None
    assert search_charts.history_data(told.findings(trials=(told.trial(0, "running"),))) is None


def test_importances_are_drawn_with_their_intervals() -> None:
    found = Importances(
        evaluator="ped-anova",
        trials=40,
        parameters=(
            Importance(name="rate", share=0.7, ci95=(0.5, 0.8), trials=40, chance=0.2),
            Importance(name="<i>", share=0.1, ci95=(0.0, 0.3), trials=12, chance=0.2),
        ),
        basis="complete at quick",
        note="mind the gap",
    )
    record = importance_charts.importance_data(told.findings(importances=found))
    assert record is not None
    bars = importance_charts.draw_importance(record).data[0]
    assert list(bars.x) == [0.7, 0.1]
    assert (list(bars.error_x.array), list(bars.error_x.arrayminus)) == (
        pytest.approx([0.1, 0.2]),
        pytest.approx([0.2, 0.1]),
    )
    assert list(bars.marker.color) == [theme.OPTIMUM.light, theme.MUTED.light]  # the second could be chance
    assert list(told.by_name(importance_charts.draw_importance(record), "chance").x) == [0.2, 0.2]
    assert importance_charts.draw_importance(record).layout.yaxis.ticktext == ("rate", "&lt;i&gt;")
    assert importance_charts.importance_caption(record).endswith("chance. Mind the gap.")
    assert "(ped-anova, 40 trials complete at quick)" in importance_charts.importance_caption(record)


def test_too_few_trials_have_no_importances() -> None:
    nothing = Importances(evaluator="ped-anova", trials=2, parameters=(), note="too few")
    assert importance_charts.importance_data(told.findings(importances=nothing)) is None
    assert importance_charts.importance_data(told.findings()) is None


def two(points: tuple[tuple[object, object, float], ...], **more: object) -> Interaction:
    its: dict[str, object] = {
        "first_log": True,
        "second_log": False,
        "first_kind": "numeric",
        "second_kind": "categorical",
        "grid": None,
        "strength": None,
        "p_value": None,
        **more,
    }
    return Interaction(first="rate", second="optimizer", points=points, **its)  # type: ignore[arg-type]


def test_an_interaction_of_a_numeric_and_a_categorical_parameter_is_drawn() -> None:
    found = two(((0.001, "sgd", 0.5), (0.1, "adam", 0.9), (0.01, "sgd", 0.7)), strength=0.25, p_value=0.4)
    record = importance_charts.interaction_data(told.findings(interaction=found))
    assert record is not None
    assert record.x.log
    assert record.y.ticks == ("adam", "sgd")
    assert record.points == ((0.001, 1.0, 0.5), (0.1, 0.0, 0.9), (0.01, 1.0, 0.7))
    figure = importance_charts.draw_interaction(record)
    dots = figure.data[0]
    assert list(dots.x) == [0.001, 0.01, 0.1]  # the best is drawn last, on top
    assert list(dots.marker.color) == [0.5, 0.7, 0.9]
    assert all(abs(y - place) <= 0.25 for y, place in zip(dots.y, (1, 1, 0), strict=True))
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.xaxis.ticktext == ("0.001", "0.003", "0.01", "0.03", "0.1")
    assert "25% is their combination" in importance_charts.interaction_caption(record)
    assert "could be chance" in importance_charts.interaction_caption(record)


def test_an_interaction_of_few_values_is_a_heat_map() -> None:
    grid = Grid(columns=(1, 2), rows=("adam", "sgd"), means=((0.5, None), (0.6, 0.7)), counts=((1, 0), (2, 3)))
    found = two(((1, "adam", 0.5), (2, "sgd", 0.7)), grid=grid, second_kind="categorical")
    record = importance_charts.interaction_data(told.findings("minimize", interaction=found))
    assert record is not None
    heat = importance_charts.draw_interaction(record).data[0]
    assert [list(row) for row in heat.z] == [[0.5, None], [0.6, 0.7]]
    assert [list(row) for row in heat.customdata] == [[1, 0], [2, 3]]
    assert heat.reversescale  # strong colour is good, and less is better
    assert importance_charts.draw_interaction(record).layout.yaxis.ticktext == ("adam", "sgd")


def test_findings_without_an_interaction_have_no_interaction_figure() -> None:
    assert importance_charts.interaction_data(told.findings()) is None
    assert importance_charts.interaction_data(told.findings(interaction=two(()))) is None
