"""Leaving a search to a fleet: its slots are opened as for a run here, and others are watched at work."""

import signal
from collections.abc import Callable
from dataclasses import replace

import pytest
import small
import toy
from asking import asked
from measure_run import PLAN

from hpo import storage as storages
from hpo.errors import StudyError, UsageError
from hpo.experiments.measure import Limits, measure
from hpo.experiments.search_plan import Request, plan
from hpo.experiments.search_run import optimize, submit
from hpo.storage import Storage, studies
from hpo.storage.queries import status
from hpo.storage.queries.status import Progress, watch
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyRecord, halting
from hpo.storage.worker_registry import Roster, Worker, fleet, serving

NAME = "toy-line-quick"


@pytest.fixture
def wanted(store: Storage) -> Callable[..., Request]:
    """A request for the toy, in the shared database."""

    def request(**options: object) -> Request:
        base = {"definition": f"{toy.FILE}:study", "fidelity": "quick", "trials": 3, "storage": store.url, "workers": 0}
        return asked(**{**base, **options})

    return request


def settle(store: Storage, value: float = 0.5) -> None:
    """Do one trial, as a worker would."""
    slots = Slots(store)
    slot = slots.claim(NAME, "me", 60)
    assert slot is not None
    assert slots.settle(slot, "complete", value, params={"x": 0.5, "kind": "a"})


def test_submit_opens_slots_as_a_local_run_and_stores_the_limits(store: Storage, wanted) -> None:
    left = submit(wanted(trial_timeout=60.0, until=0.9, try_=({"x": 0.25, "kind": "b"},), seed=7))
    assert (left.study, left.added, left.serving.ready) == (NAME, 3, ())
    record = studies.get(store, NAME)
    assert (record.trial_timeout, record.until, record.seed) == (60.0, 0.9, 7)
    assert record.version == toy.study.version
    first = [dict(slot.fixed) for slot in Slots(store).list(NAME)]
    assert first == [{"x": 0.5, "kind": "a"}, {"x": 0.25, "kind": "b"}, {}]


def test_submitting_again_adds_missing_trials_and_may_clear_limits(store: Storage, wanted) -> None:
    submit(wanted(trial_timeout=60.0, until=0.9))
    assert submit(wanted()).added == 0
    assert studies.get(store, NAME).until == 0.9
    assert submit(wanted(trials=5, until=0.95)).added == 2
    assert studies.get(store, NAME).until == 0.95
    submit(wanted(trials=5, forget=["until"]))
    record = studies.get(store, NAME)
    assert (record.until, record.trial_timeout) == (None, 60.0)
    with pytest.raises(UsageError, match="5 trials already"):
        submit(wanted(trials=4))


def test_a_study_submitted_by_name_keeps_its_settings(store: Storage, wanted) -> None:
    submit(wanted(name="deep", fidelity="glance", sampler="random"))
    by_name = plan(wanted(definition="deep", fidelity=None, trials=5), by_study=True).request
    assert (by_name.definition, by_name.fidelity, by_name.name) == (f"{toy.FILE}:study", "glance", "deep")
    assert submit(wanted(definition="deep", fidelity=None, trials=5)).added == 2
    assert [record.name for record in studies.list_all(store)] == ["deep"]
    assert studies.get(store, "deep").sampler == "random"
    with pytest.raises(StudyError, match="made with fidelity glance, not quick"):
        submit(wanted(definition="deep", trials=5, fidelity="quick"))


def test_submitting_a_definitions_name_means_its_only_study(store: Storage, wanted) -> None:
    submit(wanted(name="deep", fidelity="glance"))
    assert submit(wanted(definition="toy", fidelity=None, trials=5)).study == "deep"
    submit(wanted(name="deeper"))
    with pytest.raises(StudyError, match="'toy' has 2 studies, so say which: deep, deeper"):
        submit(wanted(definition="toy", fidelity=None, trials=7))
    with pytest.raises(UsageError, match="no definition 'other'"):
        submit(wanted(definition="other"))


def test_submitting_an_installed_definitions_name_means_that_definition(store: Storage, wanted) -> None:
    from hpo.storage.studies import StudyPlan

    studies.create_or_resume(
        store,
        StudyPlan(
            name="mine", reference="mine.py:study", definition="fcnn", space="s", fingerprint="f", fidelity="quick",
            direction="maximize", metric="accuracy",
        ),
    )  # fmt: skip
    assert plan(wanted(definition="fcnn"), by_study=True).request.definition == "fcnn"


def test_a_local_run_stores_its_limits_only_where_the_study_has_them(store: Storage, wanted) -> None:
    none = "toy.py:none"  # nothing is left to do, so no worker is started
    submit(wanted(trials=1))
    settle(store)
    assert optimize(wanted(trials=1, workers=1, until=0.7, objective=none)).ended == "done"
    assert studies.get(store, NAME).until is None
    submit(wanted(trials=1, until=0.9))
    assert optimize(wanted(trials=1, workers=1, until=0.7, trial_timeout=5.0, objective=none)).ended == "done"
    record = studies.get(store, NAME)
    assert (record.until, record.trial_timeout) == (0.7, None)


