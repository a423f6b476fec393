import math
from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pytest

from hpo import objective
from hpo.data import Dataset, Rows
from hpo.errors import DataError
from hpo.search import make_pruner, make_sampler, measure
from hpo.search.seeds import trial_seed
from hpo.study import Categorical, Fidelity, Float, Holdout, KFold, Params, Space, StudyDefinition
from hpo.training import Recipe

optuna.logging.set_verbosity(optuna.logging.WARNING)

WEIGHTS = np.array([1.0, -2.0, 0.5, 3.0], dtype=np.float32)


def rows(count: int, seed: int) -> Rows:
    x = np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)
    return Rows(x=x, y=(x @ WEIGHTS).astype(np.float32))


def data() -> Dataset:
    return Dataset(name="line", development=rows(200, 1), test=rows(50, 2))


def build(params: Params) -> Recipe:
    import keras

    optimizer = keras.optimizers.SGD(learning_rate=params["rate"])
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    return Recipe(model=model, optimizer=optimizer, loss="mean_squared_error", batch_size=20)


def too_slow(params: Params) -> str | None:
    return "the rate is nothing" if params["rate"] == 1e-6 else None


LINE = StudyDefinition(
    name="line",
    title="A line through four features",
    data=data,
    build=build,
    metric="mae",
    direction="minimize",
    spaces=(
        Space(name="choices", params={"rate": Categorical(choices=(0.001, 0.01, 0.05, 1e-6))}),
        Space(name="wide", params={"rate": Float(low=1e-4, high=1e-1, log=True)}),
    ),
    evaluation=Holdout(rows=40),
    fidelities=(
        Fidelity(name="quick", epochs=3, rows=100),
        Fidelity(name="full", epochs=6),
        Fidelity(name="long", epochs=120, rows=20),
    ),
    infeasible=too_slow,
)
FOLDED = replace(
    LINE,
    evaluation=KFold(folds=3),
    fidelities=(*LINE.fidelities, Fidelity(name="folds", epochs=2, folds=5)),
)


def one(definition: StudyDefinition, params: Params, **how: Any) -> optuna.trial.FrozenTrial:
    """The trial of one configuration, run by Optuna's own loop."""
    study = optuna.create_study(direction=definition.direction, pruner=optuna.pruners.NopPruner())
    study.enqueue_trial(dict(params))
    study.optimize(objective(definition, **how), n_trials=1)
    return study.trials[0]


@pytest.mark.parametrize("definition", [LINE, FOLDED], ids=["holdout", "folds"])
def test_a_plain_optuna_study_searches_a_definition(definition: StudyDefinition) -> None:
    study = optuna.create_study(
        direction="minimize",
        sampler=make_sampler("tpe", space=definition.space("wide"), seed=0),
        pruner=make_pruner("asha", definition=definition),
    )
    study.optimize(objective(definition, space="wide", fidelity="quick"), n_trials=6)
    states = {trial.state for trial in study.trials}
    assert optuna.trial.TrialState.COMPLETE in states
    assert states <= {optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED}
    assert study.best_params["rate"] > 0.01


def test_the_value_is_the_metric_after_the_last_epoch_and_every_epoch_is_reported() -> None:
    trial = one(LINE, {"rate": 0.05})
    assert trial.state == optuna.trial.TrialState.COMPLETE
    assert list(trial.intermediate_values) == [1, 2, 3]
    assert trial.value == trial.intermediate_values[3]
    assert trial.value < trial.intermediate_values[1]
    assert trial.user_attrs["epochs"] == 3
    assert trial.user_attrs["train"] == pytest.approx(trial.value, rel=0.5)
    assert trial.user_attrs["fit_seconds"] > 0
    assert trial.user_attrs["compile_seconds"] >= 0


def test_reports_of_a_long_training_are_thinned_and_end_with_the_last_epoch() -> None:
    trial = one(LINE, {"rate": 0.001}, fidelity="long")
    assert list(trial.intermediate_values) == list(range(5, 121, 5))
    assert trial.value == trial.intermediate_values[120]


