"""What hpo takes for granted of Optuna beside its public interface; each failure says what a new Optuna breaks here."""

import inspect

import numpy as np
import optuna
import pytest
from optuna.storages import BaseStorage
from optuna.trial import TrialState, create_trial
from sqlalchemy import inspect as look
from sqlalchemy import select

from hpo import optuna_internals, storage
from hpo.analysis.ped_anova import _Study, _Trial
from hpo.optuna_internals import CONSTRAINT, FIXED_PARAMS, GENERATION, METRIC_NAMES, PARENTS, tables
from hpo.search import make_sampler, suggest
from hpo.search.pruners import ActiveTrials
from hpo.storage import Storage, studies
from hpo.storage.optuna_storage import PatientStorage
from hpo.storage.studies import StudyRecord
from hpo.study import Float, Space


@pytest.fixture
def theirs(store: Storage, study: StudyRecord) -> optuna.Study:
    """A study of ours as Optuna loads it."""
    return studies.load(store, study.name)


def test_optuna_keys_studies_and_trials_as_expected(theirs: optuna.Study, store: Storage) -> None:
    broken = "trials cannot be found again in the database: Optuna keys studies and trials in another way"
    trial = theirs.ask()
    columns = tables().trials.c
    with store.engine.connect() as connection:
        (row,) = connection.execute(select(columns.trial_id, columns.study_id, columns.number)).all()
    keys = (optuna_internals.trial_id(trial), optuna_internals.study_id(theirs), trial.number)
    assert tuple(row) == keys, broken
    assert optuna_internals.trial_id(theirs.trials[0]) == row.trial_id, broken
    assert optuna_internals.storage_of(theirs) is store.optuna, broken


def test_optuna_stores_enqueued_parameters_as_expected(theirs: optuna.Study) -> None:
    broken = "a trial would draw what its slot gives: Optuna notes given parameters under another name"
    theirs.enqueue_trial({"x": 0.25})
    assert theirs.trials[0].system_attrs[FIXED_PARAMS] == {"x": 0.25}, broken
    template = create_trial(state=TrialState.RUNNING, system_attrs={FIXED_PARAMS: {"x": 0.75}})
    made = optuna_internals.storage_of(theirs).create_new_trial(optuna_internals.study_id(theirs), template)
    assert optuna.Trial(theirs, made).suggest_float("x", 0, 1) == 0.75, broken


def test_optuna_creates_a_running_trial_from_a_template(theirs: optuna.Study) -> None:
    broken = "workers cannot create the trial of a slot: Optuna makes something else of a RUNNING template"
    template = create_trial(state=TrialState.RUNNING, system_attrs={"hpo:slot": 7})
    kept = optuna_internals.storage_of(theirs)
    made = kept.get_trial(kept.create_new_trial(optuna_internals.study_id(theirs), template))
    assert (made.state, made.system_attrs["hpo:slot"], made.datetime_complete) == (TrialState.RUNNING, 7, None), broken
    assert made.datetime_start is not None, broken


def test_optuna_stores_metric_names_as_expected(theirs: optuna.Study) -> None:
    broken = "optuna-dashboard would not name the metric: Optuna keeps the names of metrics elsewhere"
    assert theirs.metric_names == ["accuracy"], broken
    system = optuna_internals.storage_of(theirs).get_study_system_attrs(optuna_internals.study_id(theirs))
    assert system[METRIC_NAMES] == ["accuracy"], broken


def test_optuna_caches_trials_as_expected(theirs: optuna.Study) -> None:
    broken = (
        "samplers would not see the latest trials, or ask for all of them at each draw: Optuna caches them otherwise"
    )
    optuna_internals.forget_trials_at_hand(theirs)
    assert optuna_internals.trials_at_hand(theirs) == [], broken
    theirs.add_trial(create_trial(value=1.0))
    assert optuna_internals.trials_at_hand(theirs) == [], broken
    optuna_internals.forget_trials_at_hand(theirs)
    assert [trial.value for trial in optuna_internals.trials_at_hand(theirs)] == [1.0], broken


