"""What a report says of findings, as a document: rendered both ways, so that every part can be."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import told

from hpo.analysis import ASSUMED, RowScores, compare, failures, unseen
from hpo.experiments.compare.comparison_report import Claimed
from hpo.experiments.findings import CurvePair, Curves, Missing, Predictions
from hpo.report import document, html, markdown
from hpo.report.dashboard_notes import note
from hpo.report.document import Document, Pictures, Table
from hpo.storage.queries.study_results import Best

WON = [0.92, 0.93, 0.91, 0.92, 0.94, 0.93, 0.92, 0.91]
LOST = [0.90, 0.91, 0.90, 0.89, 0.91, 0.90, 0.90, 0.89]


def told_of(direction: str = "maximize", **parts: Any) -> Document:
    made = document(told.findings(direction, **parts))
    assert html(made).count("</section>") == len(made.sections) + 1  # every part can be rendered
    return made


def tables(made: Document, section: str) -> dict[str, Table]:
    parts = next(one.parts for one in made.sections if one.id == section)
    return {part.caption: part for part in parts if isinstance(part, Table)}


def words(table: Table) -> list[tuple[str, ...]]:
    return [tuple(cell if isinstance(cell, str) else cell.text for cell in row) for row in table.rows]


@pytest.mark.parametrize(
    ("optimum", "baseline", "word"),
    [(WON, LOST, "better"), (LOST, WON, "worse"), (WON[:3], LOST[:3], "undecided"), (WON, WON, "equivalent")],
)
def test_the_verdict_is_reported_whichever_side_won(optimum: list[float], baseline: list[float], word: str) -> None:
    made = told_of(comparison=told.comparison(optimum, baseline))
    assert made.verdict.word == word
    assert f"**{word.capitalize()}.**" in markdown(made)
    assert made.verdict.facts[1].note.startswith(f"of {len(optimum)};")


def test_the_resampled_verdict_is_given_beside_that_on_the_test_rows() -> None:
    alone = told_of(comparison=told.comparison(WON, LOST))
    assert alone.verdict.second == ""
    both = told_of(comparison=told.comparison(WON, LOST, resampled=(LOST, WON)))
    assert both.verdict.word == "better"
    assert both.verdict.second.startswith("About the task rather than about one test set: ")
    assert both.verdict.second.endswith(
        " The search chose the optimum on rows that are now among the test rows, which may flatter it here."
    )
    assert len(tables(both, "comparison")["The comparison in figures"].headings) == 3


def test_a_verdict_on_resampled_rows_warns_that_the_search_saw_them() -> None:
    report = told.comparison(WON, LOST)
    assert "may flatter it here" not in markdown(told_of(comparison=report))
    anew = told_of(comparison=replace(report, rows="resampled"))
    assert anew.verdict.second.endswith("which may flatter it here.")
    assert anew.verdict.second in note(anew, "")


def test_trials_until_the_baseline_was_passed_are_reported_only_where_known() -> None:
    unseen = markdown(told_of(comparison=told.comparison(WON, LOST)))
    assert "has no value in the search, so nobody can tell after how many trials it was passed" in unseen
    never = markdown(told_of(comparison=told.comparison(WON, LOST, value=0.99)))
    assert "No trial of the search passed the hand-picked configuration’s value" in never


def test_the_budget_of_hand_tuning_is_reported_where_it_is_recorded() -> None:
    report = told.comparison(WON, LOST)
    unknown = markdown(told_of(comparison=report))
    assert "How the hand-picked configuration was come by is not on record" in unknown
    assert "The budget of both sides" not in unknown
    hand = replace(report.budget.search, trials=31, rows=36, tables=6)
    known = markdown(told_of(comparison=replace(report, budget=replace(report.budget, hand=hand))))
    assert "The budget of both sides" in known
    assert "| rows of the tables | – | 36 |" in known


@pytest.mark.parametrize("optimism", [0.05, 0.0, -0.05])
def test_optimism_keeps_its_sign_beside_its_interval(optimism: float) -> None:
    run = told.heat(told.racer("trial 7", [0.9, 0.92], 0.96), told.racer("report", [0.9, 0.9]), optimism=optimism)
    run = replace(run, finding=replace(run.finding, optimism_ci95=(optimism - 0.1, optimism + 0.1)))
    text = markdown(told_of(comparison=told.comparison(WON, LOST, heats=[run])))
    said = {0.05: "+0.0500 (95 % interval −0.050 to 0.150)", 0.0: "0 (95 % interval −0.100 to 0.100)"}
    assert f"measured again, is {said.get(optimism, '−0.0500 (95 % interval −0.150 to 0.050)')}: above zero" in text


def test_a_claim_without_a_reported_figure_is_omitted() -> None:
    empty = Claimed(reported={}, measured={"test": (0.9, 0.91)})
    assert "claims" not in markdown(told_of(comparison=replace(told.comparison(WON, LOST), claimed=empty)))


def test_every_pair_is_listed_with_its_winner() -> None:
    made = told_of("minimize", comparison=told.comparison([2.0, 3.0, 2.5], [2.5, 2.5, 2.5], direction="minimize"))
    rows = words(tables(made, "comparison")["All 3 pairs"])
    assert [row[3:] for row in rows] == [("+0.500", "won"), ("−0.500", "lost"), ("0", "tied")]


def test_a_search_without_a_comparison_suggests_the_command_for_one() -> None:
    found = told.findings(
        missing=(Missing(part="comparison", what="the comparison", why="no", command="hpo compare t"),)
    )
    status = replace(found.status, target=3, settled=3, complete=2, failed=1, best=Best(number=1, value=0.9, params={}))
    made = document(replace(found, status=status))
    assert (made.verdict.word, made.verdict.command) == ("open", "hpo compare t")
    assert made.verdict.sentence.startswith("The best of 2 complete trials has a validation accuracy of 0.9000.")
    assert made.missing == ()  # said once
    none = document(replace(found, status=replace(status, best=None, complete=0)))
    assert "none is complete (0 pruned, 1 failed)" in none.verdict.sentence


def test_sweep_rows_are_listed_beside_reported_figures_and_disagreements_marked() -> None:
    exact = RowScores(figures={"test": (0.9101, 0.9102, 0.9100), "train": (0.95, 0.951, 0.949)})
    off = RowScores(figures={"test": (0.80, 0.801, 0.799)})
    gone = RowScores(reasons=("diverged: the loss was not finite",))
    measured = {("units", 0): off, ("units", 1): exact, ("units", 2): gone}
    made = told_of(sweeps=told.sweep_report(measured))
    found = tables(made, "tables")
    table = found["Units: measured beside reported (accuracy)"]
    assert table.headings == ("units", "train", "report", "test", "report")
    rows = words(table)
    assert rows[0][3:] == ("0.8000 ± 0.0010", "0.88 ≠")
    assert rows[1] == ("32 ✓", "0.9500 ± 0.0010", "0.95", "0.9101 ± 0.0001", "0.91")
    assert rows[2][3] == "diverged"
    assert [row[0] for row in words(found["What becomes of the report’s choices"])] == ["Units"]  # one table measured
    assert "base configuration, up to 3 repeats with different seeds" in markdown(made)
    every = {(sweep.id, at): exact for sweep in (told.UNITS, told.OPTIMIZER) for at in range(len(sweep.rows))}
    assert "base configuration, 3 repeats with" in markdown(told_of(sweeps=told.sweep_report(every)))


def test_a_table_without_reported_figures_is_folded_below_its_chart() -> None:
    exact = RowScores(figures={"test": (0.9101, 0.9102, 0.9100)})
    ours = replace(told.UNITS, rows=tuple(replace(row, reported={}) for row in told.UNITS.rows))
    measured = {("units", at): exact for at in range(len(ours.rows))}
    found = tables(told_of(sweeps=told.sweep_report(measured, sweeps=(ours,))), "tables")
    assert "rows that disagree" not in found["What becomes of the report’s choices"].headings
    assert found["Units: measured (accuracy)"].folded
    beside = tables(told_of(sweeps=told.sweep_report(measured, sweeps=(told.UNITS,))), "tables")
    assert beside["What becomes of the report’s choices"].headings[-1] == "rows that disagree"
    assert not beside["Units: measured beside reported (accuracy)"].folded


def test_a_near_and_a_far_prediction_are_listed_with_all_features() -> None:
    predictions = Predictions(
        truth=np.array([1.0, 2.0, 3.0]),
        optimum=np.array([1.5, 2.0, 1.0]),
        baseline=np.array([1.0, 2.5, 2.0]),
        kind="values",
        label_names=(),
        feature_names=("rooms", "age"),
        x=np.array([[1, 10], [2, 20], [3, 30]], dtype=np.float32),
    )
    made = told_of(predictions=predictions)
    table = tables(made, "predictions")["One near, one far"]
    assert table.headings == (
        "",
        "nearest, optimum (test row 1)",
        "farthest, optimum (test row 2)",
        "nearest, hand-picked (test row 0)",
        "farthest, hand-picked (test row 2)",
    )
    rows = {row[0]: row[1:] for row in words(table)}
    assert rows["true value"] == ("2", "3", "1", "3")
    assert rows["optimum is off by"] == ("0", "−2.00", "+0.500", "−2.00")
    assert (rows["rooms"], rows["age"]) == (("2", "3", "1", "3"), ("20", "30", "10", "30"))


def labels(x: Any) -> Predictions:
    return Predictions(
        truth=np.array([0, 1, 1, 0]),
        optimum=np.array([0, 1, 0, 1]),
        baseline=np.array([0, 0, 1, 1]),
        kind="labels",
        label_names=("boot", "bag"),
        feature_names=(),
        x=x,
    )


def test_the_first_image_of_each_outcome_is_shown() -> None:
    made = told_of(predictions=labels(np.arange(4 * 64, dtype=np.uint8).reshape(4, 8, 8, 1)))
    parts = next(one.parts for one in made.sections if one.id == "predictions")
    shown = next(part for part in parts if isinstance(part, Pictures)).pictures
    assert [(one.heading, one.lines[-1], one.mark) for one in shown] == [
        ("Right by both", "test row 0", "good"),
        ("Right by the optimum alone", "test row 1", "good"),
        ("Right by the hand-picked alone", "test row 2", "bad"),
        ("Wrong by both", "test row 3", "bad"),
    ]
    assert shown[3].lines[:3] == ("In the data set: boot", "optimum: bag", "hand-picked: bag")


def test_predictions_on_tabular_rows_are_listed_in_a_table() -> None:
    made = told_of(predictions=labels(np.arange(8, dtype=np.float32).reshape(4, 2)))
    (table,) = tables(made, "predictions").values()
    assert words(table)[0] == ("true class", "boot", "bag", "bag", "boot")


def test_the_last_values_of_the_curves_are_in_a_table() -> None:
    pair = CurvePair(validation=((1, 0.5), (3, 0.75)), train=((1, 0.6), (3, 0.875)))
    made = told_of(curves=Curves(optimum=pair, baseline=None, fidelity="full", metric="accuracy"))
    (table,) = tables(made, "curves").values()
    assert words(table) == [("optimum", "3", "0.8750", "0.7500")]


def test_commands_seeds_and_checksums_are_reported() -> None:
    found = told.findings()
    provenance = replace(
        found.provenance,
        commands=("hpo optimize toy", "hpo report toy -o toy.html"),
        seeds={"search": 7},
        versions={"optuna": "5.0.0"},
        data={"toy, test rows": "sha256 abc"},
        made_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    )
    text = markdown(document(replace(found, provenance=provenance)))
    for said in ("```sh\nhpo optimize toy\nhpo report toy -o toy.html\n```", "| search | 7 |", "| optuna | 5.0.0 |"):
        assert said in text
    assert "| toy, test rows | sha256 abc |" in text
    assert "2026-01-02 at 03:04 UTC" in text


def test_a_search_that_has_just_begun_says_so() -> None:
    begun = told.findings()
    begun = replace(begun, status=replace(begun.status, target=5, running=1, open=4))
    assert document(begun).verdict.sentence == "No trial of the study has ended yet, so there is nothing to judge."


def test_every_verdict_states_its_limits_and_assumptions() -> None:
    report = told.comparison(WON, LOST, resampled=(WON[:7], LOST[:7]))
    made = told_of(comparison=report)
    assert made.verdict.limits == f"{unseen(report.comparison)} {ASSUMED}"
    assert "up to 31.2% of trainings" in made.verdict.limits
    assert "up to 34.8% of trainings" in made.verdict.second
    assert made.verdict.limits in html(made)
    for marked_down in (markdown(made), note(made, "")):
        assert made.verdict.limits in marked_down


@pytest.mark.parametrize(("failing", "word"), [(2, "better"), (9, "unreliable")])
def test_failed_trainings_are_reported_beside_the_verdict(failing: int, word: str) -> None:
    counted = compare(WON, LOST, failures=failures((failing, 6 + failing), (0, 7)))
    assert counted.failures is not None
    made = told_of(comparison=replace(told.comparison(WON, LOST), comparison=counted))
    assert made.verdict.word == word
    said = f"{failing} of {6 + failing} trainings of the automated optimum failed"
    assert (said in made.verdict.sentence, said in made.verdict.limits) == (failing == 9, failing == 2)
    figures = dict(words(tables(made, "comparison")["The comparison in figures"]))
    bound = f"{100 * counted.failures.a.upper95:.1f} %"
    assert figures["trainings that failed, optimum"] == f"{failing} of {6 + failing}, up to {bound}"
    assert figures["in no pair, yet possible"] == "up to 31.2 %"
    assert f'<h2 id="verdict-title">{word.capitalize()}</h2>' in html(made)