def test_the_same_seed_and_position_give_the_same_trial_and_others_another() -> None:
    same = [one(FOLDED, {"rate": 0.01}, seed=5).value for _ in range(2)]
    other = one(FOLDED, {"rate": 0.01}, seed=6).value
    assert same[0] == pytest.approx(same[1], rel=1e-5)
    assert other != pytest.approx(same[0], rel=1e-5)


def test_the_seed_follows_the_slots_position_rather_than_the_trials_number() -> None:
    study = optuna.create_study(direction="minimize")
    template = optuna.trial.create_trial(
        state=optuna.trial.TrialState.RUNNING,
        system_attrs={"fixed_params": {"rate": 0.01}, "hpo:position": 11},
    )
    trial = optuna.Trial(study, study._storage.create_new_trial(study._study_id, template_trial=template))
    value = objective(LINE, seed=4)(trial)
    assert trial.user_attrs["seed"] == trial_seed(4, 11)
    study.tell(trial, value)


def test_a_holdout_is_common_to_all_trials_and_folds_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def validation_rows(definition: StudyDefinition) -> list[list[float]]:
        work = objective(definition, seed=1)
        return [
            work._splits(work.fidelities[0], trial_seed(1, number), common=False)[0].validation.y.tolist()
            for number in range(2)
        ]

    first, second = validation_rows(LINE)
    assert first == second
    first, second = validation_rows(FOLDED)
    assert first != second


def test_the_value_of_folds_is_their_mean() -> None:
    beats: list[int] = []
    trial = one(FOLDED, {"rate": 0.05}, beat=lambda: beats.append(1))
    assert len(beats) >= 3 * 3  # a sign of life after each epoch of each fold, and within those that take long
    assert list(trial.intermediate_values) == [1, 2, 3]
    assert trial.value == trial.intermediate_values[3]


def test_an_infeasible_configuration_costs_neither_data_nor_model() -> None:
    def never(*_: Any) -> Any:
        raise AssertionError("nothing is loaded or built")

    trial = one(replace(LINE, data=never, build=never), {"rate": 1e-6})
    assert trial.state == optuna.trial.TrialState.PRUNED
    assert trial.user_attrs["reason"] == "infeasible: the rate is nothing"
    assert trial.constraints == {"feasible": 1.0}
    assert trial.values is None


def test_folds_go_in_step_a_tenth_of_the_epochs_at_a_time() -> None:
    trial = one(replace(FOLDED, fidelities=(Fidelity(name="f", epochs=22, folds=2),)), {"rate": 0.01})
    assert list(trial.intermediate_values) == [3, 6, 9, 12, 15, 18, 21, 22]
    assert trial.value == trial.intermediate_values[22]
    assert trial.user_attrs["epochs"] == 22


@pytest.mark.parametrize("definition", [LINE, FOLDED], ids=["holdout", "folds"])
def test_a_diverged_configuration_is_pruned_with_its_reason(definition: StudyDefinition) -> None:
    space = Space(name="steep", params={"rate": Float(low=1e-4, high=1e30, log=True)})
    trial = one(replace(definition, spaces=(space,)), {"rate": 1e30})
    assert trial.state == optuna.trial.TrialState.PRUNED
    assert trial.user_attrs["reason"].startswith("diverged: ")
    assert trial.constraints["feasible"] > 0
    assert trial.user_attrs["epochs"] == 0


def test_the_best_trial_is_never_infeasible() -> None:
    study = optuna.create_study(direction="minimize", sampler=make_sampler("grid", space=LINE.space(), seed=0))
    study.optimize(objective(LINE), n_trials=4)
    assert len({trial.params["rate"] for trial in study.trials}) == 4
    assert study.best_params["rate"] in (0.01, 0.05)


def test_a_pruned_trial_tells_when_and_why() -> None:
    class After(optuna.pruners.BasePruner):
        def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
            return trial.last_step == 2

    study = optuna.create_study(direction="minimize", pruner=After())
    study.enqueue_trial({"rate": 0.01})
    study.optimize(objective(LINE), n_trials=1)
    trial = study.trials[0]
    assert trial.state == optuna.trial.TrialState.PRUNED
    assert trial.user_attrs["reason"].startswith("pruned after epoch 2 of 3 at mae ")
    assert trial.user_attrs["epochs"] == 2
    assert trial.constraints == {}


