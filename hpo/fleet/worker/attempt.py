"""One attempt at one slot: make its trial, run it, settle it, tell Optuna."""

import contextlib
import logging
import threading
import time
import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from hpo.errors import HpoError, HpoWarning, ReplacedError, StorageError
from hpo.fleet.run_limits import Limits
from hpo.fleet.worker.loaded_study import LoadedStudy
from hpo.fleet.worker.outcome import Result, is_ctrl_c, judge, keep_as_text
from hpo.fleet.worker.presence import Watcher
from hpo.messages import said
from hpo.optuna_internals import trial_id
from hpo.storage import Storage
from hpo.storage.slots import slot_trials
from hpo.storage.slots.promotion import promote
from hpo.storage.slots.recovery import recover
from hpo.storage.slots.slot import LeaseLost, Outcome, Slot
from hpo.storage.slots.slots import Slots

if TYPE_CHECKING:
    import optuna

__all__ = ["Attempt", "Ending", "WorkerContext"]

_log = logging.getLogger("hpo.worker")

Ending = Outcome | Literal["lost", "interrupted", "exhausted"]
"""What came of an attempt: the slot was settled so; it is somebody else's now; the database broke it off, unblamed;
memory ran out, so this process had better be replaced."""


@dataclass(frozen=True, kw_only=True)
class WorkerContext:
    """What all attempts of one worker share."""

    storage: Storage
    slots: Slots
    worker: str  # its name
    limits: Limits
    watcher: Watcher  # told after each step; knows what a trial prints

    @cached_property
    def patient(self) -> "WorkerContext":
        """The same for whoever waits for a database that is away."""
        storage = self.storage.patient
        return replace(self, storage=storage, slots=Slots(storage, max_attempts=self.limits.max_attempts))


