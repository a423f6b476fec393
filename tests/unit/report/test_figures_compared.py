"""Figures of a comparison: paired differences and the race."""

import math
from dataclasses import replace

import pytest
import told

from hpo.report import theme
from hpo.report.figures import comparison_charts


def test_a_gain_is_positive_where_the_optimum_did_better_whatever_the_direction() -> None:
    higher = comparison_charts.pairs_data(told.findings(comparison=told.comparison([0.9, 0.8], [0.7, 0.9])))
    lower = comparison_charts.pairs_data(
        told.findings("minimize", comparison=told.comparison([2.0, 3.0], [2.5, 2.0], direction="minimize"))
    )
    assert higher is not None
    assert lower is not None
    assert higher[0].gains == pytest.approx((0.2, -0.1))
    assert lower[0].gains == pytest.approx((0.5, -1.0))
    assert higher[0].mean == pytest.approx(0.05)


def test_findings_without_a_comparison_have_no_comparison_figures() -> None:
    assert comparison_charts.pairs_data(told.findings()) is None
    assert comparison_charts.race_data(told.findings()) is None
    assert (
        comparison_charts.race_data(told.findings(comparison=told.comparison([1.0, 2.0], [1.0, 1.0]))) is None
    )  # no heat was run


def test_resampled_pairs_have_a_separate_figure() -> None:
    both = told.comparison([0.9] * 3, [0.8] * 3, resampled=([0.7, 0.8], [0.6, 0.6]))
    records = comparison_charts.pairs_data(told.findings(comparison=both))
    assert records is not None
    assert [record.id for record in records] == ["paired", "paired-resampled"]
    assert records[1].gains == pytest.approx((0.1, 0.2))
    assert both.resampled is not None
    assert records[1].interval == both.resampled.ci95


def test_each_pair_is_drawn_at_its_difference() -> None:
    scores = ([0.9, 0.8, 0.7, 0.95], [0.7, 0.9, 0.7, 0.9])
    records = comparison_charts.pairs_data(told.findings(comparison=told.comparison(*scores, unit="points")))
    assert records is not None
    figure = comparison_charts.draw_pairs(records[0])
    won, lost, tied = (told.by_name(figure, name) for name in ("optimum better", "hand-picked better", "alike"))
    assert (list(won.x), list(won.y)) == ([1, 4], pytest.approx([0.2, 0.05]))
    assert (list(lost.x), list(lost.y)) == ([2], pytest.approx([-0.1]))
    assert (list(tied.x), list(tied.y)) == ([3], [0.0])
    assert list(won.customdata[0]) == [0.9, 0.7]
    assert len({won.marker.symbol, lost.marker.symbol, tied.marker.symbol}) == 3  # told apart without colour
    assert list(told.by_name(figure, "mean").y) == pytest.approx([0.0375, 0.0375])
    band = told.by_name(figure, "95 %")
    interval = records[0].interval
    assert interval is not None
    assert (min(band.y), max(band.y)) == pytest.approx(interval, rel=1e-3)
    assert figure.layout.yaxis.title.text == "gain in accuracy (points)"
    assert {note.text[0] for note in figure.layout.annotations} == {"▲", "▼"}
    low, high = figure.layout.yaxis.range
    assert low < interval[0]
    assert interval[1] < high


def test_the_band_is_the_95_percent_interval_at_any_interim_alpha() -> None:
    report = told.comparison([0.9, 0.8, 0.7], [0.7, 0.75, 0.68], alpha=0.01)
    records = comparison_charts.pairs_data(told.findings(comparison=report))
    assert records is not None
    assert records[0].interval == report.comparison.ci95 != report.comparison.ci


def test_one_pair_has_no_interval() -> None:
    records = comparison_charts.pairs_data(told.findings(comparison=told.comparison([0.9], [0.8])))
    assert records is not None
    figure = comparison_charts.draw_pairs(records[0])
    assert not [trace for trace in figure.data if (trace.name or "").startswith("95 %")]
    assert "interval" not in comparison_charts.pairs_caption(records[0])


