"""Gradients inside networks and what techniques add, as figures and sections."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
import told

from hpo.analysis import RowScores
from hpo.analysis.ablation_effects import examine_ablation
from hpo.analysis.table_wording import row_label
from hpo.experiments.findings import ProbedNetwork
from hpo.report import theme
from hpo.report.document import Table
from hpo.report.figures import ablations, figure_json, network_charts
from hpo.report.gradient_health import ends, fate
from hpo.report.sections import document
from hpo.study import Ablation, Technique
from hpo.training.probes import LayerProbe, Probe


def layer(gradient: float, *, clipped: float | None = None, **more: Any) -> LayerProbe:
    its: dict[str, Any] = {
        "name": "dense",
        "units": 4,
        "activation": "relu",
        "initializer": "he_normal",
        "normalized": False,
        "gradient_norm": gradient,
        "clipped_norm": gradient if clipped is None else clipped,
        "weight_norm": 1.0,
        "activation_mean": 0.0,
        "activation_variance": 1.0,
        "saturated": None,
        "dead": None,
        **more,
    }
    return LayerProbe(**its)


def network(*norms: float, number: int = 0, after: Probe | None = None, **more: Any) -> ProbedNetwork:
    start = Probe(epoch=0, rows=8, loss=1.0, layers=(*(layer(norm, **more) for norm in norms), layer(1.0)))
    return ProbedNetwork(number=number, swept=False, params={}, start=start, after=after)


@pytest.mark.parametrize(
    ("norms", "weight", "expected", "fared"),
    [
        ((1e-4, 5.0, 1.0), 1.0, (-4.0, 0.0), "vanishing"),
        ((1e-2, 5.0, 1.0), 1.0, (-2.0, 0.0), "passing"),
        ((1e-6, 1e-6), 10.0, (-7.0, -7.0), "vanishing"),  # alike, and too small to change a weight
        ((10.0, 1e-2), 1.0, (1.0, -2.0), "exploding"),
        ((1e17, 1e17), 10.0, (12.0, 12.0), "exploding"),  # alike, and larger than the weights
        ((1e3, 1e3), 100.0, (1.0, 1.0), "passing"),
        ((0.0, 1.0), 1.0, (-12.0, 0.0), "vanishing"),
        ((0.0, 0.0), 0.0, (-12.0, -12.0), "vanishing"),
        ((1e-30, 1.0), 0.0, (-12.0, 0.0), "vanishing"),
        ((math.nan, 1.0), 1.0, (12.0, 0.0), "exploding"),
        ((1.0, math.inf), 1.0, (0.0, 12.0), "exploding"),
    ],
)
def test_gradients_are_classified_as_vanishing_exploding_or_passing(
    norms: tuple[float, ...], weight: float, expected: tuple[float, float], fared: str
) -> None:
    start = network(*norms, weight_norm=weight).start
    assert ends(start) == pytest.approx(expected)
    assert fate(start) == fared


VANISHED = network(1e-8, 1.0, number=1, activation="sigmoid", initializer="naive", saturated=0.75)
SOUND = network(0.5, 1.0, 1.0, number=2, dead=0.25)
MENDED = network(0.9, 1.0, number=3, activation="sigmoid", initializer="naive", normalized=True)
CLIPPED = network(1e5, 1.0, number=4, clipped=1.0)
AGAIN = replace(network(1e-6, 1.0, number=5, activation="sigmoid", initializer="naive"), swept=True)
NETWORKS = (VANISHED, SOUND, MENDED, CLIPPED, AGAIN)


def test_a_gradient_mark_shows_kind_depth_and_mending_technique() -> None:
    record = network_charts.gradients_data(told.findings(networks=NETWORKS))
    assert record is not None
    assert record.kinds == ("relu, he_normal", "sigmoid, naive")
    assert [(mark.row, mark.depth, mark.mend, len(mark.fates)) for mark in record.marks] == [
        (0, 2, "clipping", 1),
        (0, 3, "nothing", 1),
        (1, 2, "batch normalization", 1),
        (1, 2, "nothing", 2),  # one of the search, one of the tables: their median
    ]
    assert record.marks[0].first == pytest.approx(0.0)  # as clipping leaves it
    assert record.marks[0].unclipped == pytest.approx(5.0)
    assert record.marks[0].fates == ("passing",)
    assert (record.marks[3].fates, record.marks[3].searched) == (("vanishing", "vanishing"), 1)
    figure = network_charts.draw_gradients(record)
    plain = told.by_name(figure, "nothing")
    mended, clipped = told.by_name(figure, "batch normalization"), told.by_name(figure, "clipping")
    assert list(plain.x) == pytest.approx([math.log10(0.5), -7.0], abs=1e-4)
    assert list(plain.marker.color) == [3, 2]
    assert plain.marker.size[0] > plain.marker.size[1]
    assert len({plain.marker.symbol, mended.marker.symbol, clipped.marker.symbol}) == 3
    assert [*clipped.y, plain.y[0], *mended.y, plain.y[1]] == [1, 2, 4, 5]  # kinds apart, no mark hides another
    assert list(figure.layout.yaxis.tickvals) == [1.5, 4.5]
    line = next(trace for trace in figure.data if trace.mode == "lines")
    assert list(line.x[-3:-1]) == pytest.approx([0.0, -7.0])  # from the last hidden layer to the first
    assert "first before clipping 1e+5.0" in clipped.text[0]
    assert "2 networks: 1 of the search, 1 of the tables" in plain.text[1]
    low, high = figure.layout.xaxis.range
    assert low < -8 < 0 < high
    text = figure_json(figure)
    assert all(shade.light in text for shade in theme.SEQUENCE[1:])
    json.loads(text)


def test_trials_without_probes_are_not_drawn() -> None:
    assert network_charts.gradients_data(told.findings()) is None
    assert network_charts.layers_data(told.findings()) is None
    assert "inside" not in {section.id for section in document(told.findings()).sections}


def test_rare_kinds_of_networks_are_left_out_and_counted() -> None:
    many = [network(1.0, 1.0, number=at, initializer=f"i{at // 2}") for at in range(44)]
    record = network_charts.gradients_data(told.findings(networks=tuple(many)))
    assert record is not None
    assert (len(record.kinds), record.left_out) == (20, 4)
    assert "4 networks of rarer kinds" in network_charts.gradients_caption(record)


def test_the_gradients_section_counts_networks_and_has_a_table() -> None:
    after = Probe(epoch=1, rows=8, loss=1.0, layers=(layer(1e-2), layer(1.0), layer(1.0)))
    looked = (
        network(1e-8, 1.0, after=after, activation="sigmoid", initializer="naive", saturated=0.75),
        *(SOUND, MENDED, CLIPPED),
    )
    section = next(one for one in document(told.findings(networks=looked)).sections if one.id == "inside")
    lead, _, table = section.parts
    assert lead.text == (  # type: ignore[union-attr]
        "Before the first epoch, of 3 networks without batch normalization 1 have vanishing and 1 exploding gradients; "
        "of 1 network with it 0 have vanishing and 0 exploding gradients. Clipping keeps 1 of 1 exploding one in "
        "bounds."
    )
    assert isinstance(table, Table)
    assert table.rows[0] == ("relu", "he_normal", "no", "2", "1", "1e+05", "1", "–", "–", "–")
    assert table.rows[1] == ("relu", "he_normal", "no", "3", "1", "0.5", "1", "–", "–", "25 %")
    assert table.rows[2] == ("sigmoid", "naive", "no", "2", "1", "1e-08", "1", "0.01", "75 %", "–")


def test_the_networks_of_a_table_are_drawn_layer_by_layer() -> None:
    row = told.UNITS.rows[1]
    its = replace(
        network(1e-4, math.inf, clipped=1e-5, activation_mean=0.5, activation_variance=1e-6),
        swept=True,
        params=told.UNITS.configuration(row),
    )
    searched = replace(network(1.0, 1.0), params=told.UNITS.configuration(told.UNITS.rows[0]))
    findings = told.findings(networks=(searched, its, its))
    findings = replace(findings, definition=replace(told.definition(), layered=("units",), probe_rows=8))
    charts = network_charts.layers_data(findings)
    assert charts is not None
    assert [(chart.id, len(chart.lines)) for chart in charts] == [("layers-units", 1)]  # of the tables alone, once
    line = charts[0].lines[0]
    assert line.label == row_label(told.UNITS, row)
    assert (line.gradients, line.means) == ((1e-5, 1e-5), (0.5, 0.5))
    assert line.variances == (1e-6, 1e-6)
    assert "leave a chart" in network_charts.layers_caption(charts[0])
    figure = network_charts.draw_layers(charts[0])
    assert [list(trace.y) for trace in figure.data] == [[-5.0, -5.0], [0.5, 0.5], [-6.0, -6.0]]
    assert [trace.yaxis for trace in figure.data] == ["y", "y2", "y3"]
    assert [trace.showlegend for trace in figure.data] == [True, False, False]
    json.loads(figure_json(figure))
    section = next(one for one in document(findings).sections if one.id == "inside")
    assert [part.kind for part in section.parts] == ["text", "chart", "chart", "table", "table"]
    table = section.parts[3]
    assert isinstance(table, Table)
    assert table.rows == ((line.label, "1e-05", "1e-05", "0.5", "0.5", "1e-06", "1e-06"),)


ABLATION = Ablation(
    id="parts",
    title="Parts",
    plain={**told.HAND, "units": 4, "optimizer": "sgd", "rate": 0.1},
    full={**told.HAND, "units": 8, "optimizer": "sgd", "rate": 0.2},
    techniques=(
        Technique(
            name="width",
            alone={**told.HAND, "units": 8, "optimizer": "sgd", "rate": 0.1},
            without={**told.HAND, "units": 4, "optimizer": "sgd", "rate": 0.2},
        ),
    ),
)
SCORES = ((0.50, 0.52), (0.70, 0.72), (0.60, 0.61), (0.90, 0.91))


def ablated(repeats: int = 2) -> Any:
    measured = {("parts", row): RowScores(figures={"test": given[:repeats]}) for row, given in enumerate(SCORES)}
    report = told.sweep_report(measured, sweeps=(ABLATION.table,), repeats=repeats)
    return replace(report, ablations=(examine_ablation(ABLATION, measured, direction="maximize"),))


def test_an_ablation_is_drawn_with_its_intervals() -> None:
    report = ablated()
    charts = ablations.data(told.findings(sweeps=report))
    assert charts is not None
    chart = charts[0]
    assert (chart.id, chart.names, chart.repeats) == ("ablation-parts", ("width",), 2)
    figure = ablations.draw(chart)
    alone, company = told.by_name(figure, "alone"), told.by_name(figure, "in company")
    assert (list(alone.x), list(company.x)) == (pytest.approx([0.2]), pytest.approx([0.3]))
    low, high = report.ablations[0].techniques[0].alone.ci95
    assert alone.x[0] + alone.error_x.array[0] == pytest.approx(high, rel=1e-4)
    assert alone.x[0] - alone.error_x.arrayminus[0] == pytest.approx(low, rel=1e-4)
    assert alone.marker.symbol != company.marker.symbol
    assert "95 % intervals" in ablations.caption(chart)
    once = ablations.data(told.findings(sweeps=ablated(repeats=1)))
    assert once is not None
    assert "no bars" in ablations.caption(once[0])
    assert "missing" not in ablations.caption(once[0])
    assert "the table says why" in ablations.caption(replace(chart, alone=(None,)))


def test_an_ablation_has_its_own_section_without_a_choice() -> None:
    sections = {one.id: one for one in document(told.findings(sweeps=ablated())).sections}
    assert "tables" not in sections  # its rows are put to no choice
    _, chart, table = sections["ablation"].parts
    assert chart.kind == "chart"
    assert isinstance(table, Table)
    assert table.rows[0][0] == "width"
    shown = [cell if isinstance(cell, str) else cell.text for cell in table.rows[0]]
    assert shown[1::2] == ["+0.200 *", "+0.300 *", "+0.100 *"]
    marks = ["" if isinstance(cell, str) else cell.mark for cell in table.rows[0]]
    assert marks[1::2] == ["good", "good", ""]  # an interaction is neither good nor bad


def test_an_ablation_without_its_own_rows_measured_is_not_reported() -> None:
    measured = {("parts", 3): RowScores(figures={"test": SCORES[3]})}
    report = told.sweep_report(measured, sweeps=(ABLATION.table,), repeats=2)
    begun = examine_ablation(ABLATION, measured, direction="maximize")
    findings = told.findings(sweeps=replace(report, ablations=(begun,)))
    assert "ablation" not in {one.id for one in document(findings).sections}
    measured["parts", 1] = RowScores(figures={}, reasons=("diverged",))
    begun = examine_ablation(ABLATION, measured, direction="maximize")
    findings = told.findings(sweeps=replace(report, ablations=(begun,)))
    table = next(one for one in document(findings).sections if one.id == "ablation").parts[-1]
    assert isinstance(table, Table)
    assert table.note.endswith("“width alone” gave no score: diverged. Not measured: “all but width”.")
    assert "not every row gave a score" in table.note
