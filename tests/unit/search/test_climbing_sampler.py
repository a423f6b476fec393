"""Samplers and pruners of a search that climbs: lower rungs are pruned to Optuna, and higher ones come first."""

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from hpo.optuna_internals import FIXED_PARAMS, RUNG, RUNG_COMPLETE
from hpo.search import make_pruner, make_sampler
from hpo.settings import CLIMBING_SAMPLERS
from hpo.study import Fidelity, Float, Holdout, Space, StudyDefinition

SPACE = Space(name="line", params={"x": Float(low=0.0, high=1.0)})
DOMAIN = {"x": FloatDistribution(0.0, 1.0)}


def nothing(*_: object) -> object:
    raise AssertionError("nothing is trained here")


DEFINITION = StudyDefinition(
    name="toy", title="Toy", data=nothing, build=nothing, metric="accuracy", direction="maximize", spaces=(SPACE,),
    evaluation=Holdout(rows=1), fidelities=(Fidelity(name="quick", epochs=8), Fidelity(name="full", epochs=8)),
)  # fmt: skip


def lower(x: float, value: float, *, step: int = 8) -> optuna.trial.FrozenTrial:
    """A trial of the first rung that is complete."""
    return create_trial(
        state=TrialState.PRUNED, value=value, params={"x": x}, distributions=DOMAIN,
        intermediate_values={step: value}, system_attrs={RUNG_COMPLETE: True},
    )  # fmt: skip


def higher(x: float, value: float) -> optuna.trial.FrozenTrial:
    return create_trial(value=value, params={"x": x}, distributions=DOMAIN, system_attrs={RUNG: 1})


def draws(trials: list[optuna.trial.FrozenTrial], number: int = 30) -> list[float]:
    study = optuna.create_study(direction="maximize", sampler=make_sampler("tpe", space=SPACE, seed=1))
    study.add_trials(trials)
    drawn = []
    for _ in range(number):
        trial = study.ask()
        drawn.append(trial.suggest_float("x", 0.0, 1.0))
        study.tell(trial, state=TrialState.FAIL)
    return drawn


def test_tpe_goes_by_the_highest_rung_first() -> None:
    misleading = [lower(number / 20, 0.9 - number / 1000) for number in range(20)]  # quick likes a small x
    told = [higher(x, 0.5) for x in (0.80, 0.81, 0.82)]  # full, with lower values, a large one
    without, with_both = draws(misleading), draws([*misleading, *told])
    assert sum(without) / 30 < 0.4
    assert sum(with_both) / 30 > sum(without) / 30 + 0.2


def test_a_promoted_trial_draws_no_parameters() -> None:
    sampler = make_sampler("tpe", space=SPACE, seed=1)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.add_trials([lower(0.5, 0.9)])
    study._storage.create_new_trial(
        study._study_id,
        create_trial(state=TrialState.RUNNING, system_attrs={RUNG: 1, FIXED_PARAMS: {"x": 0.5}}),
    )
    (running,) = study.get_trials(states=(TrialState.RUNNING,))
    assert sampler.sample_relative(study, running, {}) == {"x": 0.5}  # though it was tried on the rung below


@pytest.mark.parametrize("name", [name for name in CLIMBING_SAMPLERS if name != "grid"])
def test_samplers_draw_beside_trials_of_lower_rungs(name: str) -> None:
    study = optuna.create_study(direction="maximize", sampler=make_sampler(name, space=SPACE, seed=1))
    study.add_trials([lower(number / 20, 0.5) for number in range(15)])
    trial = study.ask()
    assert 0.0 <= trial.suggest_float("x", 0.0, 1.0) <= 1.0


@pytest.mark.parametrize("name", ["median", "asha", "hyperband"])
def test_a_pruner_compares_within_the_first_rung_alone(name: str) -> None:
    """Trials of the highest rung are far better; beside them, every one of the first would be stopped."""
    pruner = make_pruner(name, definition=DEFINITION, fidelity="quick")
    study = optuna.create_study(direction="maximize", pruner=pruner)

    def curve(value: float, **attributes: object) -> optuna.trial.FrozenTrial:
        return create_trial(
            state=TrialState.PRUNED if RUNG_COMPLETE in attributes else TrialState.COMPLETE, value=value,
            params={}, distributions={}, intermediate_values=dict.fromkeys(range(1, 9), value),
            system_attrs={**attributes, "completed_rung_0": value, "completed_rung_1": value},
        )  # fmt: skip

    study.add_trials([curve(0.9 + number / 100, **{RUNG: 1}) for number in range(8)])
    study.add_trials([curve(0.3 + number / 100, **{RUNG_COMPLETE: True}) for number in range(8)])
    for value, stopped in ((0.8, False), (0.1, True)):
        trial = study.ask()
        verdicts = []
        for step in range(1, 8):
            trial.report(value, step)
            verdicts.append(trial.should_prune())
        assert any(verdicts) == stopped
        study.tell(trial, state=TrialState.FAIL)


def test_a_promoted_trial_is_never_pruned() -> None:
    pruner = make_pruner("asha", definition=DEFINITION, fidelity="quick")
    study = optuna.create_study(direction="maximize", pruner=pruner)
    for value in (0.9, 0.8, 0.7, 0.6):
        trial = study.ask()
        for step in range(1, 9):
            trial.report(value, step)
            trial.should_prune()
        study.tell(trial, value)
    climbed = study.ask()
    climbed.storage.set_trial_system_attr(climbed._trial_id, RUNG, 1)
    for step in range(1, 9):
        climbed.report(0.0, step)
        assert not pruner.prune(study, study.get_trials()[climbed.number])
