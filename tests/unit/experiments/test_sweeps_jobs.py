"""Which trainings the tables of a report come down to."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.errors import DefinitionError, StudyError, UsageError
from hpo.experiments.sweep.sweep_jobs import as_reported, repeat_seed, sweep_jobs
from hpo.experiments.sweep.sweep_plan import SweepRequest, chosen_sweeps
from studies.cnn import study as cnn
from studies.fcnn import study as fcnn

DEFINITIONS = st.sampled_from((cnn, fcnn))
SEEDS = st.integers(0, 2**32 - 1)


def test_a_configuration_in_several_tables_is_trained_once() -> None:
    assert len(sweep_jobs(cnn, cnn.sweeps, 1, 0)) == 32  # of 38 rows
    assert len(sweep_jobs(fcnn, fcnn.sweeps, 1, 0)) == 31  # of 36 rows


@given(definition=DEFINITIONS, repeats=st.integers(1, 5), seed=SEEDS)
def test_every_row_is_trained_as_often_as_asked_with_the_same_seeds(definition, repeats: int, seed: int) -> None:
    jobs = {job.key: job for job in sweep_jobs(definition, definition.sweeps, repeats, seed)}
    seeds = [repeat_seed(seed, repeat) for repeat in range(repeats)]
    assert len(set(seeds)) == repeats
    for sweep in definition.sweeps:
        for row in sweep.rows:
            its = as_reported(definition, sweep.configuration(row), repeats, seed)
            assert [jobs[job.key].seed for job in its] == seeds
            assert {job.rows for job in its} == {"development"}
            assert all(job.params == sweep.configuration(row) for job in its)


@given(definition=DEFINITIONS, few=st.integers(1, 3), more=st.integers(1, 3), seed=SEEDS)
def test_more_repeats_add_to_those_there_are(definition, few: int, more: int, seed: int) -> None:
    before = {job.key for job in sweep_jobs(definition, definition.sweeps, few, seed)}
    after = {job.key for job in sweep_jobs(definition, definition.sweeps, few + more, seed)}
    assert before < after
    assert len(after) * few == len(before) * (few + more)


def test_the_repeats_of_a_row_come_together_in_the_order_of_the_tables() -> None:
    jobs = sweep_jobs(fcnn, fcnn.sweeps, 2, 0)
    assert [job.params for job in jobs[::2]] == [job.params for job in jobs[1::2]]
    assert [job.note for job in jobs[:3]] == ["layers 1/6, repeat 1", "layers 1/6, repeat 2", "layers 2/6, repeat 1"]


def test_tables_are_taken_in_the_report_s_order_and_once() -> None:
    assert [sweep.id for sweep in chosen_sweeps(cnn, ("loss", "layers", "loss"))] == ["layers", "loss"]
    assert chosen_sweeps(cnn, ()) == cnn.sweeps


@pytest.mark.parametrize(
    ("wanted", "guess"), [("kernels", "; did you mean kernel? It has: layers, kernel"), ("xyz", "; it has: layers")]
)
def test_a_table_that_is_not_there_is_named_with_those_that_are(wanted: str, guess: str) -> None:
    with pytest.raises(UsageError) as refused:
        chosen_sweeps(cnn, ("layers", wanted))
    assert f"cnn has no sweep {wanted!r}{guess}" in str(refused.value)


def test_a_definition_without_tables_is_refused_in_a_line() -> None:
    bare = replace(fcnn, sweeps=(), claims=())
    with pytest.raises(DefinitionError, match="'fcnn' has no sweeps, so there is no table to run") as refused:
        SweepRequest(definition=bare).resolve()  # type: ignore[arg-type]
    assert refused.value.exit_code == 1
    assert "\n" not in str(refused.value)


def test_the_report_s_fidelity_is_meant_unless_another_is_named() -> None:
    assert SweepRequest(definition="fcnn").resolve()[1].name == "full"
    assert SweepRequest(definition="fcnn", fidelity="quick").resolve()[1].name == "quick"


@pytest.mark.parametrize(("name", "value"), list(itertools.product(("repeats",), (0, -1, 1001, True, 1.5))))
def test_repeats_out_of_range_are_refused(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"{name} must be a whole number from 1 to 1,000, not {value}"):
        SweepRequest(definition="fcnn", **{name: value})  # type: ignore[arg-type]


def test_a_configuration_outside_the_space_is_refused() -> None:
    with pytest.raises(StudyError, match="no configuration of fcnn's space 'report': 'hidden_layers' is missing"):
        as_reported(fcnn, {"x": 1}, 1, 0)
