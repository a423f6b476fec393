"""What takes Optuna's storage many statements takes ours one, and comes to the same."""

import math
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import event

from hpo import optuna_internals
from hpo.storage import Storage, studies
from hpo.storage.optuna_statements import FewStatements
from hpo.storage.studies import StudyRecord

LINE = FloatDistribution(0, 1)


@pytest.fixture
def few(store: Storage) -> FewStatements:
    inner = store.rdb_inner
    assert isinstance(inner, FewStatements)
    return inner


@pytest.fixture
def plain(store: Storage) -> RDBStorage:
    """Optuna's own, of the same database."""
    url = store.where.sqlalchemy.render_as_string(hide_password=False)
    return optuna_internals.storage_over(RDBStorage, store.engine, url, store._detached)


@pytest.fixture
def study_id(store: Storage, study: StudyRecord) -> int:
    found: int = store.rdb.get_study_id_from_name(study.name)
    return found


@pytest.fixture
def sent(store: Storage) -> list[str]:
    """Statements, those that begin and end transactions left out."""
    said: list[str] = []

    @event.listens_for(store.engine, "before_cursor_execute")
    def _note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("BEGIN"):
            said.append(statement)

    return said


def running(**system: object) -> FrozenTrial:
    return create_trial(state=TrialState.RUNNING, system_attrs=dict(system))


def same(one: FrozenTrial, other: FrozenTrial) -> bool:
    """Nan is no equal of itself, and nobody promises an order of attributes; but one of parameters."""

    def told(trial: FrozenTrial) -> list[object]:
        sets = (trial.user_attrs, trial.system_attrs, trial.intermediate_values)
        plain = (
            trial._trial_id,
            trial.number,
            trial.state,
            trial.values,
            trial.datetime_start,
            trial.datetime_complete,
        )
        return [*plain, list(trial.params.items()), trial.distributions, *(repr(sorted(each.items())) for each in sets)]

    return told(one) == told(other)


def written(storage: RDBStorage, study_id: int) -> list[int]:
    """Ids of trials with all that there can be in one."""
    first, second = (storage._create_new_trial(study_id, each)._trial_id for each in (running(a=1, b="ü"), running()))
    third = storage.create_new_trial(study_id)
    for trial, x in ((first, 0.1 + 0.2), (second, 0.25), (second, 0.25)):
        storage._set_trial_param(trial, "x", x, LINE, LINE)
    storage._set_trial_param(second, "n", 3.0, IntDistribution(1, 5), None)
    for step, value in enumerate([1.5, math.inf, -math.inf, math.nan, 1 / 3]):
        storage.set_trial_intermediate_value(second, step, value)
    storage.set_trial_intermediate_value(second, 0, 2.5)
    storage.set_trial_user_attr(second, "noted", {"a": [1, None]})
    storage.set_trial_user_attr(second, "noted", "twice")
    storage.set_trial_system_attr(second, "s", None)
    storage.set_trial_state_values(first, TrialState.COMPLETE, [math.inf])
    return [first, second, third]


def test_few_statements_storage_reads_and_writes_as_optuna(
    few: FewStatements, plain: RDBStorage, study_id: int
) -> None:
    for writer in (few, plain):
        first, second, third = written(writer, study_id)
        ours, theirs = few.get_all_trials(study_id), plain.get_all_trials(study_id)
        assert len(ours) == len(theirs)
        assert all(map(same, ours, theirs))
        assert same(few.get_trial(second), plain.get_trial(second))
        assert few.get_trial_system_attrs(first) == plain.get_trial_system_attrs(first) == {"a": 1, "b": "ü"}
        assert few.get_trial_system_attrs(third) == {}
        asked: tuple[Any, ...]
        for asked in ((None, {first}, second), ((TrialState.RUNNING,), set(), -1), (None, set(), third)):
            found, expected = few._get_trials(study_id, *asked), plain._get_trials(study_id, *asked)
            assert [each.number for each in found] == [each.number for each in expected]
    assert [each.number for each in few.get_all_trials(study_id)] == list(range(6))


def test_few_statements_storage_refuses_what_optuna_refuses(few: FewStatements, study_id: int) -> None:
    over = few._create_new_trial(study_id, running())._trial_id
    open_ = few._create_new_trial(study_id, running())._trial_id
    few._set_trial_param(open_, "x", 0.5, LINE, None)
    few.set_trial_state_values(over, TrialState.COMPLETE, [0.5])
    nobody = over + 1_000_000
    calls: list[tuple[type[Exception], Callable[[], object]]] = [
        (UpdateFinishedTrialError, lambda: few.set_trial_intermediate_value(over, 0, 1.0)),
        (UpdateFinishedTrialError, lambda: few.set_trial_user_attr(over, "u", 1)),
        (UpdateFinishedTrialError, lambda: few.set_trial_system_attr(over, "s", 1)),
        (UpdateFinishedTrialError, lambda: few._set_trial_param(over, "x", 0.5, LINE, LINE)),
        (ValueError, lambda: few._set_trial_param(open_, "x", 1.0, IntDistribution(0, 1), LINE)),
        (ValueError, lambda: few._set_trial_param(open_, "x", 1.0, IntDistribution(0, 1), None)),
        (KeyError, lambda: few.set_trial_intermediate_value(nobody, 0, 1.0)),
        (KeyError, lambda: few.get_trial(nobody)),
        (KeyError, lambda: few.get_trial_system_attrs(nobody)),
        (KeyError, lambda: few.get_all_trials(nobody)),
        (KeyError, lambda: few._create_new_trial(nobody, running())),
    ]
    for expected, call in calls:
        with pytest.raises(expected):
            call()
    assert len(few.get_all_trials(study_id)) == 2


def test_a_report_and_should_prune_take_three_statements(store: Storage, study: StudyRecord, sent: list[str]) -> None:
    searched = studies.load(store, study.name, pruner=optuna.pruners.MedianPruner())
    trial = searched.ask()
    trial.suggest_float("x", 0, 1)
    trial.report(0.25, 1)
    assert not trial.should_prune()
    sent.clear()
    trial.report(0.5, 2)
    trial.should_prune()
    assert len(sent) == 2, sent
    trial.set_user_attr("seed", 7)
    assert len(sent) == 3, sent