def test_the_caption_of_pairs_counts_wins_and_ties() -> None:
    records = comparison_charts.pairs_data(told.findings(comparison=told.comparison([3.0, 1.0, 2.0], [1.0, 2.0, 2.0])))
    assert records is not None
    assert "won 1 of 3 pairs and tied 1" in comparison_charts.pairs_caption(records[0])


RACE = told.heat(
    told.racer("trial 4", [0.91, 0.93], 0.97),
    told.racer("report", [0.9, 0.9]),
    told.racer("trial 2", [0.8, 0.9], 0.96),
    optimism=0.05,
)


def test_the_race_figure_shows_search_values_beside_measured_ones() -> None:
    charts = comparison_charts.race_data(told.findings(comparison=told.comparison([0.9], [0.8], heats=[RACE])))
    assert charts is not None
    figure = comparison_charts.draw_race(charts[0])
    search, rounds = told.by_name(figure, "in the search"), told.by_name(figure, "one round")
    assert (list(search.x), list(search.y)) == ([0.97, 0.96], [0, 2])
    assert (list(rounds.x), list(rounds.y)) == ([0.91, 0.93, 0.9, 0.9, 0.8, 0.9], [0, 0, 1, 1, 2, 2])
    trials, hand = told.by_name(figure, "mean, measured"), told.by_name(figure, "hand-picked, measured")
    assert (list(trials.x), list(trials.y)) == (pytest.approx([0.92, 0.85]), [0, 2])
    assert (list(hand.x), list(hand.y)) == ([0.9], [1])
    assert hand.marker.color == theme.BASELINE.light
    assert figure.layout.yaxis.ticktext == ("<b>trial 4</b>", "report", "trial 2")
    assert "did worse by 0.05 when measured again." in comparison_charts.race_caption(charts[0])


@pytest.mark.parametrize(
    ("optimism", "interval", "words"),
    [
        (0.05, (0.01, 0.09), "optimism +0.01 to +0.09), as the best of many trials is partly luck."),
        (0.05, (-0.01, 0.11), "optimism -0.01 to +0.11); that may be chance."),
        (-0.05, (-0.09, -0.01), "but better by 0.05 (95 % interval of the search's optimism -0.09 to -0.01)."),
    ],
)
def test_optimism_is_reported_with_its_interval(optimism: float, interval: tuple[float, float], words: str) -> None:
    sure = replace(RACE, finding=replace(RACE.finding, optimism=optimism, optimism_ci95=interval))
    charts = comparison_charts.race_data(told.findings(comparison=told.comparison([0.9], [0.8], heats=[sure])))
    assert charts is not None
    assert words in comparison_charts.race_caption(charts[0])


def test_the_race_figure_omits_search_values_of_another_fidelity() -> None:
    final = told.heat(
        told.racer("trial 4", [0.99], 0.97), told.racer("report", [0.98]), fidelity="full", optimism=-0.02
    )
    charts = comparison_charts.race_data(told.findings(comparison=told.comparison([0.9], [0.8], heats=[RACE, final])))
    assert charts is not None
    assert [chart.id for chart in charts] == ["race", "race-2"]
    assert [runner.search_value for runner in charts[1].runners] == [None, None]
    assert charts[1].optimism is None
    assert not [trace for trace in comparison_charts.draw_race(charts[1]).data if trace.name == "in the search"]


def test_racer_names_are_escaped() -> None:
    odd = told.heat(told.racer("trial 1", [1.0], 1.0), told.racer("<a href='//x'>&", [1.0]))
    charts = comparison_charts.race_data(told.findings(comparison=told.comparison([0.9], [0.8], heats=[odd])))
    assert charts is not None
    assert comparison_charts.draw_race(charts[0]).layout.yaxis.ticktext[1] == "&lt;a href='//x'&gt;&amp;"
    assert math.isfinite(comparison_charts.draw_race(charts[0]).layout.height)
