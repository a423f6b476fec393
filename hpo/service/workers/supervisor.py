"""The parent of the workers: starts them, watches them, replaces those that die, and ends them. It trains nothing."""

import contextlib
import selectors
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from hpo.errors import HpoError, StorageError, StudyError, UsageError
from hpo.service.hosts.cores import usable_cores
from hpo.service.storage import Storage
from hpo.service.storage.patience import PATIENCE, patiently
from hpo.service.studies import StudyRecord
from hpo.service.studies.progress import Ended, Progress, snapshot
from hpo.service.studies.recovery import recover
from hpo.service.studies.slots import Slots
from hpo.service.studies.trial_report import failure
from hpo.service.workers.abandoned import free_abandoned
from hpo.service.workers.child import Child, environment
from hpo.service.workers.order import EXIT_RECYCLE, EXIT_STOPPED, WorkOrder
from hpo.service.workers.stops import Stops
from hpo.settings import STALL_SECONDS

__all__ = ["Limits", "Supervisor"]

_TICK = 0.1  # seconds between looks at the workers
_LOOK = 0.4  # seconds between looks at the database, or ten times what a look takes
_GRACE = 8.0  # seconds workers get to give back what they have in hand
_LAST_WORDS = 15.0  # seconds a worker gets to tell its last result once all is settled
_BURY_EVERY = 5.0  # seconds
_BACK_OFF = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
# seconds before a worker is started again, by deaths in a row without a trial
_FRUITLESS = 4  # deaths in a row of workers that took no trial, after which the run ends if none that did is left
_FRUITLESS_KILLED = 20  # the same where something killed them, which may be no fault of theirs
_HOPELESS = 5  # trials of a run that may fail before one does not, after which the run ends


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When a run ends before all is settled, and when a trial does."""

    timeout: float | None = None  # seconds of the run
    trial_timeout: float | None = None  # seconds of a trial
    stall_seconds: float = STALL_SECONDS  # seconds without a sign of life from a worker at work
    until: float | None = None  # value


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
        self._environment = environment(max(1, usable_cores() // workers))
        self._seats: list[Child | None] = [None] * workers
        self._selector = selectors.DefaultSelector()
        self._stops = Stops()
        self._fruitless = 0  # deaths in a row without a trial
        self._start_after = 0.0  # monotonic; no worker is started before
        self._began = time.monotonic()
        self._buried = self._began
        self._looked = float("-inf")
        self._look_every = _LOOK
        self._away_since: float | None = None  # since when the database has not answered
        self._first: Progress | None = None
        self._now: Progress | None = None
        self._ended: Ended | None = None

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
                self._selector.close()
        try:
            last = self._look()
        except StorageError:
            if self._now is None or self._ended == "done":
                raise
            last = self._now
        return replace(last, ended=self._ended, workers=0)

    def _loop(self) -> Ended:
        while True:
            for key, _ in self._selector.select(_TICK):
                key.data()
            self._reap()
            self._watch()
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
        self._first = self._first or seen
        elapsed = started - self._began
        new = seen.settled - self._first.settled
        seen = replace(
            seen,
            workers=sum(child is not None for child in self._seats),
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
        assert self._first is not None
        failures = seen.failed - self._first.failed
        if failures == seen.new and failures >= _HOPELESS and not seen.complete + seen.pruned:
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
        until = self._limits.until
        if until is None or seen.best is None:
            return False
        return seen.best.value >= until if self._record.direction == "maximize" else seen.best.value <= until

    def _last_failure(self) -> str:
        last = failure(self._storage, self._record.name)
        return last[1] if last is not None else "no reason was recorded"

    # --- the workers

    def _fill(self) -> None:
        """Start a worker on each empty seat, no more than there is work for."""
        if self._now is None or time.monotonic() < self._start_after:
            return
        wanted = min(len(self._seats), self._now.target - self._now.settled)
        alive = sum(child is not None for child in self._seats)
        for seat, child in enumerate(self._seats):
            if child is None and alive < wanted and (self._now.open or not alive):
                self._seats[seat] = self._start()
                alive += 1

    def _start(self) -> Child:
        child = Child(self._order, self._environment)
        self._selector.register(child.events, selectors.EVENT_READ, child.hear)
        self._selector.register(child.output, selectors.EVENT_READ, child.listen)
        return child

    def _forget(self, child: Child) -> None:
        self._selector.unregister(child.events)
        self._selector.unregister(child.output)
        child.close()

    def _reap(self) -> None:
        for seat, child in enumerate(self._seats):
            if child is not None and child.exit_code is not None:
                self._seats[seat] = None
                self._bury(child)

    def _bury(self, child: Child) -> None:
        """Put in order what a worker left that has ended. Raises StudyError where it is no use to start another."""
        self._forget(child)
        code = child.exit_code
        assert code is not None
        self._looked = float("-inf")  # what is known of the study is old now
        if code in (0, EXIT_RECYCLE, EXIT_STOPPED):
            self._fruitless = 0
            if code:
                self._patiently(lambda: self._slots.hand_back_all(child.name))
            return
        if child.error is not None:
            self._patiently(lambda: self._slots.hand_back_all(child.name))
            raise (UsageError if code == UsageError.exit_code else HpoError)(child.error)
        death = self._storage.where.hide(child.describe_death())  # whatever its last words were
        how = child.killed_for or f"its worker died: {death}"
        self._patiently(lambda: self._slots.give_up(child.name, how))
        self._patiently(self._recover)
        self._fruitless = 0 if child.has_worked else self._fruitless + 1
        limit = _FRUITLESS_KILLED if code == -signal.SIGKILL else _FRUITLESS
        others = any(other is not None and other.has_worked for other in self._seats)  # then it can be done
        if self._fruitless >= limit and not others:
            raise StudyError(
                f"{self._fruitless} workers in a row died before they could take a trial (hpo doctor looks for a "
                f"reason), the last by {death}"
            )
        self._start_after = time.monotonic() + _BACK_OFF[min(self._fruitless, len(_BACK_OFF) - 1)]

    def _watch(self) -> None:
        """Kill the workers whose trial takes too long, or of which nothing is heard."""
        now = time.monotonic()
        limit, stall = self._limits.trial_timeout, self._limits.stall_seconds
        for child in self._seats:
            if child is None or child.busy_since is None or child.exit_code is not None:
                continue
            if limit is not None and now - child.busy_since > limit:
                self._overrun(child, limit)
            elif now - child.beaten > stall:
                child.kill(f"no sign of life for {stall:g} seconds")

    def _overrun(self, child: Child, limit: float) -> None:
        """Kill a worker and fail its trial, which unlike a crashed one would take as long again."""
        began = child.busy_since
        child.kill()
        child.wait()
        child.hear()
        if child.busy_since != began:  # it was done with that one just before
            self._patiently(lambda: self._slots.hand_back_all(child.name))
            return
        self._patiently(lambda: self._fail_of(child.name, f"the trial took longer than {limit:g} seconds"))
        self._patiently(self._recover)

    def _fail_of(self, worker: str, reason: str) -> None:
        for slot in self._slots.leased(self._record.name):
            if slot.worker == worker:
                self._slots.settle(slot, "failed", reason=reason)

    def _end_all(self) -> None:
        """End every worker; what it had in hand is given back unblamed."""
        children = [child for child in self._seats if child is not None]
        self._seats = [None] * len(self._seats)
        telling = time.monotonic() + (_LAST_WORDS if self._ended == "done" else 0.0)
        deadline = telling + _GRACE
        asked: set[int] = set()
        allowed = min(self._stops.count, 1)  # the one that brought us here, if one did
        alive = list(children)
        while alive:
            for key, _ in self._selector.select(_TICK / 2):
                key.data()
            now = time.monotonic()
            for child in alive:
                if child.pid not in asked and (child.busy_since is None or now >= telling):
                    asked.add(child.pid)
                    child.stop()
                if now >= deadline or self._stops.count > allowed:  # or a second Ctrl-C
                    child.kill()
            ended = [child for child in alive if child.exit_code is not None]
            for child in ended:
                self._forget(child)
            alive = [child for child in alive if child not in ended]
        with contextlib.suppress(StorageError):  # then their leases run out, or the next run finds them dead
            for child in children:
                self._slots.hand_back_all(child.name)
            self._recover()
