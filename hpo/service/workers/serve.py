"""The worker's loop: take a slot, make its trial, run it, settle it, tell Optuna; until nothing is left."""

import contextlib
import importlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hpo.errors import DefinitionError, StorageError, StudyError
from hpo.service import studies
from hpo.service.hosts.liveness import identity
from hpo.service.hosts.memory import resident_bytes
from hpo.service.storage import Storage
from hpo.service.storage.patience import patiently
from hpo.service.studies import trials
from hpo.service.studies.recovery import recover
from hpo.service.studies.slot import LeaseLost, Outcome, Slot
from hpo.service.studies.slots import Slots
from hpo.service.workers.lease import Renewer
from hpo.service.workers.outcome import Result, judge
from hpo.settings import STALL_SECONDS

if TYPE_CHECKING:
    import optuna

    from hpo.search import Measuring
    from hpo.search import Objective as SearchObjective

__all__ = ["Beat", "Drained", "MakeObjective", "Objective", "Server", "Step", "Terms", "serve"]

Beat = Callable[[], None]
Objective = Callable[["optuna.Trial"], float]
MakeObjective = Callable[[Beat], Objective]
"""Makes the objective, given what it calls once in a while as a sign of life."""

Step = Literal["claimed", "created", "trained", "settled", "told", "free"]
"""What has just been done with a slot; "free" always comes last, whatever became of it."""

Drained = Literal["drained", "recycle", "stopped"]
"""Why a server ended: all slots are settled, its process ought to be replaced, or it was told to."""

_LONGEST_WAIT = 2.0  # seconds between looks at a study of which others hold all that is left
_AWAY = 5  # trials in a row that the database interrupts before the worker gives up


@dataclass(frozen=True, kw_only=True)
class Terms:
    """On what terms a worker takes slots."""

    lease_seconds: float = 60.0  # a worker that vanished unseen loses its slot after this
    stall_seconds: float = STALL_SECONDS  # without a beat the lease is no longer renewed
    max_attempts: int = 3  # crashes a slot may see before it settles as failed
    memory_limit: int | None = None  # resident bytes past which the process ought to be replaced; None: no limit


def serve(
    storage: Storage,
    study: str,
    make_objective: MakeObjective | None = None,
    *,
    worker: str | None = None,
    terms: Terms | None = None,
    on_step: Callable[[Step, Slot], None] | None = None,
) -> Drained:
    """Run the study's open slots in this process until all slots are settled, here or elsewhere.

    Args:
        storage: where the study is.
        study: its name.
        make_objective: what to run; None: the objective of the study's definition.
        worker: who this is, unique among all workers there ever were; None: this process.
        terms: of the leases.
        on_step: called after each step; its exceptions end the loop.

    Raises:
        HpoError: the run cannot go on: the definition or its data cannot be loaded, the database failed for good.

    """
    return Server(storage, study, make_objective, worker=worker, terms=terms, on_step=on_step).run()


