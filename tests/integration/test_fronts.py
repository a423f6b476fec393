"""A search with several objectives, from its request to its front, on both databases; and what it refuses."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import optuna
import pytest
import toy

from hpo import storage
from hpo.errors import StudyError, UsageError
from hpo.experiments.compare.comparison_request import CompareRequest, contest
from hpo.experiments.findings.gathering import points
from hpo.experiments.findings.study_importances import importances
from hpo.experiments.named_configuration import NamedConfiguration
from hpo.experiments.search_plan import Request, plan
from hpo.experiments.search_run import open_study
from hpo.experiments.train_configuration import TrainRequest, plan_training
from hpo.fleet.worker.work_loop import Server
from hpo.storage import Storage, studies
from hpo.storage.queries.live_queries import of_configuration
from hpo.storage.queries.status import study_status
from hpo.storage.queries.study_results import best, trial
from hpo.storage.slots import slot_trials
from hpo.storage.slots.recovery import recover
from hpo.storage.slots.slots import Slots
from hpo.study import Params

REFERENCE = f"{toy.FILE}:study"
NAME = "toy-line-quick-parameters"
# accuracy up, parameters down: x = 0.2 is beaten by x = 0.3 in both
VALUES = {0.1: (0.5, 10.0), 0.2: (0.6, 50.0), 0.3: (0.8, 40.0), 0.4: (0.9, 60.0), 0.5: (0.9, 60.0)}
FIRST: list[Params] = [{"x": x, "kind": "a"} for x in VALUES]


def request(url: str, **more: object) -> Request:
    given = {"definition": REFERENCE, "trials": 5, "storage": url, "objectives": "accuracy,parameters"}
    return Request(**{**given, "try_": FIRST, "prior": "none", "seed": 1, **more})  # type: ignore[arg-type]


def valued(trial: optuna.Trial) -> tuple[float, float]:
    trial.suggest_categorical("kind", ("a", "b"))
    return VALUES[trial.suggest_float("x", 0.0, 1.0)]


@pytest.fixture
def searched(storage_url: str) -> Storage:
    opened = storage.prepare(storage_url)
    open_study(plan(request(storage_url)))
    assert Server(opened, NAME, lambda beat: valued).run() == "drained"
    return opened


def test_the_front_holds_the_trials_that_none_dominates(searched: Storage) -> None:
    status = study_status(searched, NAME)
    assert status.objectives == ("accuracy", "parameters")
    assert (status.state, status.complete, status.pruner) == ("done", 5, "none")
    assert [one.values for one in status.front] == [VALUES[x] for x in (0.4, 0.5, 0.3, 0.1)]
    assert [one.params["x"] for one in status.front] == [0.4, 0.5, 0.3, 0.1]
    assert status.best is not None
    assert (status.best.value, status.best.number) == (0.9, status.front[0].number)
    found = best(searched, NAME)
    assert (found.front, found.objectives) == (status.front, status.objectives)
    assert found.number == status.front[0].number
    assert json.loads(json.dumps(asdict(found)))["front"][3]["values"] == [0.5, 10.0]


def test_optuna_has_the_same_values_and_the_same_front(searched: Storage) -> None:
    study = optuna.load_study(study_name=NAME, storage=searched.optuna)
    assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert study.metric_names == ["accuracy", "parameters"]
    assert {t.params["x"]: tuple(t.values) for t in study.trials} == VALUES
    ours = {one.number for one in study_status(searched, NAME).front}
    assert {t.number for t in study.best_trials} == ours
    shown = trial(searched, NAME, study.trials[0].number)
    assert shown.values == tuple(study.trials[0].values)
    assert shown.value == shown.values[0]
    assert {(p.value, *p.further) for p in points(Slots(searched).list(NAME))} == set(VALUES.values())


def test_a_settled_trial_is_reported_to_optuna_later_with_all_its_values(storage_url: str) -> None:
    opened = storage.prepare(storage_url)
    open_study(plan(request(storage_url)))
    slots = Slots(opened)
    slot = slots.claim(NAME, "w", 60)
    assert slot is not None
    made = slot_trials.create(opened, studies.load(opened, NAME), slot)
    slots.attach(slot, made.number)
    assert slots.settle(slot, "complete", 0.5, trial_number=made.number, params=slot.fixed, further=(10.0,))
    assert recover(opened, NAME).told == 1
    assert optuna.load_study(study_name=NAME, storage=opened.optuna).trials[0].values == [0.5, 10.0]


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        (0.5, "the objective returned 0.5, not 2 numbers"),
        ((0.5,), "the objective returned 1 values, not 2"),
        ((0.5, float("inf")), "the value is inf, not a finite number"),
    ],
)
def test_an_objective_returning_invalid_values_fails_its_trials(
    storage_url: str, returned: object, reason: str
) -> None:
    opened = storage.prepare(storage_url)
    open_study(plan(request(storage_url, trials=1, try_=())))
    Server(opened, NAME, lambda beat: lambda trial: returned).run()  # type: ignore[arg-type, return-value]
    (slot,) = Slots(opened).list(NAME)
    assert (slot.outcome, slot.reason, slot.further) == ("failed", reason, ())
    assert study_status(opened, NAME).front == ()


@pytest.mark.thorough
def test_samplers_search_a_front(storage_url: str) -> None:
    opened = storage.prepare(storage_url)
    for sampler in ("tpe", "nsga2", "random", "qmc"):
        asked = request(storage_url, trials=14, try_=(), sampler=sampler, name=sampler)
        open_study(plan(asked))

        def distance(trial: optuna.Trial) -> tuple[float, float]:
            x = trial.suggest_float("x", 0.0, 1.0)
            trial.suggest_categorical("kind", ("a", "b"))
            return x, x**2

        assert Server(opened, sampler, lambda beat: distance).run() == "drained"
        assert study_status(opened, sampler).complete == 14


def test_a_study_refuses_other_objectives_later(searched: Storage, storage_url: str) -> None:
    more = replace(request(storage_url), definition=NAME, objectives=None, trials=6)
    assert plan(more, by_study=True).objectives == "accuracy,parameters"
    with pytest.raises(
        StudyError, match=r"accuracy,parameters, not accuracy: it goes on with --objectives acc.*; or give the new"
    ):
        open_study(plan(request(storage_url, objectives=None, fidelity="quick", name=NAME)))


def test_a_search_for_the_metric_alone_has_no_front(storage_url: str) -> None:
    opened = storage.prepare(storage_url)
    asked = request(storage_url, objectives=None, fidelity="quick", trials=3, try_=())
    assert plan(asked).study == "toy-line-quick"
    open_study(plan(asked))
    assert Server(opened, "toy-line-quick", toy.instant).run() == "drained"
    status = study_status(opened, "toy-line-quick")
    assert (status.objectives, status.front) == ((), ())
    assert {slot.further for slot in Slots(opened).list("toy-line-quick")} == {()}
    assert len(optuna.load_study(study_name="toy-line-quick", storage=opened.optuna).directions) == 1


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"objectives": "mae,latency"}, "the first objective of toy is its metric, not 'mae'; .* accuracy,latency"),
        ({"objectives": "accuracy,size"}, "no objective 'size'; beside accuracy there are: latency, parameters"),
        ({"objectives": "accuracy"}, "give accuracy and one or more of latency, parameters, each once"),
        ({"objectives": "accuracy,accuracy"}, "each once"),
        ({"objectives": "accuracy,latency,latency"}, "each once"),
        ({"pruner": "asha"}, "prunes nothing, so not by asha: leave --pruner out"),
        ({"sampler": "cmaes"}, "cmaes searches for one objective: with --objectives use tpe or nsga2"),
        ({"until": 0.9}, "leave one of them out"),
    ],
)
def test_invalid_objectives_are_refused_before_a_database_is_made(
    tmp_path: Path, asked: dict[str, object], why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        plan(request(f"sqlite:///{tmp_path}/none.db", **asked))
    assert not (tmp_path / "none.db").exists()


def test_the_best_of_equal_metrics_is_the_cheapest(storage_url: str) -> None:
    opened = storage.prepare(storage_url)
    open_study(plan(request(storage_url)))
    cost = {0.1: 9.0, 0.2: 7.0, 0.3: 8.0, 0.4: 7.5, 0.5: 12.0}

    def level(trial: optuna.Trial) -> tuple[float, float]:
        trial.suggest_categorical("kind", ("a", "b"))
        return 0.5, cost[trial.suggest_float("x", 0.0, 1.0)]

    assert Server(opened, NAME, lambda beat: level).run() == "drained"
    status, found = study_status(opened, NAME), best(opened, NAME)
    assert [one.params["x"] for one in status.front] == [0.2]
    assert status.best is not None
    assert (found.params["x"], status.best.params["x"]) == (0.2, 0.2)
    assert found.number == status.best.number == status.front[0].number
    asked = CompareRequest(study=NAME, storage=storage_url, candidates=3)
    assert [side.params["x"] for side in contest(opened, asked).candidates] == [0.2, 0.4, 0.3]


def test_any_trial_of_the_front_can_be_trained(searched: Storage, storage_url: str) -> None:
    last = best(searched, NAME).front[-1]

    def named(config: str, **more: str) -> NamedConfiguration:
        asked = TrainRequest(definition=REFERENCE, config=config, storage=storage_url, **more)  # type: ignore[arg-type]
        return plan_training(asked).chosen

    chosen = named(str(last.number), study=NAME)
    assert (chosen.params, chosen.source) == (last.params, f"trial {last.number} of {NAME}")
    assert named("best").params == best(searched, NAME).params
    with pytest.raises(StudyError, match="has no trial 99; its trials are 0 to 4"):
        named("99")
    for nothing in ("9" * 30, "-1", "none"):
        with pytest.raises(UsageError, match="there are: best, middle, a trial's number, or a JSON file"):
            named(nothing)
    with pytest.raises(UsageError, match="--study goes with --config best or a trial's number, not with"):
        named("middle", study=NAME)


def test_importances_of_a_front_say_that_only_the_metric_counts(searched: Storage) -> None:
    assert importances(searched, NAME).note.endswith("; only accuracy is looked at, not parameters")


def test_a_trial_is_found_by_its_configuration(searched: Storage) -> None:
    # The space is continuous, so that no sampler claims a digest for it.
    found = of_configuration(searched, NAME, {"kind": "a", "x": 0.3})
    assert found is not None
    assert (found.value, found.further) == (0.8, (40.0,))
    assert of_configuration(searched, NAME, {"kind": "b", "x": 0.3}) is None
