"""A fleet's worker in this process, on real databases: which study it serves, which it leaves to others, and why."""

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
import toy

from hpo.errors import DataError
from hpo.fleet.protocol import Avoid, Ended
from hpo.fleet.worker import loaded_study, slot_sources
from hpo.fleet.worker.loaded_study import MakeObjective
from hpo.fleet.worker.presence import Step, Watcher
from hpo.fleet.worker.slot_sources import Source
from hpo.fleet.worker.work_loop import Server
from hpo.storage import Storage, studies
from hpo.storage.slots.dispatch import held, offers
from hpo.storage.slots.slot import Outcome, Slot
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan, StudyRecord, halting
from hpo.storage.studies.halting import first_all_failed
from hpo.study import Float, Params, registry
from hpo.study.local_imports import StaleProcessError

Make = Callable[..., StudyRecord]
FIRST = [{"x": 0.5, "kind": "a"}]


@pytest.fixture
def make(store: Storage, plan: StudyPlan) -> Make:
    """A study of the toy's with so many slots."""
    own = replace(plan, reference=f"{toy.FILE}:study", fingerprint=toy.study.space().fingerprint)

    def make(name: str, slots: int, *, first: Sequence[Params] = (), **changes: object) -> StudyRecord:
        record = studies.create_or_resume(store, replace(own, name=name, **changes))  # type: ignore[arg-type]
        Slots(store).open(name, slots, first)
        return record

    return make


class Worker(Watcher):
    """One that ends once nothing is open, and what it did."""

    def __init__(self, store: Storage, objective: MakeObjective | None = toy.instant, **options: object) -> None:
        self.served: list[str] = []
        self.refusals: list[dict[str, str]] = []

        tell = lambda refusals: self.refusals.append(dict(refusals))  # noqa: E731
        source = Source(store, Slots(store), drain=True, on_refusals=tell, **options)  # type: ignore[arg-type]
        self.server = Server(store, None, objective, source=source, watcher=self)

    def step(self, step: Step, slot: Slot) -> None:
        if step == "claimed":
            self.served.append(slot.study)

    def run(self) -> Ended:
        return self.server.run()


@pytest.mark.thorough
def test_one_worker_serves_several_studies_in_turn(store: Storage, make: Make) -> None:
    for name in ("a", "b", "c"):
        make(name, 4)
    worker = Worker(store)
    assert worker.run() == "drained"
    for turn in range(4):
        assert sorted(worker.served[3 * turn : 3 * turn + 3]) == ["a", "b", "c"]
    for name in ("a", "b", "c"):
        assert toy.unsound(store.url, name, trials=4) == []


def test_an_avoided_study_is_not_served_until_its_time_is_over(store: Storage, make: Make) -> None:
    for name in ("a", "b"):
        make(name, 2)
    worker = Worker(store, avoid={"a": Avoid(why="it ends whoever loads it", seconds=60)})
    assert worker.run() == "drained"
    assert worker.served == ["b"] * 2
    assert worker.refusals == [{"a": "it ends whoever loads it"}]
    again = Worker(store, avoid={"a": Avoid(why="it ends whoever loads it", seconds=0)})
    assert again.run() == "drained"
    assert again.served == ["a"] * 2
    assert again.refusals[-1] == {}


def test_the_study_with_the_fewest_workers_comes_first(store: Storage, make: Make) -> None:
    make("crowded", 5)
    make("lonely", 3)
    slots = Slots(store)
    taken = [slots.claim("crowded", worker, 60) for worker in ("w1", "w2")]
    assert {each.study for each in offers(store, slots)} == {"crowded", "lonely"}
    assert held(store, slots) == {"crowded": 2}

    def objective(trial: optuna.Trial) -> float:
        if len(worker.served) == 6:  # the others are done, too, and nothing is left to wait for
            assert all(slot is not None and slots.settle(slot, "complete", 0.5) for slot in taken)
        return toy.height(trial)

    worker = Worker(store, lambda beat: objective)
    worker.run()
    assert worker.served[:3] == ["lonely"] * 3
    assert worker.served[3:] == ["crowded"] * 3


@pytest.mark.thorough
def test_a_small_study_is_finished_beside_a_large_one(store: Storage, make: Make) -> None:
    make("large", 30)
    make("small", 3)
    worker = Worker(store)
    worker.run()
    assert Counter(worker.served[:6]) == {"large": 3, "small": 3}


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_stopped_studies_and_those_that_reached_until_give_no_slots(store: Storage, make: Make, direction: str) -> None:
    until = 0.9 if direction == "maximize" else 0.1
    better, worse = (0.95, 0.5) if direction == "maximize" else (0.05, 0.5)
    make("stopped", 2)
    make("reached", 3, until=until, direction=direction)
    slots = Slots(store)
    halting.stop(store, "stopped", by="test")
    for value, left in ((worse, ["reached"]), (better, [])):
        slot = slots.claim("reached", "w", 60)
        assert slot is not None
        assert slots.settle(slot, "complete", value)
        assert [each.study for each in offers(store, slots)] == left
    assert [slots.claim(name, "w", 60) for name in ("stopped", "reached")] == [None, None]
    worker = Worker(store)
    assert (worker.run(), worker.served) == ("drained", [])
    halting.resume(store, "stopped")
    assert Worker(store).run() == "drained"
    assert slots.counts("stopped").settled == 2


