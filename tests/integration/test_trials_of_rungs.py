"""What the rungs of a search differ in: what their trials report, and which rows they are judged by."""

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import small
from asking import asked
from optuna.pruners import BasePruner, NopPruner, PercentilePruner
from optuna.trial import FrozenTrial, TrialState

from hpo import storage
from hpo.experiments.search_plan import plan
from hpo.experiments.search_run import open_study
from hpo.fleet.worker.work_loop import Server
from hpo.optuna_internals import RUNG
from hpo.search import objective
from hpo.search.row_splits import Split
from hpo.search.trial_evaluation import Evaluation
from hpo.storage import studies
from hpo.study import KFold, Params, StudyDefinition
from hpo.training import Run

optuna.logging.set_verbosity(optuna.logging.WARNING)

RATE = {"kind": "plain", "rate": 0.01}
HOLDOUT = small.study
FOLDED = replace(small.study, evaluation=KFold(folds=5))
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


def searched(folder: Path, attribute: str, **options: object) -> list[FrozenTrial]:
    """The trials of three configurations, trained by a worker in this process."""
    request = asked(
        definition=f"{Path(__file__)}:{attribute}",
        trials=3,
        try_=[{"kind": "plain", "rate": rate} for rate in (0.05, 0.01, 0.0001)],
        prior="none",
        storage=f"sqlite:///{folder}/hpo.db",
        **options,
    )
    opened = storage.prepare(request.storage)
    search = plan(request)
    open_study(search)
    assert Server(opened, search.study).run() == "drained"
    return studies.load(opened, search.study).trials


def test_a_worker_scores_the_lower_rungs_of_a_search_once(tmp_path: Path, scored: list[bool]) -> None:
    trials = searched(tmp_path, "HOLDOUT")
    steps = {(trial.system_attrs.get(RUNG, 0), tuple(trial.intermediate_values)) for trial in trials}
    assert {(0, (2,)), (1, (4,))} < steps
    (highest,) = {its for rung, its in steps if rung > 1}
    assert len(highest) > 10
    assert scored.count(True) == sum(len(trial.intermediate_values) for trial in trials)


def test_a_worker_lets_wilcoxon_judge_fold_by_fold(tmp_path: Path) -> None:
    trials = searched(tmp_path, "FOLDED", fidelity="full", pruner="wilcoxon")
    best, *others = sorted(trials, key=lambda trial: -len(trial.intermediate_values))
    assert list(best.intermediate_values) == [1, 2, 3, 4, 5]
    assert all(list(trial.intermediate_values)[:4] == [1, 2, 3, 4] for trial in others)


def test_what_is_confirmed_is_judged_by_rows_that_had_no_say_the_same_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[bytes] = []

    class Watched(Evaluation):
        def __init__(self, definition: StudyDefinition, params: Params, splits: Sequence[Split], **how: Any) -> None:
            judged.append(np.asarray(splits[0].validation.x).tobytes())  # type: ignore[union-attr]
            super().__init__(definition, params, splits, **how)

    monkeypatch.setattr(import_module("hpo.search.objective"), "Evaluation", Watched)
    made = objective(small.study, rungs=("quick", "full", "full"), seed=3)
    study = optuna.create_study(direction="minimize")
    for rung in (0, 1, 1, 2, 2):
        attributes = {RUNG: rung, "fixed_params": RATE} if rung else {"fixed_params": RATE}
        study.add_trial(optuna.trial.create_trial(state=TrialState.WAITING, system_attrs=attributes))
    study.optimize(made, n_trials=5)
    quick, full, same, again, others = judged
    assert quick == full == same
    assert again == others != full
    assert len(again) == len(full)


def test_what_is_confirmed_reports_as_the_highest_rung_does(scored: list[bool]) -> None:
    for rung in (1, 2):
        assert list(one(("quick", "full", "full"), rung, NopPruner()).intermediate_values) == [1, 2, 3, 4]
    assert all(scored)
