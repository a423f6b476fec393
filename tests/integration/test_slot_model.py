"""The protocol against a model: anything may happen between any two steps, and the budget still comes out exact."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import optuna
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from invariants import check_budget
from optuna.exceptions import UpdateFinishedTrialError

from hpo import storage
from hpo.storage import Storage, studies
from hpo.storage.slots import recovery, slot_trials
from hpo.storage.slots.slot import LeaseLost, Outcome, Slot
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan

LEASE, ATTEMPTS = 60.0, 3
_names = itertools.count()


class Worker:
    """One process: its steps are the real worker's, and between any two of them it may stop for a while or for ever."""

    def __init__(self, machine: "Protocol", store: Storage, study: optuna.Study) -> None:
        self.machine, self.store, self.study = machine, store, study
        self.name = f"worker {next(_names)}"
        self.steps: Iterator[None] = iter(())
        self.slot: Slot | None = None  # what it holds or believes to hold

    def step(self) -> bool:
        """Do the next step; False where there was nothing to claim."""
        for _ in self.steps:
            return True
        self.steps = self._trial()
        return next(self.steps, "nothing") is None

    def _trial(self) -> Iterator[None]:
        slots, name = self.machine.slots(self.store), self.machine.study
        self.slot = slot = slots.claim(name, self.name, LEASE)
        if slot is None:
            return
        yield
        trial = slot_trials.create(self.store, self.study, slot)
        yield
        try:
            yield from self._objective(slots, slot, trial)
            outcome, value = self._outcome(slot, trial.params["x"])
        except (LeaseLost, UpdateFinishedTrialError):
            # Somebody has failed its trial, and the objective stumbles over that. Its slot must be gone, too.
            outcome, value = "failed", None
            held = slots.by_id([slot.id])[slot.id]
            assert (held.attempt, held.state) != (slot.attempt, "leased")
        yield
        if slot.position % 5:
            slots.renew(slot, LEASE)
        won = slots.settle(slot, outcome, value, trial_number=trial.number)
        self.slot = None
        yield
        if won:
            assert slot_trials.tell(self.store, trial._trial_id, outcome, value)
        else:
            slot_trials.fail(self.store, trial._trial_id, slot.id, slot.attempt, "lost its lease")

    def _objective(self, slots: Slots, slot: Slot, trial: optuna.Trial) -> Iterator[None]:
        x = trial.suggest_float("x", 0, 1)
        yield
        assert slots.reserve(slot, f"{x}", params=trial.params, trial_number=trial.number)
        self.machine.reserved(slot, trial.params)
        yield
        trial.report(x, 1)
        self.store.rdb.set_trial_system_attr(trial._trial_id, "completed_rung_0", x)

    @staticmethod
    def _outcome(slot: Slot, x: float) -> tuple[Outcome, float | None]:
        # Another attempt may well end otherwise: only the first end may count.
        number = (slot.position + slot.attempt) % 4
        return [("complete", x), ("pruned", x), ("complete", x), ("failed", None)][number]  # type: ignore[return-value]


