"""What trials report, by their rung: every epoch where something judges them by it, else the last alone."""

import optuna
import pytest
import small
from optuna.pruners import BasePruner, NopPruner, PercentilePruner
from optuna.trial import FrozenTrial, TrialState

from hpo.optuna_internals import RUNG
from hpo.search import objective
from hpo.training import Run

optuna.logging.set_verbosity(optuna.logging.WARNING)

RATE = {"kind": "plain", "rate": 0.01}
EPOCHS = {fidelity.name: fidelity.epochs for fidelity in small.study.fidelities}


def one(rungs: tuple[str, ...], rung: int, pruner: BasePruner) -> FrozenTrial:
    """The trial of one rung, run by Optuna's own loop."""
    study = optuna.create_study(direction="minimize", pruner=pruner)
    attributes = {RUNG: rung, "fixed_params": RATE} if rung else {"fixed_params": RATE}
    study.add_trial(optuna.trial.create_trial(state=TrialState.WAITING, system_attrs=attributes))
    study.optimize(objective(small.study, rungs=rungs, seed=3), n_trials=1)
    return study.trials[0]


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each epoch that is trained was scored."""
    found: list[bool] = []
    epoch = Run.epoch

    def watched(run: Run, *given: object, **how: object) -> object:
        result = epoch(run, *given, **how)  # type: ignore[arg-type]
        found.append(result.validation is not None)
        return result

    monkeypatch.setattr(Run, "epoch", watched)
    return found


def test_below_the_highest_rung_the_last_epoch_alone_is_scored(scored: list[bool]) -> None:
    trial = one(("full", "long"), 0, NopPruner())
    assert list(trial.intermediate_values) == [EPOCHS["full"]]
    assert trial.value == trial.intermediate_values[EPOCHS["full"]]
    assert scored == [False] * (EPOCHS["full"] - 1) + [True]


def test_a_pruner_judges_the_first_rung_by_every_epoch_and_none_above(scored: list[bool]) -> None:
    strict = PercentilePruner(50.0)
    assert list(one(("full", "long"), 0, strict).intermediate_values) == [1, 2, 3, 4]
    assert all(scored)
    assert list(one(("quick", "full", "long"), 1, strict).intermediate_values) == [EPOCHS["full"]]


def test_the_highest_rung_and_a_search_on_one_fidelity_report_every_epoch(scored: list[bool]) -> None:
    assert list(one(("quick", "full"), 1, NopPruner()).intermediate_values) == [1, 2, 3, 4]
    assert list(one(("full",), 0, NopPruner()).intermediate_values) == [1, 2, 3, 4]
    assert all(scored)


def test_what_is_not_reported_is_not_scored_and_the_value_is_the_same(scored: list[bool]) -> None:
    trial = one(("long",), 0, NopPruner())
    reported = set(trial.intermediate_values)
    assert len(reported) < EPOCHS["long"]
    assert scored == [number in reported for number in range(1, EPOCHS["long"] + 1)]
    assert trial.value == one(("long", "long"), 0, NopPruner()).value