def test_a_trial_is_not_asked_after_its_last_epoch() -> None:
    class Never(optuna.pruners.BasePruner):
        def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
            return trial.last_step == 3

    study = optuna.create_study(direction="minimize", pruner=Never())
    study.optimize(objective(LINE, space="wide"), n_trials=1)
    assert study.trials[0].state == optuna.trial.TrialState.COMPLETE


def test_wilcoxon_goes_fold_by_fold_on_folds_all_trials_share() -> None:
    study = optuna.create_study(
        direction="minimize", pruner=make_pruner("wilcoxon", definition=FOLDED, fidelity="folds")
    )
    for rate in (0.05, 0.01, 0.001):
        study.enqueue_trial({"rate": rate})
    study.optimize(objective(FOLDED, fidelity="folds"), n_trials=3)
    good, *worse = study.trials
    assert list(good.intermediate_values) == [1, 2, 3, 4, 5]
    assert good.value == pytest.approx(np.mean(list(good.intermediate_values.values())))
    for trial in worse:
        assert list(trial.intermediate_values) == [1, 2, 3, 4]
        assert trial.user_attrs["reason"].startswith("pruned after fold 4 of 5 at mae ")


def test_a_trial_of_two_objectives_reports_nothing_and_is_not_pruned() -> None:
    study = optuna.create_study(directions=["minimize", "minimize"])
    inner = objective(LINE, space="wide")
    study.optimize(lambda trial: (inner(trial), trial.params["rate"]), n_trials=1)
    assert study.trials[0].state == optuna.trial.TrialState.COMPLETE
    assert study.trials[0].intermediate_values == {}


def test_a_fixed_trial_works_without_a_study() -> None:
    assert math.isfinite(objective(LINE)(optuna.trial.FixedTrial({"rate": 0.05})))


def test_an_error_of_the_definitions_own_code_is_not_swallowed() -> None:
    def broken(params: Params) -> Recipe:
        raise KeyError("width")

    with pytest.raises(KeyError):
        one(replace(LINE, build=broken), {"rate": 0.05})


def test_measure_trains_on_all_development_rows_and_scores_the_test_rows() -> None:
    epochs: list[int] = []
    measured = measure(
        LINE, {"rate": 0.05}, fidelity="quick", seed=3, on_epoch=lambda epoch: epochs.append(epoch.number)
    )
    assert epochs == [1, 2, 3]
    assert (measured.epochs, measured.seed, measured.params) == (3, 3, {"rate": 0.05})
    prediction = np.asarray(measured.run.predict(rows(50, 2).x)).reshape(-1)
    assert measured.test == pytest.approx(float(np.abs(prediction - rows(50, 2).y).mean()), rel=1e-4)
    # Ten steps an epoch on all 200 rows get much further than the five of quick's 100.
    assert measured.train < one(LINE, {"rate": 0.05}, seed=3).user_attrs["train"]
    told = {"params", "seed", "epochs", "train", "test", "trained_by", "compile_seconds", "fit_seconds"}
    assert set(measured.to_json()) == told


@pytest.mark.thorough
def test_measure_uses_the_last_fidelity_by_default_and_follows_its_seed() -> None:
    once, again, other = (measure(LINE, {"rate": 0.01}, seed=seed) for seed in (1, 1, 2))
    assert once.epochs == 120
    assert once.test == pytest.approx(again.test, rel=1e-5)
    assert once.train != other.train


def test_measure_refuses_an_infeasible_configuration_in_one_line() -> None:
    from hpo.errors import UsageError

    with pytest.raises(UsageError, match="line cannot be trained: the rate is nothing"):
        measure(LINE, {"rate": 1e-6})


def test_data_that_cannot_be_loaded_are_refused_before_any_trial() -> None:
    def broken() -> Dataset:
        raise ZeroDivisionError("no rows today")

    with pytest.raises(DataError, match="cannot be loaded: ZeroDivisionError: no rows today"):
        objective(replace(LINE, data=broken)).prepare()