def test_a_single_study_run_ends_when_its_study_is_stopped(store: Storage, make: Make) -> None:
    make("mine", 3)

    class Stopper(Watcher):
        def step(self, step: Step, slot: Slot) -> None:
            if step == "trained":
                halting.stop(store, "mine", by="test")

    assert Server(store, "mine", toy.instant, watcher=Stopper()).run() == "drained"
    counts = Slots(store).counts("mine")
    assert (counts.complete, counts.open, counts.running) == (1, 2, 0)


def test_a_worker_serves_only_the_studies_named(store: Storage, make: Make) -> None:
    make("asked", 2)
    make("other", 2)
    worker = Worker(store, only=("asked",))
    worker.run()
    assert worker.served == ["asked"] * 2


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"version": "f" * 16}, "is of another version here"),
        ({"fingerprint": "f" * 16}, "space 'line' of 'toy' is another one here"),
        ({"reference": "/nowhere/to/be.py:study"}, "there is no file /nowhere/to/be.py"),
        ({"space": "cube"}, "no space 'cube'"),
    ],
)
def test_a_study_it_cannot_serve_is_left_to_others_with_the_reason(
    store: Storage, make: Make, changes: dict[str, object], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It trains without TensorFlow.
    monkeypatch.setattr(loaded_study, "_of_definition", lambda *_: (toy.height, "rows"))
    make("strange", 2, **changes)
    make("fine", 2, version=toy.study.version)
    worker = Worker(store, None)
    assert worker.run() == "drained"
    assert worker.served == ["fine"] * 2
    (refusals,) = worker.refusals
    assert list(refusals) == ["strange"]
    assert why in refusals["strange"]
    assert [(slot.state, slot.attempt) for slot in Slots(store).list("strange")] == [("open", 0)] * 2


def test_a_study_submitted_again_is_considered_at_once(store: Storage, make: Make) -> None:
    make("changed", 1, version="f" * 16)
    slots = Slots(store)
    source = Source(store, slots, drain=True)
    offer = source.offer()
    assert offer is not None
    source.refuse(offer, DataError("another version"))
    assert source.offer() is None
    make("changed", 1, version=toy.study.version)
    assert source.offer() is not None


def test_a_refused_study_is_retried_after_pauses_that_grow_with_its_cost(
    store: Storage, make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make("sick", 1)
    now = [1000.0]
    monkeypatch.setattr(slot_sources.time, "monotonic", lambda: now[0])
    source = Source(store, Slots(store))
    for took, seconds in ((0.0, 5.0), (0.1, 10.0), (1.0, 20.0), (1.0, 30.0), (0.0, 30.0), (4.0, 80.0), (3600.0, 600.0)):
        offer = source.offer()
        assert offer is not None
        source.accept(offer)  # as where the data go while it trains, which it finds out each time anew
        now[0] += took
        source.refuse(offer, DataError("the data are gone"))
        now[0] += seconds - 1
        assert source.offer() is None
        now[0] += 2
    assert caplog.text.count("the study, so it is left to others") == 1


def test_a_successful_trial_resets_the_pause_of_a_refused_study(
    store: Storage, make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make("moody", 1)
    now = [1000.0]
    monkeypatch.setattr(slot_sources.time, "monotonic", lambda: now[0])
    source = Source(store, Slots(store))
    for seconds, ended in ((5.0, False), (10.0, True), (5.0, False), (10.0, False)):
        offer = source.offer()
        assert offer is not None
        source.refuse(offer, DataError("the data are gone"))
        now[0] += seconds - 1
        assert source.offer() is None
        now[0] += 2
        if ended:
            source.ended(offer, "complete")
    assert caplog.text.count("the study, so it is left to others") == 2  # anew once it had been well meanwhile


def test_polling_for_work_slows_until_something_is_found(
    store: Storage, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot_sources.random, "uniform", lambda low, high: high)
    source = Source(store, Slots(store))
    waits: list[float] = []

    def idle(turns: int) -> list[float]:
        waits.clear()
        for _ in range(turns):
            assert source.offer() is None
            assert source.wait(waits.append)
        return list(waits)

    assert idle(6) == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0]
    make("new", 1)
    offer = source.offer()
    assert offer is not None
    source.refuse(offer, DataError("the data are gone"))
    assert idle(2) == [0.1, 0.2]


def test_a_definition_changed_under_a_worker_has_its_process_replaced(
    store: Storage, make: Make, tmp_path: Path
) -> None:
    own = tmp_path / "own.py"
    text = Path(toy.FILE).read_text()
    own.write_text(text)
    first = make("own", 1, reference=f"{own}:study", version=toy.study.version)
    worker = Worker(store, None)
    loaded = registry.load(first.reference)
    assert loaded.version == toy.study.version
    own.write_text(text + "\n# as it is now\n")
    now = replace(loaded).version
    # What this process holds is older than the file, as a module that was imported would be.
    with pytest.raises(StaleProcessError):
        loaded_study._refuse_other(loaded, replace(first, version=now))
    assert worker.run() == "drained"  # a file is loaded anew, and refused: the study asks for what it was
    assert "another version" in worker.refusals[0]["own"]


def test_a_changed_import_of_a_definition_has_its_process_replaced(
    store: Storage, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the space is, which the process cannot have anew: the definition's own file is as it was."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    own, space = tmp_path / "own.py", tmp_path / "space_of_the_fleet.py"
    own.write_text(
        Path(toy.FILE)
        .read_text()
        .replace("high=1.0", "high=HIGH")
        .replace("import optuna\n", "import optuna\nfrom space_of_the_fleet import HIGH\n", 1)
    )
    space.write_text("HIGH = 1.0\n")
    try:
        before = registry.load(f"{own}:study")
        first = make("own", 1, reference=f"{own}:study", version=before.version)
        loaded_study._refuse_other(before, first)
        space.write_text("HIGH = 2.0  # as it is now\n")
        loaded_study._refuse_other(registry.load(first.reference), first)  # what the study asks for is what is loaded
        studies.delete(store, "own")
        fresh = replace(
            before, spaces=(replace(before.space(), params={**before.space().params, "x": Float(low=0.0, high=2.0)}),)
        )
        asked = make("own", 1, reference=f"{own}:study", version=fresh.version, fingerprint=fresh.space().fingerprint)
        worker = Worker(store, None)
        assert worker.run() == "recycled"
        assert (worker.served, worker.refusals) == ([], [])
    finally:
        sys.modules.pop("space_of_the_fleet", None)
    assert Slots(store).list(asked.name)[0].attempt == 0


def test_a_process_serves_one_of_two_definitions_with_equally_named_helpers(
    store: Storage, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It trains without TensorFlow.
    monkeypatch.setattr(loaded_study, "_of_definition", lambda *_: (toy.height, "rows"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    text = Path(toy.FILE).read_text()
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "own.py").write_text(f"import helpers_of_the_fleet\n{text}")
        (folder / "helpers_of_the_fleet.py").write_text(f"NAME = {name!r}\n")
        make(name, 2, reference=f"{folder / 'own.py'}:study")
    try:
        worker = Worker(store, None)
        assert worker.run() == "recycled"
    finally:
        sys.modules.pop("helpers_of_the_fleet", None)
    assert worker.refusals == []
    (served,) = set(worker.served)
    (other,) = {"one", "two"} - {served}
    assert [(slot.state, slot.attempt) for slot in Slots(store).list(other)] == [("open", 0)] * 2


def test_missing_data_cost_no_attempt(store: Storage, make: Make) -> None:
    def make_objective(beat: Callable[[], None]) -> toy.Objective:
        def run(trial: optuna.Trial) -> float:
            raise DataError("the data are gone")

        return run

    make("dry", 2)
    worker = Worker(store, make_objective)
    assert worker.run() == "drained"
    assert worker.refusals == [{"dry": "the data are gone"}]
    assert [(slot.state, slot.tries) for slot in Slots(store).list("dry")] == [("open", 0)] * 2


def test_a_study_whose_first_trials_all_fail_is_stopped(store: Storage, make: Make) -> None:
    make("broken", 40)
    make("sound", 1)
    worker = Worker(store, lambda beat: lambda trial: toy.wrong(beat)(trial) if _is(trial, "broken") else 1.0)
    assert worker.run() == "drained"
    record = studies.get(store, "broken")
    assert record.stopped_by == "hpo"
    assert "its first 5 trials all failed, the last with: ZeroDivisionError: no such luck" in (record.stopped_why or "")
    assert (Slots(store).counts("broken").failed, Slots(store).counts("sound").complete) == (5, 1)


def test_failures_of_an_earlier_run_do_not_stop_the_next(store: Storage, make: Make) -> None:
    """Their cause may have been mended before the next run."""
    make("mended", 8)
    slots = Slots(store)

    def settle(outcome: Outcome) -> None:
        slot = slots.claim("mended", "w", 60)
        assert slot is not None
        assert slots.settle(slot, outcome, 0.5 if outcome == "complete" else None, "no such luck")

    for _ in range(4):
        settle("failed")
    assert first_all_failed(store, "mended") is None
    settle("failed")
    assert first_all_failed(store, "mended") == "its first 5 trials all failed, the last with: no such luck"
    assert first_all_failed(store, "mended", known=1) is None
    settle("failed")
    assert first_all_failed(store, "mended", known=1) is not None
    settle("complete")
    assert first_all_failed(store, "mended", known=1) is None


def _is(trial: optuna.Trial, study: str) -> bool:
    return trial.study.study_name == study


def test_a_study_with_a_success_is_not_stopped_for_failures(store: Storage, make: Make) -> None:
    done: list[int] = []

    def objective(trial: optuna.Trial) -> float:
        value = toy.height(trial)
        done.append(trial.number)
        if len(done) == 3:
            return value
        raise ZeroDivisionError

    make("moody", 12)
    Worker(store, lambda beat: objective).run()
    assert (Slots(store).counts("moody").failed, studies.get(store, "moody").stopped_at) == (11, None)


def test_a_study_deleted_and_recreated_is_served_as_the_new_one(store: Storage, make: Make) -> None:
    make("again", 3)
    make("other", 1)
    seen: list[str] = []

    def objective(trial: optuna.Trial) -> float:
        if trial.study.study_name == "again" and not seen:
            seen.append("deleted")
            studies.delete(store, "again", force=True)
            make("again", 2)
        return toy.height(trial)

    worker = Worker(store, lambda beat: objective)
    assert worker.run() == "drained"
    assert toy.unsound(store.url, "again", trials=2) == []
    assert toy.unsound(store.url, "other", trials=1) == []


@pytest.mark.thorough
def test_more_studies_than_the_cache_holds_are_all_served(store: Storage, make: Make) -> None:
    names = [f"s{number}" for number in range(loaded_study._MOST + 2)]
    for name in names:
        make(name, 3, sampler="tpe")
    assert Worker(store).run() == "drained"
    for name in names:
        assert toy.unsound(store.url, name, trials=3) == []


@pytest.fixture
def blocked() -> Iterator[tuple[threading.Event, threading.Event, MakeObjective]]:
    began, go = threading.Event(), threading.Event()

    def objective(trial: optuna.Trial) -> float:
        value = toy.height(trial)
        began.set()
        go.wait(60)
        return value

    yield began, go, lambda beat: objective
    go.set()


def test_a_worker_to_be_replaced_finishes_its_trial_first(
    store: Storage, make: Make, blocked: tuple[threading.Event, threading.Event, MakeObjective]
) -> None:
    began, go, objective = blocked
    make("a", 3)
    worker = Worker(store, objective)
    ended: list[Ended] = []
    thread = threading.Thread(target=lambda: ended.append(worker.run()))
    thread.start()
    assert began.wait(60)
    worker.server.replace()
    go.set()
    thread.join(60)
    assert ended == ["recycled"]
    assert Slots(store).counts("a").complete == 1


def test_a_slot_out_of_memory_twice_fails_and_other_slots_go_on(store: Storage, make: Make) -> None:
    make("fat", 2, first=FIRST)
    slots = Slots(store, max_attempts=5)

    def objective(trial: optuna.Trial) -> float:
        value = toy.height(trial)
        if trial.params == FIRST[0]:
            raise MemoryError("no room")
        return value

    ends = [Worker(store, lambda beat: objective).run() for _ in range(3)]
    assert ends == ["recycled", "recycled", "drained"]
    first, second = slots.list("fat")
    assert (first.outcome, first.attempt) == ("failed", 2)
    assert first.reason == "out of memory twice, the last time: MemoryError: no room"
    assert second.outcome == "complete"
    assert toy.unsound(store.url, "fat", trials=2, failed=1) == []


def test_a_crash_between_two_out_of_memory_errors_is_counted_apart(store: Storage, make: Make) -> None:
    make("a", 1)
    slots = Slots(store, max_attempts=9)
    for worker, end in (
        ("w1", lambda: slots.out_of_memory("w1", "no room")),
        ("w2", lambda: slots.record_crash("w2", "its worker died")),
        ("w3", lambda: slots.out_of_memory("w3", "no room")),
    ):
        assert slots.claim("a", worker, 60)
        end()
        assert slots.counts("a").open == 1
    assert slots.claim("a", "w4", 60)
    assert slots.release_all("w4", "a test") == 1  # unblamed, and it stays known what the last one died of
    assert slots.claim("a", "w5", 60)
    slots.out_of_memory("w5", "no room")
    assert slots.counts("a").failed == 1
