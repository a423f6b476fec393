"""The worker's loop in this process, on real databases: what becomes of each kind of trial."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace

import optuna
import pytest
import toy
from optuna.trial import TrialState

from hpo.errors import DataError, StorageError
from hpo.fleet.run_limits import Limits
from hpo.fleet.worker.presence import Step, Watcher
from hpo.fleet.worker.work_loop import Server
from hpo.storage import Storage, studies
from hpo.storage.slots.slot import Slot
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan, StudyRecord
from hpo.storage.waiting import patiently, repeatable

AWAY = StorageError("storage postgresql://…: the server went away", transient=True)


@pytest.fixture
def toy_study(store: Storage, plan: StudyPlan) -> StudyRecord:
    space = toy.study.space()
    plan = replace(plan, reference=f"{toy.FILE}:study", fingerprint=space.fingerprint)
    return studies.create_or_resume(store, plan)


def told(store: Storage, study: StudyRecord) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name=study.name, storage=store.rdb).trials


def test_every_slot_becomes_one_trial_with_its_value(store: Storage, toy_study: StudyRecord) -> None:
    slots = Slots(store)
    slots.open(toy_study.name, 5, [{"x": 0.5, "kind": "a"}])
    steps: list[tuple[Step, int]] = []

    class Noted(Watcher):
        def step(self, step: Step, slot: Slot) -> None:
            steps.append((step, slot.position))

    assert Server(store, toy_study.name, toy.instant, watcher=Noted()).run()
    assert toy.unsound(store.url, toy_study.name, trials=5) == []
    assert steps[:6] == [(step, 0) for step in ("claimed", "created", "trained", "settled", "told", "free")]
    first = slots.list(toy_study.name)[0]
    assert (first.params, first.value) == ({"x": 0.5, "kind": "a"}, pytest.approx(0.86))


def test_a_stop_between_settling_and_telling_fails_no_trial(store: Storage, toy_study: StudyRecord) -> None:
    """It comes from another thread, which gives back whatever is in hand."""
    Slots(store).open(toy_study.name, 2)

    class Stopped(Watcher):
        def step(self, step: Step, slot: Slot) -> None:
            if step == "settled":
                server.stop("its worker was stopped")

    for _ in range(2):
        server = Server(store, toy_study.name, toy.instant, watcher=Stopped())
        assert server.run() == "stopped"
    assert toy.unsound(store.url, toy_study.name, trials=2) == []


def test_a_single_worker_draws_reproducibly(store: Storage, toy_study: StudyRecord) -> None:
    def drawn() -> list[object]:
        Slots(store).open(toy_study.name, 4)
        Server(store, toy_study.name, toy.instant).run()
        params = [slot.params for slot in Slots(store).list(toy_study.name)]
        studies.delete(store, toy_study.name)
        return params

    first = drawn()
    studies.create_or_resume(store, StudyPlan(**{f: getattr(toy_study, f) for f in StudyPlan.__dataclass_fields__}))
    assert drawn() == first


@pytest.mark.parametrize(
    ("raised", "state", "reason"),
    [
        (optuna.TrialPruned("too slow"), TrialState.PRUNED, "too slow"),
        (ZeroDivisionError("no such luck"), TrialState.FAIL, "ZeroDivisionError: no such luck"),
        (SystemExit(3), TrialState.FAIL, "SystemExit: 3"),
    ],
)
def test_an_exception_of_a_trial_settles_its_slot_with_the_reason(
    store: Storage, toy_study: StudyRecord, raised: BaseException, state: TrialState, reason: str
) -> None:
    def objective(trial: optuna.Trial) -> float:
        toy.height(trial)
        trial.report(0.25, 1)
        trial.report(0.5, 2)
        raise raised

    Slots(store).open(toy_study.name, 1)
    Server(store, toy_study.name, lambda beat: objective).run()
    (slot,), (trial,) = Slots(store).list(toy_study.name), told(store, toy_study)
    assert (slot.reason, slot.attempt) == (reason, 1)  # its own fault, so it is not tried again
    assert (trial.state, trial.value) == (state, 0.5 if state == TrialState.PRUNED else None)
    if state == TrialState.FAIL:
        assert slot.traceback is not None
        assert "in objective" in slot.traceback
        assert trial.user_attrs["reason"] == reason


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "many"])
def test_a_value_that_is_no_finite_number_fails_the_trial(
    store: Storage, toy_study: StudyRecord, value: object
) -> None:
    Slots(store).open(toy_study.name, 1)
    Server(store, toy_study.name, lambda beat: lambda trial: value).run()  # type: ignore[arg-type,return-value]
    (slot,), (trial,) = Slots(store).list(toy_study.name), told(store, toy_study)
    assert (slot.outcome, trial.state) == ("failed", TrialState.FAIL)
    assert str(value) in (slot.reason or "")


def test_out_of_memory_is_tried_again_with_the_same_params(
    store: Storage, toy_study: StudyRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = Slots(store)
    slots.open(toy_study.name, 2)
    drawn: list[object] = []

    def objective(trial: optuna.Trial) -> float:
        value = toy.height(trial)
        drawn.append(trial.params)
        if len(drawn) == 1:
            raise MemoryError
        return value

    assert Server(store, toy_study.name, lambda beat: objective).run() == "recycled"
    assert (slots.counts(toy_study.name).open, [t.state for t in told(store, toy_study)]) == (2, [TrialState.FAIL])
    assert Server(store, toy_study.name, lambda beat: objective).run() == "drained"
    assert drawn[0] == drawn[2]  # behind the other one
    assert toy.unsound(store.url, toy_study.name, trials=2) == []


def test_out_of_memory_again_and_again_fails(store: Storage, toy_study: StudyRecord) -> None:
    def objective(trial: optuna.Trial) -> float:
        raise MemoryError

    Slots(store).open(toy_study.name, 1)
    limits = Limits(max_attempts=2)
    assert [Server(store, toy_study.name, lambda beat: objective, limits=limits).run() for _ in range(2)] == [
        "recycled"
    ] * 2
    assert Server(store, toy_study.name, lambda beat: objective, limits=limits).run() == "drained"
    (slot,) = Slots(store).list(toy_study.name)
    assert (slot.outcome, slot.attempt) == ("failed", 2)
    assert "MemoryError" in (slot.reason or "")


def test_a_worker_past_its_memory_limit_asks_to_be_replaced(store: Storage, toy_study: StudyRecord) -> None:
    Slots(store).open(toy_study.name, 3)
    assert Server(store, toy_study.name, toy.instant, limits=Limits(memory_limit=64 << 20)).run() == "recycled"
    counts = Slots(store).counts(toy_study.name)
    assert (counts.complete, counts.open) == (1, 2)


def test_an_error_that_prevents_every_trial_releases_the_slot(store: Storage, toy_study: StudyRecord) -> None:
    def objective(trial: optuna.Trial) -> float:
        raise DataError("the data are gone")

    Slots(store).open(toy_study.name, 1)
    with pytest.raises(DataError, match="the data are gone"):
        Server(store, toy_study.name, lambda beat: objective).run()
    (slot,) = Slots(store).list(toy_study.name)
    assert (slot.state, slot.tries) == ("open", 0)
    assert [trial.state for trial in told(store, toy_study)] == [TrialState.FAIL]


def test_a_keyboard_interrupt_releases_the_slot(store: Storage, toy_study: StudyRecord) -> None:
    """The loop runs in the main thread here, which an interrupt reaches."""

    def objective(trial: optuna.Trial) -> float:
        raise KeyboardInterrupt

    Slots(store).open(toy_study.name, 1)
    with pytest.raises(KeyboardInterrupt):
        Server(store, toy_study.name, lambda beat: objective).run()
    (slot,) = Slots(store).list(toy_study.name)
    assert (slot.state, slot.tries) == ("open", 0)


class MuteError(Exception):
    """An exception whose text cannot be read: asking for it raises another."""

    def __str__(self) -> str:
        raise KeyboardInterrupt


@pytest.mark.parametrize("error", [MuteError, asyncio.CancelledError, GeneratorExit, SystemExit])
def test_exceptions_without_a_message_fail_the_trial(
    store: Storage, toy_study: StudyRecord, error: type[BaseException]
) -> None:
    def objective(trial: optuna.Trial) -> float:
        raise error

    Slots(store).open(toy_study.name, 1)
    assert Server(store, toy_study.name, lambda beat: objective).run() == "drained"
    (slot,) = Slots(store).list(toy_study.name)
    assert (slot.outcome, slot.reason, slot.attempt) == ("failed", error.__name__, 1)


def test_a_stop_from_another_thread_releases_the_running_trial(store: Storage, toy_study: StudyRecord) -> None:
    Slots(store).open(toy_study.name, 2)
    began, go = threading.Event(), threading.Event()

    def objective(trial: optuna.Trial) -> float:
        value = toy.height(trial)
        began.set()
        go.wait(60)
        return value

    server = Server(store, toy_study.name, lambda beat: objective)
    thread = threading.Thread(target=server.run)
    thread.start()
    began.wait(60)
    server.stop("enough")
    (slot, _), (trial,) = Slots(store).list(toy_study.name), told(store, toy_study)
    assert (slot.state, slot.tries, trial.state) == ("open", 0, TrialState.FAIL)
    go.set()
    thread.join(60)
    assert not thread.is_alive()
    assert Slots(store).counts(toy_study.name).open == 2  # what it found after that was dropped


def test_a_slot_taken_over_by_another_worker_is_dropped(store: Storage, toy_study: StudyRecord) -> None:
    slots = Slots(store)
    slots.open(toy_study.name, 1)
    taken: list[Slot | None] = []

    def objective(trial: optuna.Trial) -> float:
        if not taken:  # the lease ran out, as far as this other worker's clock says
            later = Slots(store, clock=lambda: 4e9)
            taken.append(later.claim(toy_study.name, "other", 60))
            assert taken[0] is not None
            slots.release(taken[0], "a test")
        return toy.height(trial)

    assert Server(store, toy_study.name, lambda beat: objective).run() == "drained"
    assert [trial.state for trial in told(store, toy_study)] == [TrialState.FAIL, TrialState.COMPLETE]
    assert toy.unsound(store.url, toy_study.name, trials=1) == []


def test_a_database_that_goes_away_in_a_trial_costs_no_attempt(store: Storage, toy_study: StudyRecord) -> None:
    Slots(store).open(toy_study.name, 2)
    calls: list[int] = []

    def objective(trial: optuna.Trial) -> float:
        calls.append(trial.number)
        if len(calls) == 1:
            raise AWAY
        return toy.height(trial)

    assert Server(store, toy_study.name, lambda beat: objective).run() == "drained"
    assert toy.unsound(store.url, toy_study.name, trials=2) == []
    assert all(slot.tries == 1 for slot in Slots(store).list(toy_study.name))


def test_a_database_that_stays_away_ends_the_run(store: Storage, toy_study: StudyRecord) -> None:
    def objective(trial: optuna.Trial) -> float:
        raise AWAY

    Slots(store).open(toy_study.name, 1)
    with pytest.raises(StorageError, match="went away"):
        Server(store, toy_study.name, lambda beat: objective).run()
    assert Slots(store).counts(toy_study.name).open == 1


def test_a_settlement_whose_answer_was_lost_still_counts(
    store: Storage, toy_study: StudyRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = Slots.settle
    answers: list[bool] = []

    def deaf(self: Slots, *args: object, **options: object) -> bool:
        answers.append(settle(self, *args, **options))  # type: ignore[arg-type]
        if len(answers) == 1:
            raise AWAY
        return answers[-1]

    monkeypatch.setattr(Slots, "settle", repeatable(deaf))
    Slots(store).open(toy_study.name, 1)
    Server(store, toy_study.name, toy.instant).run()
    assert answers == [True, False]
    assert toy.unsound(store.url, toy_study.name, trials=1) == []


def failing(errors: list[StorageError]) -> Callable[[], str]:
    def call() -> str:
        if errors:
            raise errors.pop(0)
        return "answer"

    return call


def test_patience_ends_when_told_to_stop() -> None:
    with pytest.raises(StorageError):
        patiently(failing([AWAY]), unless=lambda: True)


def test_patience_waits_out_a_transient_error() -> None:
    assert patiently(failing([AWAY] * 2)) == "answer"


@pytest.mark.parametrize(("error", "seconds"), [(StorageError("x: the disk is full"), 60.0), (AWAY, 0.0)])
def test_patience_raises_a_lasting_error_at_once(error: StorageError, seconds: float) -> None:
    with pytest.raises(StorageError) as caught:
        patiently(failing([error]), seconds=seconds)
    assert caught.value is error
