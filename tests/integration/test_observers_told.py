"""What observers are told of real studies: in order, nothing lost, and nothing twice but by the same id."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from hpo.errors import HpoWarning, UsageError
from hpo.observers import Event, Observer
from hpo.observers.hosting import observing
from hpo.observers.telling import Ending, Teller
from hpo.storage import Storage, studies
from hpo.storage.observer_progress import ObserverProgress
from hpo.storage.slots import slot_trials
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan, StudyRecord, halting


class Listener(Observer):
    """Keeps what it is told."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.heard: list[Event] = []
        self.closed = False

    def _hear(self, event: Any) -> None:
        self.heard.append(event)

    study_begun = study_resumed = study_stopped = study_ended = _hear
    trial_begun = trial_reported = trial_settled = new_best = _hear

    def close(self) -> None:
        self.closed = True

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.heard]


class Deaf(Listener):
    """Takes so many events, and no more until it is mended."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most: float = most

    def _hear(self, event: Any) -> None:
        if len(self.heard) >= self.most:
            raise SystemExit("no more of that")
        self.heard.append(event)

    study_begun = trial_begun = trial_reported = trial_settled = new_best = study_ended = _hear


def work(store: Storage, record: StudyRecord, values: list[float | None], worker: str = "w1") -> None:
    """Settle so many slots as a worker would; None: pruned."""
    slots = Slots(store)
    optunas = studies.load(store, record.name)
    for value in values:
        slot = slots.claim(record.name, worker, 60)
        assert slot is not None
        trial = slot_trials.create(store, optunas, slot)
        slots.attach(slot, trial.number)
        x = trial.suggest_float("x", 0, 1)
        for step in (1, 2):
            trial.report(0.25 * step, step)
        trial.set_user_attr("epochs", 2)
        assert slots.settle(
            slot,
            "pruned" if value is None else "complete",
            value,
            None if value is not None else "too slow",
            params={"x": x},
            trial_number=trial.number,
        )


def tell(
    store: Storage, observer: Observer, record: StudyRecord | None, *, key: str = "k", how: Any = None
) -> list[str]:
    """Tell it all there is to tell, as the end of a run does; what was warned of."""
    warned: list[str] = []
    ending = Ending()
    ending.set(how, "the reason")
    only = None if record is None else (record.name,)
    Teller(store.url, observer, key=key, holder="here:1", only=only, warn=warned.append).run(ending)
    return warned


def until(happened: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_observer_receives_all_events_of_a_study_in_order(store: Storage, study: StudyRecord) -> None:
    Slots(store).open(study.name, 3)
    work(store, study, [0.5, None, 0.75])
    heard = Listener()
    assert tell(store, heard, study) == []
    trial = ["trial_begun", "trial_reported", "trial_reported", "trial_settled"]
    assert heard.kinds == ["study_begun", *trial, *trial, *trial, "new_best", "study_ended"]
    assert heard.closed
    settled: list[Any] = [event for event in heard.heard if event.kind == "trial_settled"]
    assert [(one.trial, one.outcome, one.value) for one in settled] == [
        (0, "complete", 0.5),
        (1, "pruned", None),
        (2, "complete", 0.75),
    ]
    assert settled[1].reason == "too slow"
    assert settled[2].curve == ((1, 0.25), (2, 0.5))
    assert settled[2].attributes["epochs"] == 2
    best, end = heard.heard[-2:]
    assert (best.value, best.trial, end.best, end.ended) == (0.75, 2, best, "done")  # type: ignore[attr-defined]
    assert len({event.id for event in heard.heard}) == len(heard.heard)


def test_delivered_events_are_not_repeated_and_new_ones_follow(store: Storage, study: StudyRecord) -> None:
    slots = Slots(store)
    slots.open(study.name, 2)
    work(store, study, [0.5, 0.25])
    tell(store, Listener(), study)
    again = Listener()
    tell(store, again, study)
    assert again.kinds == []
    slots.open(study.name, 3)
    more = Listener()
    tell(store, more, study)
    assert more.kinds == ["study_resumed"]
    work(store, study, [0.1])
    tell(store, more, study)
    assert more.kinds[-2:] == ["trial_settled", "study_ended"]
    assert "new_best" not in more.kinds  # it was told, and is the same
    other = Listener()
    tell(store, other, study, key="another")
    assert other.kinds.count("trial_settled") == 3


def test_a_failing_observer_is_warned_of_once_and_retried(store: Storage, study: StudyRecord) -> None:
    Slots(store).open(study.name, 3)
    work(store, study, [0.5, 0.25, 0.75])
    deaf = Deaf(most=5)
    warned = tell(store, deaf, study)
    assert warned == ["failed in trial_begun: SystemExit: no more of that; it is told again what it did not take"]
    assert deaf.kinds == ["study_begun", "trial_begun", "trial_reported", "trial_reported", "trial_settled"]
    deaf.most = float("inf")
    assert tell(store, deaf, study) == []
    its = [event.trial for event in deaf.heard if event.kind == "trial_settled"]  # type: ignore[attr-defined]
    assert its == [0, 1, 2]
    assert deaf.kinds[-1] == "study_ended"


def test_an_observer_receives_stop_and_resume_events(store: Storage, study: StudyRecord) -> None:
    Slots(store).open(study.name, 3)
    work(store, study, [0.5])
    halting.stop(store, study.name, by="somebody", why="to think")
    heard = Listener()
    tell(store, heard, study)
    stopped: Any = heard.heard[-1]
    assert (stopped.kind, stopped.by, stopped.why, stopped.settled) == ("study_stopped", "somebody", "to think", 1)
    halting.resume(store, study.name)
    work(store, study, [0.5, 0.5])
    tell(store, heard, study)
    assert heard.kinds[-1] == "study_ended"
    assert heard.kinds.count("study_begun") == 1


@pytest.mark.parametrize(("how", "reason"), [("interrupted", None), ("timeout", None), ("error", "the reason")])
def test_an_observer_receives_the_end_of_each_run_of_a_study(
    store: Storage, study: StudyRecord, how: str, reason: str | None
) -> None:
    Slots(store).open(study.name, 2)
    heard = Listener()
    tell(store, heard, study, how=how)
    end: Any = heard.heard[-1]
    assert (end.ended, end.reason, end.settled, end.best) == (how, reason, 0, None)
    work(store, study, [0.5, 0.5])
    tell(store, heard, study)
    assert [event.kind for event in heard.heard if event.kind.startswith("study")] == [
        "study_begun",
        "study_ended",
        "study_resumed",
        "study_ended",
    ]
    last: Any = heard.heard[-1]
    assert last.ended == "done"
    assert last.id != end.id


def test_an_observer_receives_the_end_of_a_study_that_reached_until(store: Storage, plan: StudyPlan) -> None:
    record = studies.create_or_resume(store, replace(plan, until=0.7))
    Slots(store).open(record.name, 3)
    work(store, record, [0.75])
    heard = Listener()
    tell(store, heard, record)
    assert (heard.kinds[-1], heard.heard[-1].ended) == ("study_ended", "until")  # type: ignore[attr-defined]


def test_reports_of_running_trials_are_delivered_as_they_come(store: Storage, study: StudyRecord) -> None:
    slots = Slots(store)
    slots.open(study.name, 1)
    slot = slots.claim(study.name, "w1", 60)
    assert slot is not None
    trial = slot_trials.create(store, studies.load(store, study.name), slot)
    slots.attach(slot, trial.number)
    trial.report(0.5, 1)
    trial.report(math.nan, 2)
    heard = Listener()
    tell(store, heard, study)
    assert heard.kinds == ["study_begun", "trial_begun", "trial_reported", "trial_reported"]
    assert math.isnan(heard.heard[-1].value)  # type: ignore[attr-defined]


def test_one_process_notifies_observers_and_another_takes_over(
    store: Storage, study: StudyRecord, clock: Callable[[], float]
) -> None:
    first, second = (ObserverProgress(store, "k", holder, clock) for holder in ("a:1", "b:2"))
    assert first.hold(study.id) is not None
    assert second.hold(study.id) is None
    assert first.hold(study.id) is not None  # renewed
    first.release()
    assert second.hold(study.id) is not None
    clock.now += 1_000.0  # type: ignore[attr-defined]
    assert first.hold(study.id) is not None
    assert ObserverProgress(store, "another", "b:2", clock).hold(study.id) is not None


def test_a_fleet_notifies_observers_of_active_studies_only(store: Storage, plan: StudyPlan) -> None:
    old = studies.create_or_resume(store, replace(plan, name="old"))
    Slots(store).open(old.name, 1)
    work(store, old, [0.5])
    new = studies.create_or_resume(store, replace(plan, name="new"))
    Slots(store).open(new.name, 1)
    measured = studies.create_or_resume(store, replace(plan, name="pairs", kind="pairs", parent="new"))
    Slots(store).open(measured.name, 1)
    heard = Listener()
    tell(store, heard, None)
    assert {event.study.name for event in heard.heard} == {"new", "pairs"}
    work(store, new, [0.5])  # settled now, but begun
    tell(store, heard, None)
    assert heard.kinds[-1] == "study_ended"


def test_measurements_send_no_new_best_event(store: Storage, plan: StudyPlan) -> None:
    record = studies.create_or_resume(store, replace(plan, name="tables", kind="sweep"))
    Slots(store).open(record.name, 2)
    work(store, record, [0.5, 0.75])
    heard = Listener()
    tell(store, heard, record)
    assert heard.kinds.count("trial_settled") == 2
    assert "new_best" not in heard.kinds
    end: Any = heard.heard[-1]
    assert (end.kind, end.ended, end.best, end.study.kind) == ("study_ended", "done", None, "sweep")


def test_measurements_end_for_observers_only_with_their_run(store: Storage, plan: StudyPlan) -> None:
    record = studies.create_or_resume(store, replace(plan, name="tables", kind="greedy"))
    Slots(store).open(record.name, 1)
    work(store, record, [0.5])
    heard = Listener()
    with observing(store.url, [heard], (record.name,)):
        until(lambda: "trial_settled" in heard.kinds)
        Slots(store).open(record.name, 2)  # the next table
        work(store, record, [0.75])
    assert [kind for kind in heard.kinds if kind.startswith("study")] == ["study_begun", "study_ended"]
    assert heard.heard[-1].settled == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["pairs", "resampled"])
def test_trials_of_pairs_are_delivered_only_once_all_are_done(store: Storage, plan: StudyPlan, kind: Any) -> None:
    search = studies.create_or_resume(store, plan)
    record = studies.create_or_resume(store, replace(plan, name="of it", kind=kind, parent=search.name))
    Slots(store).open(record.name, 3)
    work(store, record, [0.5, 0.75])
    slot = Slots(store).claim(record.name, "w1", 60)
    assert slot is not None
    trial = slot_trials.create(store, studies.load(store, record.name), slot)
    Slots(store).attach(slot, trial.number)
    trial.report(0.5, 1)
    heard = Listener()
    tell(store, heard, record, how="interrupted")
    assert heard.kinds == ["study_begun", "study_ended"]
    assert heard.heard[0].study.parent == search.name
    assert Slots(store).settle(slot, "complete", 1.0, params={}, trial_number=trial.number)
    tell(store, heard, record)
    assert heard.kinds.count("trial_settled") == 3
    assert heard.kinds[-1] == "study_ended"


def test_deleting_a_study_deletes_the_progress_of_its_observers(
    store: Storage, study: StudyRecord, plan: StudyPlan
) -> None:
    Slots(store).open(study.name, 1)
    work(store, study, [0.5])
    tell(store, Listener(), study)
    studies.delete(store, study.name)
    again = studies.create_or_resume(store, plan)
    Slots(store).open(again.name, 1)
    heard = Listener()
    tell(store, heard, again)
    assert heard.kinds == ["study_begun"]


def test_an_observer_object_is_notified_during_the_run(store: Storage, study: StudyRecord) -> None:
    Slots(store).open(study.name, 2)
    heard = Listener()
    with observing(store.url, [heard], (study.name,)):
        work(store, study, [0.5])
        until(lambda: "trial_settled" in heard.kinds)
        work(store, study, [0.75])
    assert heard.kinds[-2:] == ["new_best", "study_ended"]
    assert heard.closed


def test_a_hanging_observer_object_is_abandoned_at_the_deadline(
    store: Storage, study: StudyRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()

    class Hangs(Observer):
        def study_begun(self, event: Any) -> None:
            go.wait()

    Slots(store).open(study.name, 1)
    monkeypatch.setattr("hpo.observers.hosting.DEADLINE", 0.1)
    with (
        pytest.warns(HpoWarning, match="observer Hangs was not told all in time"),
        observing(store.url, [Hangs()], (study.name,)),
    ):
        pass
    go.set()


def test_two_observers_of_one_class_need_different_names(store: Storage, study: StudyRecord) -> None:
    with (
        pytest.raises(UsageError, match="observer Listener is there twice"),
        observing(store.url, [Listener(), Listener()], None),
    ):
        pass
    with observing(store.url, [Listener("a"), Listener("b")], (study.name,)):
        pass


def test_event_times_are_those_of_the_trial(store: Storage, study: StudyRecord) -> None:
    Slots(store).open(study.name, 1)
    before = datetime.now(UTC)
    work(store, study, [0.5])
    after = datetime.now(UTC)
    heard = Listener()
    tell(store, heard, study)
    settled: Any = next(event for event in heard.heard if event.kind == "trial_settled")
    assert before.timestamp() - 0.01 <= settled.started_at.timestamp() <= settled.at.timestamp()
    assert settled.at.timestamp() <= after.timestamp() + 0.01