class Attempt:
    """The slot a worker has in hand, from its claim to its end; it waits for a database that is away."""

    def __init__(self, context: WorkerContext, slot: Slot) -> None:
        self.slot = slot
        self.trial_id: int | None = None  # Optuna's id of its trial, once there is one
        self.trial_number: int | None = None  # Optuna's number of it, likewise
        self.error: StorageError | None = None  # what broke it off
        self._context, self._waiting = context, context.patient
        self._began = time.monotonic()
        self._lock = threading.Lock()  # several threads may find that the database will not have the result
        self._unsettled: tuple[optuna.Trial, Result] | None = None  # what the trial came to, until that is settled

    def run(self, loaded: LoadedStudy) -> Ending:
        """Run it to its end.

        Raises:
            HpoError: no trial of this study can run here now; the slot was given back.
            KeyboardInterrupt: a person's Ctrl-C; the slot was given back.

        """
        slot, context = self.slot, self._context
        with context.storage.holdings.slot(slot.study, slot.study_id, slot.id, slot.attempt, context.worker):
            return self._run(loaded)

    def _run(self, loaded: LoadedStudy) -> Ending:
        slot, context = self.slot, self._waiting
        try:
            context.watcher.step("claimed", slot)
            trial = slot_trials.create(context.storage, loaded.study(slot), slot)
            self.trial_id, self.trial_number = trial_id(trial), trial.number
            context.storage.holdings.trial(self.trial_id)
            context.slots.attach(slot, trial.number)
            context.watcher.step("created", slot)
            self._say("claimed", trial=trial.number)
            context.watcher.begun(slot.study, trial.number)
            result = judge(context.storage, loaded.objective, trial)
        except LeaseLost:
            return self._drop()
        except StorageError as error:
            return self._interrupt(error)
        except HpoError as error:  # no trial can run
            self.release(said(error), wait=True)
            raise
        except KeyboardInterrupt:  # none shall
            if is_ctrl_c():
                self.release("its worker was stopped")
            raise
        context.watcher.step("trained", slot)
        self._unsettled = trial, result
        try:
            return self._close(trial, result)
        except StorageError as error:
            self._keep_as_text(error)
            if isinstance(error, ReplacedError):
                return self._interrupt(error)
            raise

    def _close(self, trial: "optuna.Trial", result: Result) -> Ending:
        slot, context = self.slot, self._waiting
        self._keep_output(context.slots)
        if result.outcome == "exhausted":
            # As if the process had died, which it had better do before it takes another slot.
            context.slots.out_of_memory(context.worker, result.reason or "", result.traceback)
            recover(context.storage, slot.study, max_attempts=context.limits.max_attempts)
            self._say("out of memory", trial=trial.number, reason=result.reason)
            return "exhausted"
        return self._settle(trial, result, result.outcome)

    def _settle(self, trial: "optuna.Trial", result: Result, outcome: Outcome) -> Ending:
        context, slot = self._waiting, self.slot
        won = context.slots.settle(
            slot,
            outcome,
            result.value,
            result.reason,
            traceback=result.traceback,
            params=trial.params,
            trial_number=trial.number,
            further=result.further,
        )
        self._unsettled = None
        context.watcher.step("settled", slot)
        value, further = result.value, result.further
        if not won:
            # Lost to somebody else; or settled by a call whose answer was lost. The slot says which.
            there = self._settled(context)
            if there is None or there.outcome is None:
                return self._drop()
            outcome, value, further = there.outcome, there.value, there.further
        if promote(context.storage, slot.study):
            context.watcher.step("promoted", slot)
        if outcome == "failed" and result.reason:
            self._note(trial, result.reason)
        slot_trials.tell(context.storage, trial_id(trial), outcome, value, further, highest=slot.highest)
        context.watcher.step("told", slot)
        self._say("settled", trial=trial.number, outcome=outcome, value=value, reason=result.reason)
        return outcome

    def reserve(self, trial_id: int, digest: str) -> bool:
        """The sampler's question whether a configuration is free for the trial it draws for. Raises LeaseLost."""
        self.trial_id = trial_id
        return self._waiting.slots.reserve(self.slot, digest)

    def release(self, reason: str, *, blamed: bool = False, wait: bool = False) -> None:
        """Give the slot back and fail its trial; from any thread.

        Args:
            reason: why, in one line.
            blamed: whether it counts as an attempt that failed: hpo did not ask for its end.
            wait: for a database that is away.

        Raises:
            StorageError: the database failed.

        """
        context = self._waiting if wait else self._context
        try:
            self._keep_output(context.slots)
            (context.slots.record_crash if blamed else context.slots.release_all)(context.worker, reason)
        except StorageError as error:
            self._keep_as_text(error)
            raise
        self._fail(reason, context)
        self._say("ended before its time" if blamed else "gave back", reason=reason)

    def _keep_output(self, slots: Slots) -> None:
        """Keep the end of what the trial printed, while the slot is still ours; most print nothing."""
        output = self._context.watcher.printed()
        if output:
            slots.keep_output(self.slot, self._context.storage.where.hide(output))

    def _keep_as_text(self, error: StorageError) -> None:
        """Write down a result that the database will not have, where there is one, and say where."""
        with self._lock:
            unsettled, self._unsettled = self._unsettled, None
        if unsettled is None or unsettled[1].outcome == "exhausted":
            return
        trial, result = unsettled
        file = keep_as_text(self._context.storage.where, self.slot, trial, result, why=str(error))
        value = "" if result.value is None else f" {result.value:.6g}"
        warnings.warn(
            f"{error}; what trial {trial.number} of study {self.slot.study!r} came to ({result.outcome}{value}) is "
            f"{'lost, as no file could be written' if file is None else f'in {file}'}",
            HpoWarning,
            stacklevel=2,
        )

    def _note(self, trial: "optuna.Trial", reason: str) -> None:
        """Say in Optuna's own record why a trial failed, for whoever looks there; the slot says it for good."""
        from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError

        with contextlib.suppress(StorageInternalError, UpdateFinishedTrialError, StorageError):
            trial.set_user_attr("reason", reason)

    def _drop(self) -> Ending:
        """Fail the trial of a slot that is no longer ours."""
        self._fail(f"attempt {self.slot.attempt} lost its slot", self._waiting)
        self._say("lost the slot, so its trial is dropped", reason="taken back, deleted, or overdue")
        return "lost"

    def _interrupt(self, error: StorageError) -> Ending:
        """The database broke a trial off, which is not the trial's fault."""
        self.error = error
        if isinstance(error, ReplacedError):  # in the one there now the ids of slot and trial may mean others
            self._say("its trial is dropped", reason=str(error))
        else:
            self.release(str(error), wait=True)
        return "interrupted"

    def _settled(self, context: WorkerContext) -> Slot | None:
        """The slot as this attempt settled it; None where it did not."""
        there = context.slots.by_id([self.slot.id]).get(self.slot.id)
        ours = there is not None and (there.attempt, there.worker) == (self.slot.attempt, self.slot.worker)
        return there if there is not None and ours and there.outcome is not None else None

    def _fail(self, reason: str, context: WorkerContext) -> None:
        """Fail the trial; but one that counts is told as its slot says, as the thread that settled it is yet to tell.

        Args:
            reason: why, in one line.
            context: with the storage, which waits or not.

        """
        if self.trial_id is None:
            return
        there = self._settled(context)
        if there is None or there.outcome in (None, "failed"):
            slot_trials.fail(context.storage, self.trial_id, self.slot.id, self.slot.attempt, reason)
        else:
            slot_trials.tell(
                context.storage, self.trial_id, there.outcome, there.value, there.further, highest=there.highest
            )

    def _say(self, event: str, **about: object) -> None:
        seconds = round(time.monotonic() - self._began, 3)
        names = {"study": self.slot.study, "slot": self.slot.position, "worker": self._context.worker}
        _log.info(event, extra={**names, "seconds": seconds, **about})