class Server:
    """One worker at work; `serve` for whoever need not stop it from another thread."""

    def __init__(
        self,
        storage: Storage,
        study: str,
        make_objective: MakeObjective | None = None,
        *,
        worker: str | None = None,
        terms: Terms | None = None,
        on_step: Callable[[Step, Slot], None] | None = None,
        on_beat: Beat | None = None,
    ) -> None:
        self._storage = storage
        self._name = study
        self._make_objective = make_objective
        self._worker = worker or f"{identity()}:{time.monotonic_ns()}"
        self._terms = terms or Terms()
        self._on_step = on_step or _nothing
        self._on_beat = on_beat or _nothing
        self._slots = Slots(storage, max_attempts=self._terms.max_attempts)
        self._stopped = threading.Event()
        self._unsure = False  # whether a claim may have been made whose answer was lost
        self._slot: Slot | None = None  # the one in hand
        self._trial_id: int | None = None  # Optuna's id of its trial
        self._interrupted = 0  # trials in a row that the database broke off

    def run(self) -> Drained:
        """As `serve`."""
        patiently(lambda: recover(self._storage, self._name, max_attempts=self._terms.max_attempts))
        if not self._await_work():
            return "stopped" if self._stopped.is_set() else "drained"
        self._record = patiently(lambda: studies.get(self._storage, self._name))
        self._study: optuna.Study | None = None
        renew = lambda slot: self._slots.renew(slot, self._terms.lease_seconds)  # noqa: E731
        lease = Renewer(renew, every=self._terms.lease_seconds / 3, stall=self._terms.stall_seconds)
        self._lease = lease
        objective = self._objective()
        with lease:
            while not self._stopped.is_set():
                slot = patiently(self._claim)
                if slot is None:
                    if self._await_work():
                        continue
                    break
                self._slot = slot
                try:
                    with lease.holding(slot):
                        healthy = self._work(slot, objective)
                finally:
                    self._slot = self._trial_id = None
                    self._on_step("free", slot)
                limit = self._terms.memory_limit
                if not healthy or (limit is not None and resident_bytes() > limit):
                    return "recycle"
        return "stopped" if self._stopped.is_set() else "drained"

    def stop(self, reason: str) -> None:
        """Give back what is in hand, unblamed, and claim nothing more; from any thread, however busy the loop is."""
        self._stopped.set()
        slot, trial_id = self._slot, self._trial_id
        self._slots.hand_back_all(self._worker)
        if slot is not None and trial_id is not None:
            trials.fail(self._storage, trial_id, slot.id, slot.attempt, reason)

    def _objective(self) -> Objective:
        if self._make_objective is not None:
            return self._make_objective(self._beat)
        return _of_definition(self._record, self._beat)

    def _beat(self) -> None:
        self._lease.beat()
        self._on_beat()

    def _claim(self) -> Slot | None:
        if self._unsure:
            self._slots.hand_back_all(self._worker)
        self._unsure = True
        slot = self._slots.claim(self._name, self._worker, self._terms.lease_seconds)
        self._unsure = False
        return slot

    def _await_work(self) -> bool:
        """Wait until a slot can be claimed; False where all are settled, or on `stop`."""
        pause = 0.1
        while not self._stopped.is_set():
            counts = patiently(lambda: self._slots.counts(self._name))
            if counts.open:
                return True
            if counts.settled == counts.target:
                return False
            self._stopped.wait(pause)
            pause = min(_LONGEST_WAIT, 2 * pause)
        return False

    def _work(self, slot: Slot, objective: Objective) -> bool:
        """One slot from claim to tell; False where this process had better be replaced."""
        try:
            self._on_step("claimed", slot)
            trial = patiently(lambda: trials.create(self._storage, self._optuna(slot), slot))
            self._trial_id = trial._trial_id
            patiently(lambda: self._slots.attach(slot, trial.number))
            self._on_step("created", slot)
            result = judge(self._storage, objective, trial)
        except LeaseLost:
            self._drop(slot)
            return True
        except StorageError as error:
            self._interrupt(slot, error)
            return True
        except BaseException:  # HpoError: the run cannot go on; KeyboardInterrupt: nor shall it
            self.stop("its worker was stopped")
            raise
        self._on_step("trained", slot)
        self._interrupted = 0
        if result.outcome == "crashed":
            # As if the process had died, which it had better do before it takes another slot.
            patiently(lambda: self._slots.give_up(self._worker, result.reason or "", result.traceback))
            patiently(lambda: recover(self._storage, self._name, max_attempts=self._terms.max_attempts))
            return False
        self._finish(slot, trial, result)
        return True

    def _finish(self, slot: Slot, trial: "optuna.Trial", result: Result) -> None:
        assert result.outcome != "crashed"
        outcome: Outcome = result.outcome
        won = patiently(
            lambda: self._slots.settle(
                slot,
                outcome,
                result.value,
                result.reason,
                traceback=result.traceback,
                params=trial.params,
                trial_number=trial.number,
            )
        )
        self._on_step("settled", slot)
        value = result.value
        if not won:
            # Lost to somebody else; or settled by a try whose answer was lost. The slot knows.
            there = patiently(lambda: self._slots.by_id([slot.id])).get(slot.id)
            same = there is not None and (there.attempt, there.worker) == (slot.attempt, slot.worker)
            if there is None or not same or there.outcome is None:
                self._drop(slot)
                return
            outcome, value = there.outcome, there.value
        if outcome == "failed" and result.reason:
            self._note(trial, result.reason)
        patiently(lambda: trials.tell(self._storage, trial._trial_id, outcome, value))
        self._on_step("told", slot)

    def _note(self, trial: "optuna.Trial", reason: str) -> None:
        """Say in Optuna's own record why a trial failed, for whoever looks there; the slot says it for good."""
        from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError

        with contextlib.suppress(StorageInternalError, UpdateFinishedTrialError):
            trial.set_user_attr("reason", reason)

    def _drop(self, slot: Slot) -> None:
        """Fail the trial of a slot that is no longer ours."""
        self._fail(slot, f"attempt {slot.attempt} lost its slot to somebody else")

    def _interrupt(self, slot: Slot, error: StorageError) -> None:
        """The database broke a trial off, which is not the trial's fault. Raises StorageError where it is not over."""
        patiently(lambda: self._slots.hand_back(slot))
        self._fail(slot, str(error))
        self._interrupted += 1
        if self._interrupted >= _AWAY:
            raise error

    def _fail(self, slot: Slot, reason: str) -> None:
        trial_id = self._trial_id
        if trial_id is not None:
            patiently(lambda: trials.fail(self._storage, trial_id, slot.id, slot.attempt, reason))

    def _optuna(self, slot: Slot) -> "optuna.Study":
        """Optuna's study with this worker's sampler and pruner."""
        if self._study is None:
            record = self._record
            sampler, pruner = self._search(slot) if record.kind == "search" else _nothing_to_search()
            self._study = studies.load(self._storage, self._name, sampler=sampler, pruner=pruner)
            if self._storage.incarnations[self._name] != record.incarnation:
                raise StudyError(f"study {self._name!r} was deleted and made anew meanwhile: run the command again")
        return self._study

    def _search(self, slot: Slot) -> "tuple[optuna.samplers.BaseSampler, optuna.pruners.BasePruner]":
        from hpo.search import make_pruner, make_sampler
        from hpo.study import registry

        record = self._record
        definition = registry.load(record.reference)
        space = definition.space(record.space)
        # Named after the first slot it takes, so that workers differ, a restarted one differs from what it was,
        # and the search of a single worker comes out the same each time.
        worker = f"{slot.position}:{slot.attempt}"
        sampler = make_sampler(record.sampler, space=space, seed=record.seed, worker=worker, claim=self._reserve)
        return sampler, make_pruner(record.pruner, definition=definition, fidelity=record.fidelity)

    def _reserve(self, trial_id: int, digest: str) -> bool:
        """The sampler's question whether a configuration is free for the trial it draws for."""
        slot = self._slot
        if slot is None:
            return True
        self._trial_id = trial_id
        return patiently(lambda: self._slots.reserve(slot, digest))


def _nothing(*_: object) -> None:
    """The hook of whoever has none."""


def _nothing_to_search() -> "tuple[optuna.samplers.BaseSampler, optuna.pruners.BasePruner]":
    """For a measurement, whose jobs say their whole configurations: nothing is drawn, nothing pruned."""
    from optuna.pruners import NopPruner
    from optuna.samplers import RandomSampler

    return RandomSampler(), NopPruner()


def _of_definition(record: studies.StudyRecord, beat: Beat) -> Objective:
    """What the study does with its definition, with TensorFlow and the data: a worker without them takes no slot.

    Raises:
        DefinitionError: the definition cannot be loaded, or TensorFlow cannot.
        DataError: the data cannot be had.

    """
    from hpo.search import measuring, objective

    made: Measuring | SearchObjective
    if record.kind == "search":
        made = objective(record.reference, space=record.space, fidelity=record.fidelity, seed=record.seed, beat=beat)
    else:
        made = measuring(record.reference, space=record.space, fidelity=record.fidelity, beat=beat)
    try:
        importlib.import_module("keras")
    except ImportError as error:
        raise DefinitionError(f"training needs TensorFlow: pip install 'hpo-service[cpu]' ({error})") from error
    made.prepare()
    return made
