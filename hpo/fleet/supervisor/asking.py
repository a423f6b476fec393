"""Trials that a program asks for and tells the values of, as Optuna's ask and tell, with slots behind them.

A worker's loop in a thread of its own claims the slot, makes the trial, holds its lease and settles it, as for any
objective. This objective hands the trial over to whoever asked, and waits to be told. For each trial that a program has
in hand at once there is such a loop; it takes its next slot when the next trial is asked for, and no sooner.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from hpo.errors import HpoError, StorageError, UsageError
from hpo.fleet.run_limits import Limits
from hpo.fleet.supervisor.worker_exit import dead_holders, free_abandoned
from hpo.fleet.worker.loaded_study import Beat, Objective
from hpo.fleet.worker.slot_sources import Source
from hpo.fleet.worker.work_loop import Server
from hpo.storage import Storage
from hpo.storage.slots.dispatch import Offer
from hpo.storage.slots.slot import LeaseLost, Outcome
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyRecord
from hpo.study.plain_objective import asked

if TYPE_CHECKING:
    import optuna

__all__ = ["Asking", "Failed", "Told"]


class Failed(Exception):  # noqa: N818 - an outcome
    """A program says that its trial failed, and why."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a program says came of its trial."""

    outcome: Outcome = "complete"
    value: float | Sequence[float] | None = None  # of one that is complete: its value, or one for each objective
    reason: str = ""  # one line
    error: BaseException | None = None  # of one that failed: what was raised


class Asking:
    """The trials of one study that this process has asked for."""

    def __init__(self, storage: Storage, record: StudyRecord, *, limits: Limits | None = None) -> None:
        """Of a study whose trials a program asks for.

        Args:
            storage: where it is.
            record: the study.
            limits: how long a lease is, and how often a slot is tried.

        Raises:
            StorageError: the database failed.

        """
        self._storage, self._record, self._limits = storage, record, limits or Limits()
        self._idle: list[_Loop] = []  # their threads wait to be asked
        self._in_hand: dict[int, _Loop] = {}  # by number of trial
        self._lock = threading.Lock()
        free_abandoned(storage, dead_holders(storage, record.name), max_attempts=self._limits.max_attempts)

    def ask(self) -> "optuna.Trial | None":
        """The next trial; None where no slot is open: all are settled, or in somebody's hand.

        Raises:
            StudyError: the study was deleted.
            StorageError: the database failed.

        """
        with self._lock:
            loop = self._idle.pop() if self._idle else None
        if loop is None:
            loop = _Loop(self._storage, self._record, self._limits)
        trial = loop.ask()
        with self._lock:
            if trial is None:
                self._idle.append(loop)
            else:
                self._in_hand[trial.number] = loop
        return trial

    def tell(self, number: int, told: Told) -> Outcome:
        """Settle a trial; what it counts as: a value that is no finite number makes it fail.

        Args:
            number: of the trial.
            told: what came of it.

        Raises:
            UsageError: this process has no such trial in hand.
            HpoError: its slot went to somebody else meanwhile, so nothing of it counts.
            StorageError: the database failed.

        """
        with self._lock:
            loop = self._in_hand.pop(number, None)
            mine = ", ".join(str(each) for each in sorted(self._in_hand))
        if loop is None:
            raise UsageError(
                f"trial {number} of study {self._record.name!r} was not asked for by this handle, or has been told: "
                f"in hand are {mine or 'none'}"
            )
        outcome = loop.tell(told)
        with self._lock:
            self._idle.append(loop)
        return outcome

    def close(self) -> None:
        """Give back what is in hand, as no attempt, and ask for nothing more."""
        with self._lock:
            loops = [*self._idle, *self._in_hand.values()]
            self._idle, self._in_hand = [], {}
        for loop in loops:
            loop.end()


class _Loop:
    """One worker, and the thread it is in. What it says to the program and what that says to it goes by two queues."""

    def __init__(self, storage: Storage, record: StudyRecord, limits: Limits) -> None:
        self._record = record
        self._orders: SimpleQueue[Told | None] = SimpleQueue()  # None: a trial is asked for
        self._answers: SimpleQueue[Any] = SimpleQueue()
        self._ended = False
        slots = Slots(storage.patient, max_attempts=limits.max_attempts)
        source = _OnDemand(storage, slots, study=record.name, look_every=0)
        source.wanted, source.answer = self._wanted, self._answers.put
        self._source = source
        self._server = Server(storage, record.name, self._objective, source=source, limits=limits)
        self._thread = threading.Thread(target=self._run, name=f"asked of {record.name}", daemon=True)
        self._thread.start()

    def ask(self) -> "optuna.Trial | None":
        self._orders.put(None)
        trial: optuna.Trial | None = self._answer()
        return trial

    def tell(self, told: Told) -> Outcome:
        self._orders.put(told)
        outcome: Outcome = self._answer()
        return outcome

    def end(self) -> None:
        """Give back what is in hand, and let the thread end."""
        self._ended = True
        with suppress(StorageError):  # its lease runs out
            self._server.stop("its program ended")
        self._orders.put(None)
        self._thread.join()

    def _answer(self) -> Any:
        answer = self._answers.get()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _run(self) -> None:
        try:
            self._server.run()
            self._answers.put(HpoError(f"study {self._record.name!r}: the trial's slot went to somebody else"))
        except BaseException as error:  # whoever asked or told hears of it
            self._answers.put(error)

    def _wanted(self) -> bool:
        """Wait until a trial is asked for; False where none will be."""
        self._orders.get()
        return not self._ended

    def _objective(self, beat: Beat) -> Objective:
        from hpo.search import OwnObjective

        return OwnObjective(replace(asked, function=self._hand_over), seed=self._record.seed, beat=beat)

    def _hand_over(self, trial: "optuna.Trial") -> float | Sequence[float] | None:
        from optuna import TrialPruned

        self._source.handed()
        self._answers.put(trial)
        told = self._orders.get()
        if told is None:
            raise LeaseLost("its program ended")
        if told.outcome == "pruned":
            raise TrialPruned(told.reason)
        if told.outcome == "failed":
            raise told.error or Failed(told.reason)
        return told.value


class _OnDemand(Source):
    """Offers the study's next slot once a trial is asked for, and says what came of that and of each trial."""

    wanted: Callable[[], bool]  # waits until one is asked for; False where the loop is to end
    answer: Callable[[Any], None]  # to whoever asked or told
    _asked = False  # whether somebody waits for a trial
    _told = False  # or for what came of one

    def offer(self) -> Offer | None:
        if self._told:  # it did not come to an outcome
            self._told = False
            self.answer(HpoError(f"the trial's slot of study {self._study!r} went to somebody else: it does not count"))
        if not self._asked:
            self._asked = self.wanted()
        return super().offer() if self._asked else None

    def wait(self, sleep: Callable[[float], object]) -> bool:  # noqa: ARG002 - as Source
        """Say that there is none; where others were faster with one, look for the next."""
        if self._asked and not self._found:
            self._asked = False
            self.answer(None)
        return True

    def handed(self) -> None:
        """A trial is in the program's hand."""
        self._asked, self._told = False, True

    def ended(self, offer: Offer, outcome: Outcome) -> None:  # noqa: ARG002 - as Source
        """Say what a trial came to."""
        self._told = False
        self.answer(outcome)