class Protocol(RuleBasedStateMachine):
    """Three workers, a supervisor, sweeps, and a clock."""

    stores: tuple[Storage, Storage]  # as of two processes, each with caches of its own
    plan: StudyPlan

    @initialize(total=st.integers(1, 5), first=st.booleans())
    def begin(self, total: int, first: bool) -> None:
        self.now, self.total = 0.0, total
        self.study = f"study {next(_names)}"
        self.params: dict[int, Any] = {}  # slot id -> the configuration it was first reserved for
        self.settled: dict[int, Slot] = {}
        studies.create_or_resume(self.stores[0], replace(self.plan, name=self.study))
        self.slots(self.stores[0]).open(self.study, total, first=[{"x": 0.5}] if first else ())
        self.workers = [self._hire(number) for number in range(3)]

    def slots(self, store: Storage) -> Slots:
        return Slots(store, max_attempts=ATTEMPTS, clock=lambda: self.now)

    def reserved(self, slot: Slot, params: Any) -> None:
        assert self.params.setdefault(slot.id, dict(params)) == params

    def _hire(self, number: int) -> Worker:
        store = self.stores[number % 2]
        sampler = optuna.samplers.RandomSampler()
        return Worker(self, store, studies.load(store, self.study, sampler=sampler))

    @rule(number=st.integers(0, 2), steps=st.integers(1, 7))
    def work(self, number: int, steps: int) -> None:
        for _ in range(steps):
            self.workers[number].step()

    @rule(number=st.integers(0, 2))
    def crash_unseen(self, number: int) -> None:
        self.workers[number] = self._hire(number)

    @rule(number=st.integers(0, 2))
    def crash_seen_by_the_supervisor(self, number: int) -> None:
        self.slots(self.stores[1]).record_crash(self.workers[number].name, "killed by signal 9")
        self.workers[number] = self._hire(number)

    @rule(number=st.integers(0, 2))
    def crash_missed_then_the_dead_is_given_up_while_it_lives(self, number: int) -> None:
        # A supervisor that is wrong: the worker goes on, and must lose.
        self.slots(self.stores[1]).record_crash(self.workers[number].name, "taken for dead")

    @rule(number=st.integers(0, 2))
    def interrupt(self, number: int) -> None:
        worker = self.workers[number]
        if worker.slot is not None:
            self.slots(worker.store).release(worker.slot, "interrupted")
        self.workers[number] = self._hire(number)

    @rule(seconds=st.sampled_from([LEASE / 2, LEASE, 10 * LEASE]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(number=st.integers(0, 1))
    def sweep(self, number: int) -> None:
        recovery.recover(self.stores[number], self.study, max_attempts=ATTEMPTS)

    @precondition(lambda self: self.total < 7)
    @rule()
    def raise_the_budget(self) -> None:
        self.total += 1
        self.slots(self.stores[1]).open(self.study, self.total)

    @invariant()
    def what_is_settled_stays_and_the_budget_is_exact(self) -> None:
        if not hasattr(self, "study"):
            return
        listed = self.slots(self.stores[0]).list(self.study)
        assert [slot.position for slot in listed] == list(range(self.total))
        for slot in listed:
            if slot.state == "settled":
                assert self.settled.setdefault(slot.id, slot) == slot

    def teardown(self) -> None:
        if not hasattr(self, "study"):
            return
        for _ in range(200):  # everyone stopped wakes, and one goes on until nothing is open
            self.now += LEASE / 10
            busy = sum(worker.step() for worker in self.workers)
            if not busy and self._done():
                break
        assert self._done()
        recovery.recover(self.stores[0], self.study, max_attempts=ATTEMPTS)
        check_budget(self.stores[1], self.study, self.total)

    def _done(self) -> bool:
        counts = self.slots(self.stores[0]).counts(self.study)
        return counts.settled == counts.target


@pytest.mark.thorough
def test_the_budget_is_exact_whatever_happens_between_two_steps(tmp_path: Path, plan: StudyPlan) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    first = storage.prepare(str(tmp_path / "model.db"))
    second = storage.open(first.url)
    machine = type("Machine", (Protocol,), {"stores": (first, second), "plan": plan})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate],  # each example takes too long to be made smaller
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
    first.close()
    second.close()


CRASHES = ["claim", "create", "suggest", "reserve", "train", "settle", "tell"]


@pytest.mark.parametrize("steps", range(1, len(CRASHES) + 1), ids=[f"after {name}" for name in CRASHES])
@pytest.mark.parametrize("seen", [True, False], ids=["seen", "unseen"])
def test_the_budget_is_exact_after_a_crash_between_any_two_steps(
    store: Storage, plan: StudyPlan, steps: int, seen: bool
) -> None:
    """The same on every database, one crash at a time."""
    machine = Protocol()
    machine.stores, machine.plan = (store, store), plan
    machine.begin(total=2, first=True)
    crashed = machine.workers[0]
    for _ in range(steps):
        crashed.step()
    if seen:
        machine.slots(store).record_crash(crashed.name, "killed by signal 9")
    machine.workers[0] = machine._hire(0)
    machine.now += LEASE
    machine.teardown()
