"""The figure of the front."""

from dataclasses import replace

import pytest
from told import by_name, findings, trial

from hpo.experiments.findings import Findings
from hpo.report.figures import search_charts, shown

POINTS = [(0, 0.9, 0.004), (1, 0.8, 0.002), (2, 0.7, 0.003), (3, 0.95, 0.01)]


def searched(objectives: str | None = "accuracy,latency") -> Findings:
    its = [trial(number, value=value, further=(cost,)) for number, value, cost in POINTS]
    its.append(trial(4, state="pruned", value=0.99, further=()))
    found = findings(trials=tuple(its))
    return replace(found, record=replace(found.record, objectives=objectives))


def test_every_complete_trial_is_drawn_and_the_front_connected() -> None:
    (record,) = search_charts.front_data(searched()) or ()
    assert [mark.number for mark in record.marks if mark.best] == [0, 1, 3]
    figure = search_charts.draw_front(record)
    line = by_name(figure, "front (3)")
    assert (list(line.x), list(line.y)) == ([0.002, 0.004, 0.01], [0.8, 0.9, 0.95])
    assert "lines" in line.mode
    others = by_name(figure, "other complete trials (1)")
    assert (list(others.x), list(others.y)) == ([0.003], [0.7])
    assert (figure.layout.xaxis.title.text, figure.layout.xaxis.type) == ("latency (s)", "log")
    assert "4 complete trials, 3 of them on the front" in search_charts.front_caption(record)
    assert "front-latency" in [one.id for one in shown(searched())]


def test_a_search_for_the_metric_alone_has_no_front_figure() -> None:
    assert search_charts.front_data(searched(None)) is None
    assert search_charts.front_data(replace(searched(), trials=())) is None


def test_with_three_objectives_each_cost_has_a_figure_and_no_line() -> None:
    found = searched("accuracy,latency,parameters")
    its = tuple(trial(n, value=v, further=(c, 100.0 - n)) for n, v, c in POINTS)
    records = search_charts.front_data(replace(found, trials=its)) or ()
    assert [record.id for record in records] == ["front-latency", "front-parameters"]
    assert all(mark.best for mark in records[1].marks if mark.number in (1, 3))
    assert all(trace.mode == "markers" for trace in search_charts.draw_front(records[1]).data)
    assert records[1].marks[2].cost == pytest.approx(98.0)
