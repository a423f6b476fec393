"""Long studies, of which samplers and pruners are shown a window: read at once or bit by bit, it is the same."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import optuna
import pytest
import toy
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpo.errors import UsageError
from hpo.fleet.run_limits import Limits
from hpo.fleet.worker.work_loop import Server
from hpo.optuna_internals import GENERATION, study_id, trials_at_hand
from hpo.search import Window, WindowedSampler, make_sampler
from hpo.search.trial_window import KeptTrials
from hpo.settings import TRIAL_WINDOW, trial_window
from hpo.storage import Storage, studies
from hpo.storage.optuna_statements import FewStatements
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan, StudyRecord
from hpo.storage.windowed_storage import SharedWindow, view
from hpo.study import Float, Space

optuna.logging.set_verbosity(optuna.logging.WARNING)
LINE = FloatDistribution(0, 1)
BEGAN = datetime(2026, 1, 1)
WINDOW = Window(trials=20)
SQUARE = Space(name="square", params={"x": Float(low=0, high=1), "y": Float(low=0, high=1)})


@pytest.fixture(params=[["minimize"], ["maximize"], ["minimize", "of two objectives"]], ids="-".join)
def long(request: pytest.FixtureRequest, store: Storage, plan: StudyPlan) -> StudyRecord:
    """An empty study of one or of two objectives."""
    first, *further = request.param
    return studies.create_or_resume(
        store, replace(plan, direction=first, objectives="accuracy,size" if further else None)
    )


def template(drawn: random.Random, objectives: int) -> FrozenTrial:
    """Some trial: most finished, some at the same moment, some with an infinite value, some out of bounds."""
    state = drawn.choice(["COMPLETE"] * 5 + ["PRUNED"] * (3 if objectives == 1 else 0) + ["FAIL", "RUNNING"])
    values = [drawn.choice([drawn.random(), drawn.randrange(3) / 2, float("inf")]) for _ in range(objectives)]
    reports = {step: drawn.choice([drawn.random(), float("nan")]) for step in range(drawn.randrange(4))}
    broken = {"constraints:c": drawn.choice([0.5, -1.0, 0.0])} if drawn.random() < 0.3 else {}
    made = create_trial(
        state=TrialState[state],
        values=values if state == "COMPLETE" else None,
        params={"x": drawn.random()},
        distributions={"x": LINE},
        intermediate_values=reports,
        system_attrs=broken,
    )
    made.datetime_start = BEGAN
    made.datetime_complete = None if state == "RUNNING" else BEGAN + timedelta(seconds=drawn.randrange(100))
    return made


def shown(trials: Sequence[FrozenTrial]) -> list[tuple[int, str]]:
    return [(each.number, each.state.name) for each in trials]


def test_the_first_look_shows_what_reading_all_would(store: Storage, long: StudyRecord) -> None:
    rdb, drawn = store.rdb_inner, random.Random(1)
    assert isinstance(rdb, FewStatements)
    own = store.rdb.get_study_id_from_name(long.name)
    maximize = [each.name == "MAXIMIZE" for each in store.rdb.get_study_directions(own)]
    followed = SharedWindow(store, own, WINDOW)
    for _ in range(4):
        for each in rdb.of_study(own, unfinished=True)[::2]:
            values = [drawn.random() for _ in maximize]
            rdb.set_trial_state_values(each._trial_id, TrialState.COMPLETE, values)
        for _ in range(18):
            rdb.create_new_trial(own, template(drawn, len(maximize)))
        wanted = KeptTrials(WINDOW, maximize)
        wanted.add(rdb.of_study(own))
        for found in (followed.refreshed(), SharedWindow(store, own, WINDOW).refreshed()):
            if len(maximize) == 1:  # where a front is larger than its share it depends on what is known: see KeptTrials
                assert shown(found.whole()) == shown(wanted.whole())
                assert shown(found.recent()) == shown(wanted.recent())
    for shows in (wanted, followed.refreshed()):
        assert sum(each.state.is_finished() for each in shows.whole()) == WINDOW.trials
        assert {each.number for each in shows.unfinished} == {
            each.number for each in rdb.of_study(own, unfinished=True)
        }


def test_the_first_look_at_several_objectives_shows_the_first_front(store: Storage, plan: StudyPlan) -> None:
    study = studies.create_or_resume(store, replace(plan, direction="maximize", objectives=f"{plan.metric},size"))
    own = store.rdb.get_study_id_from_name(study.name)
    for number in range(60):
        values = [10.0 + number, 10.0 + number] if number < 2 else [1.0 - number, 100.0 + number]
        made = create_trial(values=values, params={"x": 0.5}, distributions={"x": LINE})
        made.datetime_complete = BEGAN + timedelta(seconds=number)
        store.rdb.create_new_trial(own, made)
    found = SharedWindow(store, own, WINDOW).refreshed()
    assert [each.number for each in found.whole()] == [0, 1, *range(42, 60)]
    assert [each.number for each in found.recent()] == list(range(42, 60))


def test_a_replaced_database_is_read_anew(store: Storage, long: StudyRecord) -> None:
    own = store.rdb.get_study_id_from_name(long.name)
    window, drawn = SharedWindow(store, own, WINDOW), random.Random(2)
    for _ in range(30):
        store.rdb.create_new_trial(own, template(drawn, len(long.directions)))
    before = window.refreshed()
    store._renew()
    assert window.refreshed() is not before
    assert shown(window.refreshed().whole()) == shown(before.whole())


def test_whoever_is_no_sampler_is_told_all(store: Storage, long: StudyRecord) -> None:
    optunas, drawn = studies.load(store, long.name), random.Random(3)
    window = SharedWindow(store, study_id(optunas), WINDOW)
    made = [template(drawn, len(long.directions)) for _ in range(60)]
    for each in made:
        store.rdb.create_new_trial(study_id(optunas), each)
    whole, recent = view(store, long.name, window), view(store, long.name, window, recent=True)
    assert len(optunas.trials) == 60
    assert sum(each.state.is_finished() for each in whole.get_trials(deepcopy=False)) == WINDOW.trials
    assert set(shown(recent.get_trials(deepcopy=False))) <= set(shown(whole.get_trials(deepcopy=False)))
    if len(long.directions) == 1:
        complete = [each for each in optunas.trials if each.state == TrialState.COMPLETE]
        feasible = [each for each in complete if not any(broken > 0 for broken in each.constraints.values())]
        best = (max if long.direction == "maximize" else min)(each.value for each in feasible)
        assert recent.best_trial.value == best


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["cmaes", "nsga2"])
def test_samplers_of_generations_draw_as_if_they_saw_all(name: str, sqlite_store: Storage, plan: StudyPlan) -> None:
    store = sqlite_store

    def drawn(window: Window | None) -> list[dict[str, float]]:
        study = studies.create_or_resume(store, replace(plan, name=f"{name}-{window is None}", direction="minimize"))
        optunas = studies.load(store, study.name)
        sampler = make_sampler(name, space=SQUARE, seed=3)
        optunas.sampler = sampler
        if window is not None:
            shared = SharedWindow(store, study_id(optunas), window)
            optunas.sampler = WindowedSampler(sampler, view(store, study.name, shared))
        found = []
        for number in range(90):
            trial = optunas.ask()
            x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
            found.append(trial.params)
            if number > 40 and number % 3:
                optunas.tell(trial, state=TrialState.FAIL)
            else:
                optunas.tell(trial, (x - 0.3) ** 2 + y + number)
        studies.delete(store, study.name)
        return found

    assert drawn(Window(trials=10, generations=GENERATION[name])) == drawn(None)


@pytest.fixture
def toy_plan(plan: StudyPlan) -> StudyPlan:
    return replace(plan, reference=f"{toy.FILE}:study", fingerprint=toy.study.space().fingerprint, sampler="tpe")


def test_a_short_study_is_drawn_to_the_number_as_without_a_window(
    store: Storage, toy_plan: StudyPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for number, word in enumerate(("250", "all")):
        monkeypatch.setenv("HPO_TRIAL_WINDOW", word)
        study = studies.create_or_resume(store, replace(toy_plan, name=f"short-{number}"))
        Slots(store).open(study.name, 25)
        assert Server(store, study.name, toy.instant).run()
        found.append([slot.params for slot in Slots(store).list(study.name)])
        studies.delete(store, study.name)
    assert found[0] == found[1]


def test_a_worker_keeps_no_more_than_the_window(
    store: Storage, toy_plan: StudyPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpo.fleet.worker.loaded_study.trial_window", lambda: 20)
    monkeypatch.setattr("hpo.storage.trial_cache._OWN", 5)
    study = studies.create_or_resume(store, toy_plan)
    Slots(store).open(study.name, 40)
    seen: list[int] = []

    def looking(beat: object) -> toy.Objective:
        inner = toy.instant(beat)  # type: ignore[arg-type]

        def objective(trial: optuna.Trial) -> float:
            sampler = trial.study.sampler
            assert isinstance(sampler, WindowedSampler)
            seen.append(len(trials_at_hand(sampler._view)))
            return inner(trial)

        return objective

    assert Server(store, study.name, looking).run()
    assert toy.unsound(store.url, study.name, trials=40) == []
    assert max(seen) == 21  # and the one that is running
    own = store.rdb.get_study_id_from_name(study.name)
    held = store.optuna.source._studies[own].trials  # type: ignore[attr-defined]
    assert len(held) <= 6


def test_how_long_the_window_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert trial_window() == TRIAL_WINDOW
    monkeypatch.setenv("HPO_TRIAL_WINDOW", "all")
    assert trial_window() is None
    for wrong in ("0", "249", "-1", "many", "1e3", "²50"):
        monkeypatch.setenv("HPO_TRIAL_WINDOW", wrong)
        with pytest.raises(UsageError, match="HPO_TRIAL_WINDOW must be a whole number from 250, or all, not"):
            Limits()
