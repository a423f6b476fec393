"""One measurement: trained on the job's rows, scored on the job's rows, and everything noted."""

from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pytest
import small
from optuna.trial import FrozenTrial, TrialState

from hpo.errors import UsageError
from hpo.optuna_internals import JOB
from hpo.search import Job, measure, measuring
from hpo.search.row_splits import load, redraw
from hpo.study import KFold, Params, StudyDefinition
from hpo.training import Recipe, build, fit

optuna.logging.set_verbosity(optuna.logging.WARNING)

FOLDED = replace(small.study, evaluation=KFold(folds=3))


def one(job: Job | None, definition: StudyDefinition = small.study, fidelity: str = "full", **how: Any) -> FrozenTrial:
    """The trial of one job, run by Optuna's own loop."""
    study = optuna.create_study(direction="minimize")
    given: dict[str, Any] = {}
    if job is not None:
        payload = job.to_payload()
        given = {JOB: payload["job"], "fixed_params": payload["params"]}
    study.add_trial(optuna.trial.create_trial(state=TrialState.WAITING, system_attrs=given))
    study.optimize(measuring(definition, fidelity=fidelity, **how), n_trials=1)
    return study.trials[0]


def by_hand(definition: StudyDefinition, job: Job, epochs: int) -> tuple[float, float]:
    """(train, test) of a job, from the parts alone."""
    assert job.rows != "validation"
    train, test = redraw(definition, job.rows, seed=job.seed)
    run = fit(build(definition.build, job.params, job.seed), train, epochs=epochs, metric="mae", seed=job.seed)
    return run.evaluate(train), run.evaluate(test)


@pytest.mark.parametrize("rows", ["development", "share", "resampled"])
def test_the_value_is_the_test_metric_of_a_training_on_the_jobs_rows(rows: str) -> None:
    job = small.job(5, rows=rows)
    trial = one(job)
    train, test = by_hand(small.study, job, epochs=4)
    assert trial.state == TrialState.COMPLETE
    assert trial.value == pytest.approx(test, rel=1e-5)
    noted = trial.user_attrs
    assert noted["train"] == pytest.approx(train, rel=1e-5)
    assert (noted["seed"], noted["rows"], noted["note"], noted["epochs"]) == (5, rows, "plain 5", 4)
    assert noted["fit_seconds"] > 0
    assert noted["compile_seconds"] >= 0
    assert trial.params == dict(job.params)
    assert list(trial.intermediate_values) == [1, 2, 3, 4]
    assert not {"predictions", "train_curve", "reason"} & set(noted)


def test_a_job_on_development_rows_equals_hpo_train() -> None:
    trained = measure(small.study, small.job().params, fidelity="full", seed=9)
    trial = one(small.job(9, rows="development"))
    assert trial.value == pytest.approx(trained.test, rel=1e-5)
    assert trial.user_attrs["train"] == pytest.approx(trained.train, rel=1e-5)


def test_jobs_of_the_same_seed_start_from_the_same_weights() -> None:
    # That they have the same rows and the same batches, the test above and those of `redraw` show.
    initial: list[list[np.ndarray]] = []

    def spied(params: Params) -> Recipe:
        recipe = small.study.build(params)
        initial.append(recipe.model.get_weights())
        return recipe

    for job in (small.job(1, rate=0.01), small.job(1, rate=0.002), small.job(2, rate=0.01)):
        one(job, replace(small.study, build=spied))
    first, second, third = initial
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, third, strict=True))


@pytest.mark.parametrize("definition", [small.study, FOLDED], ids=["holdout", "folds"])
def test_a_validation_job_is_evaluated_as_in_a_search(definition: StudyDefinition) -> None:
    trial = one(small.job(3, rows="validation"), definition, "quick")
    assert trial.state == TrialState.COMPLETE
    assert trial.value == trial.intermediate_values[2]
    assert [step for step, _ in trial.user_attrs["train_curve"]] == list(trial.intermediate_values) == [1, 2]
    assert trial.user_attrs["train_curve"][-1][1] == trial.user_attrs["train"]
    again = one(small.job(3, rows="validation"), definition, "quick")
    assert again.value == pytest.approx(trial.value, rel=1e-5)
    assert one(small.job(4, rows="validation"), definition, "quick").value != pytest.approx(trial.value, rel=1e-5)


def test_no_test_row_is_seen_by_a_validation_job() -> None:
    blind = replace(small.study, data=lambda: small.study.data())
    object.__setattr__(load(blind), "test", None)  # after the look that everything is given once
    trial = one(small.job(rows="validation"), blind, "quick")
    assert trial.state == TrialState.COMPLETE


def test_the_rows_of_the_fidelity_count_for_validation_alone() -> None:
    # quick has 2 epochs and 100 rows, so with 2 epochs on all rows the value is another.
    job = small.job(3, rows="development")
    assert one(job, fidelity="quick").value == pytest.approx(by_hand(small.study, job, epochs=2)[1], rel=1e-5)


@pytest.mark.parametrize("rows", ["share", "validation"])
def test_reports_of_a_long_training_are_25_at_most_and_every_epoch_is_a_sign_of_life(rows: str) -> None:
    beats: list[int] = []
    trial = one(small.job(rows=rows), fidelity="long", beat=lambda: beats.append(1))
    steps = list(trial.intermediate_values)
    assert len(steps) <= 25
    assert steps[-1] == 60
    assert len(beats) >= 60  # and within an epoch that takes long


def test_predictions_are_kept_where_asked_for_in_the_order_of_the_test_rows() -> None:
    trial = one(small.job(2, keep=True))
    kept = trial.user_attrs["predictions"]["values"]
    assert len(kept) == 50
    y = small.study.data().test.y
    assert float(np.mean(np.abs(np.array(kept) - y))) == pytest.approx(trial.value, rel=1e-4)


def test_an_infeasible_configuration_is_not_built() -> None:
    trial = one(small.job(kind="impossible"), replace(small.study, build=lambda _: pytest.fail("it was built")))
    assert (trial.state, trial.user_attrs["reason"]) == (TrialState.PRUNED, "infeasible: it is impossible")


@pytest.mark.parametrize("rows", ["share", "validation"])
def test_a_diverged_training_is_pruned_with_a_reason(rows: str) -> None:
    trial = one(small.job(kind="explodes", rows=rows))
    assert trial.state == TrialState.PRUNED
    assert trial.user_attrs["reason"].startswith("diverged")
    assert trial.user_attrs["epochs"] < 4
    assert trial.value is None or np.isfinite(trial.value)


def test_a_score_that_is_not_finite_counts_as_divergence() -> None:
    data = small.study.data()
    poisoned = replace(data, test=replace(data.test, x=np.full_like(data.test.x, 3e38)))
    trial = one(small.job(), replace(small.study, data=lambda: poisoned))
    assert trial.state == TrialState.PRUNED
    assert "diverged: the outputs were not finite" in trial.user_attrs["reason"]


def test_a_trial_without_a_job_is_refused() -> None:
    with pytest.raises(UsageError, match="carries no job"):
        one(None)