def test_a_stopped_study_refuses_runs_and_queues_submitted_trials(store: Storage, wanted) -> None:
    submit(wanted())
    halting.stop(store, NAME, by="ada", why="too warm")
    for workers in (0, 1):
        with pytest.raises(StudyError, match=rf"stopped by ada .*\(too warm\): hpo resume {NAME}"):
            optimize(wanted(trials=4, workers=workers))
    assert Slots(store).counts(NAME).target == 3
    assert submit(wanted(trials=4)).added == 1
    assert status.study_status(store, NAME).state == "stopped"


def test_submitting_with_a_custom_objective_is_refused(wanted) -> None:
    with pytest.raises(UsageError, match="workers here"):
        wanted(objective="toy.py:instant")


def test_a_run_without_workers_waits_until_all_trials_are_settled(store: Storage, wanted) -> None:
    seen: list[Progress] = []

    def others(progress: Progress) -> None:
        seen.append(progress)
        if progress.open:
            settle(store, 0.5 + progress.settled / 10)

    last = optimize(wanted(), others)
    assert (last.ended, last.settled, last.new, last.workers) == ("done", 3, 3, 0)
    assert last.best is not None
    assert last.best.value == 0.7
    assert [progress.settled for progress in seen] == [0, 1, 2, 3]
    assert seen[1].eta_seconds is None  # nobody had a trial in hand at that moment


def test_a_measurement_is_submitted_with_its_limit(store: Storage) -> None:
    measured = replace(PLAN, name="left-to-others")
    jobs = [small.job(seed=seed) for seed in (1, 2)]
    slots = Slots(store)

    def others(progress: Progress) -> None:
        slot = slots.claim(measured.name, "me", 60)
        if slot is not None:
            assert slots.settle(slot, "complete", 0.5)

    done = measure(store, measured, jobs, Limits(workers=0, trial_timeout=30.0), others)
    assert (done.ended, done.settled, done.best) == ("done", 2, None)
    record = studies.get(store, measured.name)
    assert (record.trial_timeout, record.version) == (30.0, small.study.version)
    halting.stop(store, measured.name, by="ada")
    with pytest.raises(StudyError, match="hpo resume left-to-others"):
        measure(store, measured, [*jobs, small.job(seed=3)], Limits(workers=0))


def test_running_trials_are_waited_for_once_a_study_is_stopped(store: Storage, wanted) -> None:
    submit(wanted())
    slots = Slots(store)
    held = slots.claim(NAME, "me", 60)
    assert held is not None
    halting.stop(store, NAME, by="ada")
    looks: list[int] = []

    def others(progress: Progress) -> None:
        looks.append(progress.running)
        if progress.running:
            assert progress.ended is None
            slots.settle(held, "complete", 0.5)

    assert watch(store, NAME, on_progress=others).ended == "stopped"
    assert looks == [1, 0]


def test_waiting_ends_when_until_is_reached(store: Storage, wanted) -> None:
    submit(wanted(until=0.6))
    assert status.study_status(store, NAME).state == "waiting"
    settle(store, 0.6)
    assert watch(store, NAME).ended == "until"
    found = status.study_status(store, NAME)
    assert (found.state, found.open, found.until) == ("done", 2, 0.6)


def test_waiting_ends_on_timeout_or_ctrl_c_without_stopping_trials(store: Storage, wanted) -> None:
    submit(wanted())
    assert watch(store, NAME, timeout=0.001).ended == "timeout"
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        ended = watch(store, NAME, on_progress=lambda _: signal.raise_signal(signal.SIGINT))
    finally:
        signal.signal(signal.SIGINT, before)
    assert (ended.ended, ended.open) == ("interrupted", 3)


def test_the_fleets_running_trials_and_refusals_are_reported(store: Storage, wanted) -> None:
    submit(wanted(trials=2))
    roster = Roster(store)
    one, two, three = (Worker(name=f"{name}:1::", pid=1, host=name) for name in ("one", "two", "three"))
    try:
        roster.sign_on(replace(one, gpu="GPU-1", gpu_name="H100"), 60)
        roster.sign_on(replace(two, refuses={NAME: "no such data"}), 60)
        roster.sign_on(replace(three, study="another"), 60)
        held = Slots(store).claim(NAME, one.name, 60)
        assert held is not None
        found = {worker.host: worker for worker in fleet(store)}
        hand = found["one"].running_trial
        assert hand is not None
        assert (hand.study, hand.position, hand.attempt, hand.trial) == (NAME, 0, 1, None)
        assert (found["one"].gpu_name, found["two"].running_trial, found["three"].study) == ("H100", None, "another")
        who = serving(store, NAME)
        assert [worker.host for worker in who.ready] == ["one"]
        assert who.refusing == {two.name: "no such data"}
        assert plan(wanted(trials=2)).serving == 1
        assert status.study_status(store, NAME).running_trials == (hand,)
    finally:
        for worker in (one, two, three):
            roster.sign_off(worker.name)


def test_changed_code_is_reported_and_stored_with_the_study(store: Storage, wanted) -> None:
    submit(wanted())
    record: StudyRecord = studies.get(store, NAME)
    assert not plan(wanted()).changed
    studies.create_or_resume(store, replace(record, version="0" * 16))
    assert plan(wanted()).changed
    submit(wanted())
    assert studies.get(store, NAME) == record


def test_a_refused_request_makes_no_database(tmp_path, wanted) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    with pytest.raises(UsageError):
        submit(wanted(storage=url, space="nowhere"))
    assert storages.find(url) is None
