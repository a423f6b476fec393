"""How far each rung is stands in a table that the database keeps: it equals a recount, whatever became of the slots."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import optuna
import pytest
from climbing import open_rungs
from hypothesis import HealthCheck, given, settings
from slot_tools import Clock
from sqlalchemy import event, select, text

from hpo.storage import Storage, schema, studies
from hpo.storage.slots.promotion import promote
from hpo.storage.slots.recovery import recover
from hpo.storage.slots.slot import Slot
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan, adoption
from hpo.storage.studies.foreign_study import read_foreign

OPERATIONS = ["claim", "claim", "settle", "settle", "settle", "release", "crash", "late", "recover", "promote", "grow"]


def kept(store: Storage, study_id: int) -> dict[int, tuple[int, int, int]]:
    rung = schema.rungs.c
    with store.read() as connection:
        rows = connection.execute(select(schema.rungs).where(rung.study_id == study_id)).all()
    return {row.rung: (row.slots, row.settled, row.waiting) for row in rows}


def recounted(slots: Sequence[Slot]) -> dict[int, tuple[int, int, int]]:
    states = Counter((slot.rung, slot.state) for slot in slots)
    return {
        rung: (
            sum(slot.rung == rung for slot in slots),
            states[rung, "settled"],
            states[rung, "waiting"],
        )
        for rung in {slot.rung for slot in slots}
    }


class Course:
    """What may become of the slots of a study, one thing after another."""

    def __init__(self, store: Storage, study: str, draw: Callable[[Sequence[str]], str]) -> None:
        self._store, self._study, self._draw = store, study, draw
        self._clock = Clock()
        self.slots = Slots(store, clock=self._clock, max_attempts=2)
        self._held: list[Slot] = []

    def claim(self) -> None:
        slot = self.slots.claim(self._study, "w", 60)
        self._held += [slot] if slot is not None else []

    def settle(self) -> None:
        if not self._held:
            return
        slot = self._held.pop()
        if slot.digest is None:
            self.slots.reserve(slot, f"{slot.rung}.{slot.position}")
        self.slots.settle(slot, self._draw(["complete", "pruned"]), 0.5, params=slot.fixed)  # type: ignore[arg-type]

    def release(self) -> None:
        if self._held:
            self.slots.release(self._held.pop(), "a test")

    def crash(self) -> None:
        self.slots.record_crash("w", "a test")
        self._held.clear()

    def late(self) -> None:
        self._clock.now += 100  # so that leases run out

    def recover(self) -> None:
        recover(self._store, self._study, max_attempts=2)

    def promote(self) -> None:
        promote(self._store, self._study)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data(), trials=st.integers(1, 12), prior=st.booleans(), middle=st.booleans())
def test_what_is_counted_equals_a_recount(
    store: Storage, plan: StudyPlan, data: st.DataObject, trials: int, prior: bool, middle: bool
) -> None:
    rungs = "quick,middle,full" if middle else "quick,full"
    study = studies.create_or_resume(store, replace(plan, direction="minimize", fidelity="full", rungs=rungs))
    course = Course(store, study.name, lambda words: data.draw(st.sampled_from(words)))
    try:
        open_rungs(store, study.name, trials, prior=prior, middle=middle)
        for operation in data.draw(st.lists(st.sampled_from(OPERATIONS), max_size=25)):
            if operation == "grow":
                trials += 3
                open_rungs(store, study.name, trials, prior=prior, middle=middle)
            else:
                getattr(course, operation)()
            assert kept(store, study.id) == recounted(course.slots.list(study.name))
    finally:
        studies.delete(store, study.name, force=True)
    assert kept(store, study.id) == {}


def test_an_adopted_study_is_counted(store: Storage, tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path / 'theirs.db'}"
    theirs = optuna.create_study(storage=url, study_name="theirs")
    theirs.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=4)
    theirs.enqueue_trial({"x": 0.5})
    adopted = adoption.adopt(store, read_foreign(url, "theirs"), name="adopted")
    try:
        assert kept(store, adopted.record.id) == {0: (5, 4, 0)} == recounted(Slots(store).list("adopted"))
    finally:
        studies.delete(store, "adopted", force=True)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_a_promotion_reads_no_rung_through(sqlite_store: Storage, plan: StudyPlan, direction: str) -> None:
    """PostgreSQL chooses how to read by how much there is."""
    store = sqlite_store
    study = studies.create_or_resume(store, replace(plan, direction=direction, fidelity="full", rungs="quick,full"))
    open_rungs(store, study.name, 30)
    slots = Slots(store)
    said: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        said.append((statement, parameters))

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        while (slot := slots.claim(study.name, "w", 60)) is not None:
            if slot.digest is None:
                slots.reserve(slot, f"{slot.position}")
            slots.settle(slot, "complete", slot.position / 100, params=slot.fixed)
            said.append(("promote", None))
            promote(store, study.name)
            said.append(("promoted", None))
    finally:
        event.remove(store.engine, "before_cursor_execute", note)
    begun, plans = False, set()
    with store.engine.connect() as connection:
        for statement, parameters in said:
            if statement in ("promote", "promoted"):
                begun = statement == "promote"
            elif begun and statement.startswith(("SELECT", "UPDATE")):
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plans |= {row[-1] for row in rows}
    assert any("hpo_slot_candidate" in each for each in plans)
    assert not [each for each in plans if each.startswith("SCAN hpo_slot")]
    # Only what is equal in value is put in order.
    assert not [each for each in plans if "B-TREE" in each and "LAST TERM" not in each and "RIGHT PART" not in each]


def test_a_mark_that_is_missing_promotes_nothing_twice(store: Storage, plan: StudyPlan) -> None:
    study = studies.create_or_resume(store, replace(plan, direction="minimize", fidelity="full", rungs="quick,full"))
    open_rungs(store, study.name, 8, prior=False)
    slots = Slots(store)
    while (slot := slots.claim(study.name, "w", 60)) is not None:
        if slot.digest is None:
            slots.reserve(slot, f"{slot.position}")
        slots.settle(slot, "complete", slot.position / 100, params=slot.fixed)
        promote(store, study.name)
        with store.write() as connection:
            connection.execute(text("UPDATE hpo_slot SET promoted_at = NULL"))
    top = [slot.digest for slot in slots.list(study.name) if slot.rung == 1]
    assert len(set(top)) == len(top)
