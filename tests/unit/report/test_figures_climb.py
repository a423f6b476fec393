"""The figure of a search that climbs, and what the page says beside it."""

from dataclasses import replace
from typing import Any

import told

from hpo.analysis.rung_agreement import examine_climb
from hpo.report import document, markdown, theme
from hpo.report.document import Table
from hpo.report.figures import climb_chart
from hpo.storage.queries.status import RungStatus
from hpo.storage.queries.study_results import Best
from hpo.storage.slots.slot import Incumbent, Slot

RECORD = told.record(fidelity="full", rungs="quick,full")
QUICK = {"hand": 0.80, "a": 0.84, "b": 0.83, "c": 0.82, "d": 0.60}
FULL = {"hand": 0.90, "a": 0.95, "b": 0.91, "c": 0.92}
AGAIN = {"hand": 0.91, "a": 0.93}


def slot(digest: str, value: float, number: int) -> Slot:
    its: dict[str, Any] = {"study": "s", "study_id": 1, "state": "settled", "attempt": 1, "outcome": "complete"}
    return Slot(id=number, rung=1, position=number, digest=digest, value=value, trial_number=number, **its)


def climbed(**more: Any) -> Any:
    """A search of five drawn, three promoted beside the hand-picked one, one confirmed beside it."""
    trials, number = [], 0
    for rung, values in enumerate((QUICK, FULL, AGAIN)):
        for digest, value in values.items():
            params = told.HAND if digest == "hand" else {"units": number}
            its = {"rung": rung, "highest": rung > 0, "digest": digest, "params": params}
            trials.append(told.trial(number, value=value, **its))
            number += 1
    found = told.findings(
        record=RECORD,
        trials=tuple(trials),
        climb=examine_climb([QUICK, FULL, AGAIN], direction="maximize", prior="hand"),
        incumbents=(
            Incumbent(slot=slot("a", 0.95, 6), value=0.94, trainings=2),
            Incumbent(slot=slot("hand", 0.90, 5), value=0.905, trainings=2),
            Incumbent(slot=slot("c", 0.92, 8), value=0.92, trainings=1),
        ),
        **more,
    )
    rungs = tuple(
        RungStatus(fidelity=name, target=target, settled=target)
        for name, target in (("quick", 5), ("full", 4), ("full", 2))
    )
    counts = {"target": 11, "settled": 11, "complete": 11}
    best = Best(number=6, value=0.94, params={}, trainings=2)
    return replace(found, status=replace(found.status, fidelity=None, rungs=rungs, best=best, **counts))


def test_promoted_configurations_are_lines_and_the_others_dots() -> None:
    record = climb_chart.climb_data(climbed())
    assert record is not None
    assert record.rungs == ("quick", "full", "confirmed")
    ways = {(way.prior, way.optimum): way.values for way in record.ways if way.prior or way.optimum}
    assert ways == {(True, False): ((0, 0.80), (1, 0.90), (2, 0.91)), (False, True): ((0, 0.84), (1, 0.95), (2, 0.93))}
    assert len(record.ways) == 4
    assert record.stayed == ((0, 0.60),)
    figure = climb_chart.draw_climb(record)
    assert list(figure.layout.xaxis.ticktext) == ["quick", "full", "confirmed"]
    hand, best = told.by_name(figure, "hand-picked"), told.by_name(figure, "optimum")
    assert (list(hand.x), list(hand.y), hand.line.color) == ([0, 1, 2], [0.80, 0.90, 0.91], theme.BASELINE.light)
    assert best.line.color == theme.OPTIMUM.light
    assert list(told.by_name(figure, "stayed").y) == [0.60]
    assert sum(trace.name == "climbed" and bool(trace.showlegend) for trace in figure.data) == 1
    assert "4 in all; dots are the 1 that" in climb_chart.climb_caption(record)


def test_a_search_without_promotions_has_no_climb_figure() -> None:
    assert climb_chart.climb_data(replace(climbed(), climb=None)) is None
    found = climbed()
    drawn = replace(found, trials=tuple(trial for trial in found.trials if not trial.rung))
    assert climb_chart.climb_data(drawn) is None


def test_the_page_reports_ranks_agreement_and_luck_of_a_climb() -> None:
    made = document(climbed())
    parts = next(section.parts for section in made.sections if section.id == "search")
    tables = {part.caption: part for part in parts if isinstance(part, Table)}
    assert [row[:4] for row in tables["The rungs"].rows] == [
        ("quick", "5 of 5", "5", "4 of 5"),
        ("full", "4 of 4", "4", "4 of 4"),
        ("confirmed", "2 of 2", "2", "–"),
    ]
    assert str(tables["The rungs"].rows[0][4]).endswith(" over 4")
    luck = tables["What training again made of the best"]
    assert [luck.rows[0][at] for at in (0, 3)] == ["6", "+0.0200"]
    best = tables["The 3 best trials at fidelity full"]
    assert best.headings[:3] == ("trial", "accuracy", "trainings")
    assert [(row[0], row[2]) for row in best.rows] == [("6", "2"), ("5", "2"), ("8", "1")]
    text = markdown(made)
    assert "From rung to rung" in text
    assert "The hand-picked configuration's rank: 4 of 5 at quick, 4 of 4 at full." in text
    assert "quick orders configurations as full does by Kendall's tau" in text.replace("Quick", "quick")
    assert "The best of 3 configurations trained at fidelity full has" in made.verdict.sentence
    assert "trial 6, the mean of 2 trainings at full" in text