def test_optunas_samplers_ask_for_trials_as_expected(theirs: optuna.Study) -> None:
    broken = "samplers are told of a configuration as often as it was trained: Optuna asks a study in another way"
    space = {"x": optuna.distributions.FloatDistribution(0, 1)}
    for state, reports in ((TrialState.COMPLETE, {}), (TrialState.PRUNED, {1: 0.5, 2: 0.4}), (TrialState.RUNNING, {})):
        value = 0.3 if state == TrialState.COMPLETE else None
        theirs.add_trial(
            create_trial(params={"x": 0.5}, distributions=space, state=state, value=value, intermediate_values=reports)
        )
    seen = optuna_internals.one_trial_each(theirs)
    assert [trial.number for trial in seen._get_trials(deepcopy=False, states=None, use_cache=False)] == [0], broken
    assert [trial.number for trial in seen._get_trials(states=(TrialState.PRUNED, TrialState.RUNNING))] == [1], broken
    asked = inspect.getsource(optuna.samplers._tpe.sampler)
    assert "study._get_trials(" in asked, broken
    assert "study.get_trials(" not in asked, broken
    assert "study.trials" not in asked, broken


def test_optuna_stores_constraints_as_expected(theirs: optuna.Study) -> None:
    broken = "infeasible trials would count as complete: Optuna keeps a trial's constraints elsewhere"
    trial = theirs.ask()
    trial.set_constraint("size", 2.0)
    assert dict(optuna_internals.constraints(trial)) == {"size": 2.0}, broken
    assert theirs.trials[0].system_attrs == {f"{CONSTRAINT}:size": 2.0}, broken


def test_fronts() -> None:
    broken = "of several objectives a long study's window has the wrong trials: fronts are numbered in another way"
    values = np.array([[1.0, 4.0], [3.0, 3.0], [2.0, 2.0], [4.0, 1.0], [9.0, 9.0]])
    assert optuna_internals.fronts(values, 5).tolist() == [0, 1, 0, 0, 2], broken
    bounded = optuna_internals.fronts(values, 2)
    assert [place for place in range(5) if bounded[place] == 0] == [0, 2, 3], broken


@pytest.mark.parametrize("name", GENERATION)
def test_generations(name: str) -> None:
    broken = "what the next generation is bred from drops out of a long study's window: it is noted elsewhere"
    line = Space(name="s", params={"x": Float(low=0, high=1), "y": Float(low=0, high=1)})
    study = optuna.create_study(sampler=make_sampler(name, space=line, seed=1))
    study.optimize(lambda trial: suggest(line, trial)["x"], n_trials=50)
    noted = [each.system_attrs[GENERATION[name]] for each in study.trials if GENERATION[name] in each.system_attrs]
    assert len(noted) > 40, broken
    assert max(noted) > 0, broken
    kept = study._storage.get_study_system_attrs(study._study_id)
    assert name != "nsga2" or len(kept[f"{PARENTS}1"]) == 20, broken


def test_optuna_checks_values_of_distributions_as_expected() -> None:
    broken = "configurations would be drawn anew or taken wrongly: Optuna checks values of distributions otherwise"
    kind = optuna.distributions.CategoricalDistribution(("a", "b"))
    assert optuna_internals.contains(kind, 1), broken
    assert not optuna_internals.contains(kind, 2), broken
    assert not optuna_internals.contains(optuna.distributions.FloatDistribution(0, 1), 1.5), broken


def test_optunas_tables_have_the_expected_columns(theirs: optuna.Study, store: Storage) -> None:
    broken = "reports, exports and recovery read Optuna's tables past it, and their columns are others now"
    wanted = {
        "studies": {"study_id", "study_name"},
        "trials": {"trial_id", "number", "study_id", "state", "datetime_start", "datetime_complete"},
        "params": {"trial_id", "param_name", "param_value", "distribution_json"},
        "values": {"trial_id", "objective", "value", "value_type"},
        "reports": {"trial_id", "step", "intermediate_value", "intermediate_value_type"},
        "user": {"trial_id", "key", "value_json"},
        "system": {"trial_id", "key", "value_json"},
    }
    assert {name: columns - set(getattr(tables(), name).c.keys()) for name, columns in wanted.items()} == {
        name: set() for name in wanted
    }, broken
    trial = theirs.ask()
    trial.report(float("nan"), 1)
    theirs.tell(trial, float("inf"))
    value, report, told = tables().values.c, tables().reports.c, tables().trials.c
    with store.engine.connect() as connection:
        (state,) = connection.execute(select(told.state)).scalars()
        rows = connection.execute(select(value.value, value.value_type)).all()
        values = [optuna_internals.value_of_objective(*row) for row in rows]
        reports = [
            optuna_internals.reported_value(*row)
            for row in connection.execute(select(report.intermediate_value, report.intermediate_value_type))
        ]
    assert state == TrialState.COMPLETE, broken
    assert values == [float("inf")], broken
    assert [str(one) for one in reports] == ["nan"], broken


