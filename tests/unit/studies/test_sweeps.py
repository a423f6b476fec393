"""The report's tables, as the definitions hold them."""

from decimal import Decimal

import pytest

from hpo.study import StudyDefinition
from studies.cnn import study as cnn
from studies.dnn import study as dnn
from studies.fcnn import study as fcnn
from studies.transfer import study as transfer

ROWS = {"cnn": [3, 6, 7, 5, 7, 3, 4, 3], "fcnn": [6, 7, 7, 5, 6, 5]}


@pytest.mark.parametrize("study", [cnn, fcnn], ids=lambda s: s.name)
def test_every_table_has_the_reports_rows(study: StudyDefinition) -> None:
    assert [len(sweep.rows) for sweep in study.sweeps] == ROWS[study.name]


def test_74_rows_are_63_distinct_configurations() -> None:
    every = [
        (study.name, *sorted(sweep.configuration(row).items()))
        for study in (cnn, fcnn)
        for sweep in study.sweeps
        for row in sweep.rows
    ]
    assert len(every) == 74
    assert len(set(every)) == 63


@pytest.mark.parametrize("study", [cnn, fcnn], ids=lambda s: s.name)
def test_each_table_starts_from_what_the_one_before_chose(study: StudyDefinition) -> None:
    """The hand method is greedy; where a later table repeats a row, the base already holds it."""
    for before, after in zip(study.sweeps, study.sweeps[1:], strict=False):
        chosen = before.configuration(before.rows[before.chosen])
        varied = {name for row in before.rows for name in row.setting}
        assert {name: after.base[name] for name in varied} == {name: chosen[name] for name in varied}


@pytest.mark.parametrize("study", [cnn, fcnn], ids=lambda s: s.name)
def test_the_last_choice_is_the_baseline(study: StudyDefinition) -> None:
    last = study.sweeps[-1]
    assert last.configuration(last.rows[last.chosen]) == study.baseline("report").params


@pytest.mark.parametrize("study", [cnn, fcnn], ids=lambda s: s.name)
def test_a_configuration_that_returns_in_a_later_table_returns_with_its_figures(study: StudyDefinition) -> None:
    """The report repeats its running winner at the head of each table; a slip of the pen would show here."""
    seen: dict[object, dict[str, Decimal]] = {}
    for sweep in study.sweeps:
        for row in sweep.rows:
            figures = {name: row.reported[name] for name in ("train", "test")}
            assert seen.setdefault(frozenset(sweep.configuration(row).items()), figures) == figures


@pytest.mark.parametrize("study", [cnn, fcnn], ids=lambda s: s.name)
def test_every_row_can_be_trained_and_has_figures(study: StudyDefinition) -> None:
    for sweep in study.sweeps:
        for row in sweep.rows:
            assert study.infeasible(sweep.configuration(row)) is None
            assert set(row.reported) in ({"train", "test"}, {"train", "test", "seconds"})


def test_training_times_are_recorded_where_the_report_has_them() -> None:
    timed = [sweep.id for sweep in fcnn.sweeps if all("seconds" in row.reported for row in sweep.rows)]
    assert timed == ["layers", "optimizer"]
    assert fcnn.sweeps[0].rows[2].reported["seconds"] == Decimal("9.46")


def test_figures_keep_the_digits_they_were_printed_with() -> None:
    assert str(cnn.sweeps[3].rows[4].reported["test"]) == "0.910"
    assert str(fcnn.sweeps[1].rows[5].reported["test"]) == "2.3"


def test_only_tables_with_reported_figures_count_as_tried_by_hand() -> None:
    assert fcnn.tried_by_hand == fcnn.sweeps
    assert cnn.tried_by_hand == cnn.sweeps
    assert dnn.tried_by_hand == transfer.tried_by_hand == ()  # their tables are made from what a chapter teaches
