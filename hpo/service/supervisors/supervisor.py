"""The parent of a run on one study: keeps its workers going until the study is settled. It trains nothing."""

import contextlib
import signal
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

from hpo.errors import HpoError, HpoWarning, StorageError, StudyError, UsageError
from hpo.service import studies
from hpo.service.slots.recovery import recover
from hpo.service.slots.slots import Slots
from hpo.service.storage import Storage
from hpo.service.storage.patience import PATIENCE, patiently
from hpo.service.studies import StudyRecord
from hpo.service.studies.hopeless import HOPELESS
from hpo.service.supervisors.abandoned import free_abandoned
from hpo.service.supervisors.aftermath import forget, settle_accounts
from hpo.service.supervisors.child import environment
from hpo.service.supervisors.crew import Crew, Gone
from hpo.service.supervisors.stops import Stops
from hpo.service.supervisors.words import Words
from hpo.service.views.progress import Ended, Progress, snapshot
from hpo.service.views.trial_report import failure
from hpo.service.workers.order import WorkOrder
from hpo.settings import STALL_SECONDS
from hpo.study.direction import at_least

__all__ = ["Limits", "Supervisor"]

_TICK = 0.1  # seconds between looks at the workers
_LOOK = 0.4  # seconds between looks at the database, or ten times what a look takes
_GRACE = 8.0  # seconds workers get to give back what they have in hand
_LAST_WORDS = 15.0  # seconds a worker gets to tell its last result once all is settled
_BURY_EVERY = 5.0  # seconds
_FRUITLESS = 4  # deaths in a row of workers that took no trial, after which the run ends if none that did is left
_FRUITLESS_KILLED = 20  # the same where something killed them, which may be no fault of theirs


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When a run ends before all is settled, and when a trial does."""

    timeout: float | None = None  # seconds of the run
    trial_timeout: float | None = None  # seconds of a trial; None: as the study has it
    stall_seconds: float = STALL_SECONDS  # seconds without a sign of life from a worker at work
    until: float | None = None  # value; None: as the study has it


class Supervisor:
    """One run: `workers` processes on one study until it is settled, or a limit, a signal or an error ends it."""

    def __init__(
        self,
        storage: Storage,
        record: StudyRecord,
        order: WorkOrder,
        *,
        workers: int,
        limits: Limits,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self._storage = storage
        self._record = record
        self._order = order
        self._limits = limits
        self._on_progress = on_progress
        self._slots = Slots(storage, max_attempts=order.max_attempts)
        self._crew = Crew(
            workers,
            order,
            environment(order.threads),
            stall_seconds=limits.stall_seconds,
            trial_timeout=limits.trial_timeout,
            on_word=Words(lambda note, _: warnings.warn(note, HpoWarning, stacklevel=2)).hear,
        )
        self._stops = Stops()
        self._began = time.monotonic()
        self._buried = self._began
        self._looked = float("-inf")
        self._look_every = _LOOK
        self._away_since: float | None = None  # since when the database has not answered
        self._first: Progress | None = None
        self._now: Progress | None = None
        self._ended: Ended | None = None
        self._stopped = False  # whether the study is: its workers end by themselves, and no new ones begin

    def run(self) -> Progress:
        """Run until something ends it.

        Raises:
            HpoError: a worker could not go on, in its own words; nothing is lost, and nothing is left running.

        """
        with self._stops:
            try:
                self._ended = self._loop()
            except StorageError:
                if not self._stops.count:
                    raise
                self._ended = "interrupted"
            finally:
                self._end_all()
        try:
            last = self._look()
        except StorageError:
            if self._now is None or self._ended == "done":
                raise
            last = self._now
        return replace(last, ended=self._ended, workers=0)

    def _loop(self) -> Ended:
        while True:
            self._crew.listen(_TICK)
            for gone in self._crew.reap():
                self._bury(gone)
            self._crew.watch()
            if self._stops.count:
                return "interrupted"
            if self._limits.timeout is not None and time.monotonic() - self._began > self._limits.timeout:
                return "timeout"
            if time.monotonic() - self._looked >= self._look_every:
                ended = self._assess(self._patient_look())
                if ended:
                    return ended
            self._fill()

    # --- the database

    def _patiently(self, call: Callable[[], object]) -> None:
        """Wait for a database that is away, but not once somebody wants to stop."""
        patiently(call, unless=lambda: self._stops.count)

    def _recover(self) -> None:
        recover(self._storage, self._record.name, max_attempts=self._order.max_attempts)

    def _patient_look(self) -> Progress | None:
        """Where the study stands; None while the database is away, which the workers wait out too."""
        try:
            seen = self._look()
        except StorageError as error:
            self._away_since = self._away_since or time.monotonic()
            if not error.transient or time.monotonic() - self._away_since > PATIENCE:
                raise
            self._looked = time.monotonic()
            return None
        self._away_since = None
        return seen

    def _look(self) -> Progress:
        started = time.monotonic()
        seen = snapshot(self._storage, self._record.name, direction=self._record.direction)
        if self._first is None or seen.settled < self._first.settled:  # a backup took the place of the database
            self._first = seen
        elapsed = started - self._began
        new = seen.settled - self._first.settled
        seen = replace(
            seen,
            workers=len(self._crew.children),
            elapsed_seconds=elapsed,
            new=new,
            eta_seconds=elapsed / new * (seen.target - seen.settled) if new else None,
        )
        self._looked = time.monotonic()
        self._look_every = max(_LOOK, 10 * (self._looked - started))
        self._now = seen
        self._on_progress(seen)
        return seen

    def _assess(self, seen: Progress | None) -> Ended | None:
        """Whether what is in the database ends the run. Raises StudyError where going on is hopeless."""
        if seen is None:
            return None
        if not seen.target:
            raise StudyError(f"study {seen.study!r} was deleted while it ran; the same command begins it anew")
        if seen.settled == seen.target:
            return "done"
        if self._is_good_enough(seen):
            return "until"
        record = studies.lookup(self._storage, self._record.name)
        self._stopped = record is not None and record.stopped_at is not None
        if self._stopped and not self._crew.children:
            return "stopped"
        assert self._first is not None
        failures = seen.failed - self._first.failed
        if failures == seen.new and failures >= HOPELESS and not seen.complete + seen.pruned:
            raise StudyError(
                f"the first {seen.failed} trials of study {self._record.name!r} all failed, the last with: "
                f"{self._last_failure()}; put that right and run the same command again"
            )
        if time.monotonic() - self._buried > _BURY_EVERY:
            self._buried = time.monotonic()
            with contextlib.suppress(StorageError):  # next time
                free_abandoned(self._storage, self._record.name, max_attempts=self._order.max_attempts)
        return None

    def _is_good_enough(self, seen: Progress) -> bool:
        until = self._record.until if self._limits.until is None else self._limits.until
        if until is None or seen.best is None:
            return False
        return at_least(self._record.direction, seen.best.value, until)

    def _last_failure(self) -> str:
        last = failure(self._storage, self._record.name)
        return last[1] if last is not None else "no reason was recorded"

    # --- the workers

    def _fill(self) -> None:
        """Start a worker on each empty seat, no more than there is work for."""
        if self._now is None or self._stopped:
            return
        wanted = min(self._crew.size, self._now.target - self._now.settled)
        self._crew.fill(wanted if self._now.open else min(1, wanted))

    def _bury(self, gone: Gone) -> None:
        """Put in order what a worker left that has ended. Raises HpoError where it is no use to start another."""
        self._looked = float("-inf")  # what is known of the study is old now
        self._patiently(lambda: settle_accounts(self._storage, gone, max_attempts=self._order.max_attempts))
        if gone.how == "error":
            raise (UsageError if gone.usage else HpoError)(gone.why)
        limit = _FRUITLESS_KILLED if gone.signal == signal.SIGKILL else _FRUITLESS
        others = any(child.has_worked for child in self._crew.children)  # then it can be done
        if self._crew.fruitless >= limit and not others:
            death = self._storage.where.hide(gone.why).removeprefix("its worker died: ")
            raise StudyError(
                f"{self._crew.fruitless} workers in a row died before they could take a trial (hpo doctor looks for a "
                f"reason), the last by {death}"
            )

    def _end_all(self) -> None:
        """End every worker; what it had in hand is given back unblamed."""
        allowed = min(self._stops.count, 1)  # the one that brought us here, if one did
        there = self._crew.end(
            grace=_GRACE,
            last_words=_LAST_WORDS if self._ended == "done" else 0.0,
            tick=_TICK / 2,
            hurry=lambda: self._stops.count > allowed,  # a second Ctrl-C
        )
        with contextlib.suppress(StorageError):  # then their leases run out, or the next run finds them dead
            for name in there:
                self._slots.hand_back_all(name, "its run ended")
                forget(self._storage, name)
            self._recover()