def test_optunas_tables_are_created_and_versioned_as_optuna_does(tmp_path: object) -> None:
    broken = "a database prepared by hpo is none for Optuna: it makes or numbers its tables otherwise"
    storage.prepare("ours.db").close()
    alone = optuna.storages.RDBStorage("sqlite:///theirs.db")
    ours = optuna.storages.RDBStorage("sqlite:///ours.db", skip_table_creation=True)
    assert ours.get_current_version() == alone.get_current_version() == alone.get_head_version(), broken
    names = set(optuna_internals.metadata().tables) | {"alembic_version"}
    with alone.engine.connect() as connection:
        assert set(look(connection).get_table_names()) == names, broken
    assert optuna_internals.revisions().joinpath("versions").is_dir(), broken
    for each in (alone, ours):
        each.engine.dispose()


def test_an_optuna_storage_works_on_a_given_engine_and_transaction(theirs: optuna.Study, store: Storage) -> None:
    broken = "a study is no longer made or deleted in one transaction: Optuna's storage goes past ours"
    id_ = optuna_internals.study_id(theirs)
    with store.engine.connect() as connection:
        transaction = connection.begin()
        within = store.optuna_within(connection)
        within.set_study_user_attr(id_, "note", 1)
        assert within.get_study_user_attrs(id_) == {"note": 1}, broken
        transaction.rollback()
    assert store.rdb.get_study_user_attrs(id_) == {}, broken


def test_the_patient_storage_covers_every_method_of_optunas_storage() -> None:
    broken = "an outage would break trials off: Optuna's storage has methods that hpo's does not make patient"
    wanted = {name for name, method in inspect.getmembers(BaseStorage, inspect.isfunction) if not name.startswith("_")}
    derived = {
        "check_trial_is_updatable", "get_n_trials", "get_trial_number_from_id", "get_trial_param", "get_trial_params",
        "get_trial_user_attrs", "remove_session",
    }  # fmt: skip # which BaseStorage makes of the others
    assert wanted - set(vars(PatientStorage)) == derived, broken


def test_pruners_work_with_the_stand_in_study() -> None:
    broken = "superseded attempts would be shown to pruners, or these fail: they ask a study for other things now"
    study = optuna.create_study()
    for value in (0.5, 0.25):
        trial = study.ask()
        trial.report(value, 1)
        seen = optuna_internals.storage_of(study).get_trial(optuna_internals.trial_id(trial))
        optuna.pruners.SuccessiveHalvingPruner(min_resource=1).prune(ActiveTrials(study), seen)  # type: ignore[arg-type]
    rungs = [trial.system_attrs.get("completed_rung_0") for trial in study.trials]
    assert rungs == [0.5, 0.25], broken


def test_the_importance_evaluator_works_with_the_stand_in_study() -> None:
    broken = "importances cannot be told: the evaluator asks a study for other things now"
    drawn = {name: optuna.distributions.FloatDistribution(0, 1) for name in "xy"}
    trials = [_Trial({"x": i / 20, "y": (i * 7 % 20) / 20}, drawn, i / 20, i) for i in range(20)]
    stand_in = _Study(trials, optuna.study.StudyDirection.MINIMIZE)
    found = optuna.importance.PedAnovaImportanceEvaluator().evaluate(stand_in, ["x", "y"])  # type: ignore[arg-type]
    assert found["x"] > found["y"], broken
