"""The worker processes of one supervisor: started, watched, killed where they are stuck, replaced, and ended."""

import selectors
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from hpo.errors import UsageError
from hpo.fleet.protocol import Avoid, Ended, Event, WorkOrder
from hpo.fleet.resources import oom_kills
from hpo.fleet.supervisor.forkserver import ForkServer
from hpo.fleet.supervisor.permits import Permits
from hpo.fleet.supervisor.worker_exit import How, WorkerExit
from hpo.fleet.supervisor.worker_process import WorkerProcess

__all__ = ["Avoided", "WorkerPool"]

_BACK_OFF = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
# seconds before a worker is started again, by deaths in a row without a trial
_BAD_ALLOC = "bad_alloc"  # what C++ says where memory runs out and nobody was killed for it
_TICK = 0.05  # seconds between looks at workers that end
_GRACE = 8.0  # seconds workers get to give back what they have in hand
_DEATHS = 2  # in a row, after which a study is avoided
_AVOID_FIRST, _AVOID_LONGEST = 60.0, 600.0  # seconds it is avoided, at first and at most


class WorkerPool:
    """So many places, each empty or taken by a worker process."""

    def __init__(
        self,
        size: int,
        order: WorkOrder,
        environment: Mapping[str, str],
        *,
        on_message: Callable[[WorkerProcess, Event], object],
    ) -> None:
        """Of at most so many workers, none of them started yet; `on_message` is told what they say to people."""
        self._places: list[WorkerProcess | None] = [None] * size
        self._order = order
        self._environment = environment
        # An objective of one's own may do without Keras; a study's definition never does.
        self._forks = ForkServer(environment, keras=order.keras and order.objective is None)
        self.permits = Permits(order.limits.max_trials)
        self._on_message = on_message
        self._selector = selectors.DefaultSelector()
        self._start_after = 0.0  # monotonic seconds; no worker is started before
        self._overrun: dict[str, float | None] = {}  # worker killed for it -> since when its trial ran
        self._oom_kills = oom_kills() or 0
        self._avoided = Avoided()
        self.fruitless = 0  # deaths in a row without a trial

    @property
    def workers(self) -> Sequence[WorkerProcess]:
        """Those that are alive, or dead and not reaped yet."""
        return [worker for worker in self._places if worker is not None]

    @property
    def busy(self) -> int:
        """How many of them have a trial in hand, or are about to."""
        return sum(worker.busy_since is not None or worker.permitted for worker in self.workers)

    @property
    def size(self) -> int:
        """How many places there are."""
        return len(self._places)

    def listen(self, seconds: float) -> None:
        """Take in what workers say, for at most so long."""
        for key, _ in self._selector.select(seconds):
            key.data()

    def fill(self, wanted: int) -> None:
        """Start workers on empty places until `wanted` are there, as far as can be done without waiting.

        It cannot while a worker that died backs off, and before there is what workers are forks of.
        """
        alive = len(self.workers)
        for place, worker in enumerate(self._places):
            if worker is not None or alive >= wanted or time.monotonic() < self._start_after:
                continue
            if self._forks.ready:
                self._places[place] = self._start()
                alive += 1

    def shrink(self) -> None:
        """Take one empty place away: there is no work for it any more."""
        if None in self._places:
            self._places.remove(None)

    def reap(self) -> list[WorkerExit]:
        """The ends of those that have ended since the last time."""
        return [self._judge(worker) for worker in self._take_ended()]

    def kill_stuck(self) -> None:
        """Kill the workers whose trial takes too long, or that show no sign of life."""
        now, limits = time.monotonic(), self._order.limits
        for worker in self.workers:
            if worker.busy_since is None or worker.exit_code is not None:
                continue
            if worker.away_since is not None:
                continue  # it waits for the database, however long that takes
            limit = worker.limit if limits.trial_timeout is None else limits.trial_timeout
            if limit is not None and now - worker.busy_since > limit:
                self._overrun[worker.name] = worker.busy_since
                worker.kill(f"the trial took longer than {limit:g} seconds")
            elif now - worker.beaten > limits.stall_seconds:
                worker.kill(f"no sign of life for {limits.stall_seconds:g} seconds")

    def end(self, *, last_result: float, hurry: Callable[[], object]) -> Iterator[str]:
        """End every worker, and give the name of each once it has ended.

        Args:
            last_result: seconds those at work get to settle what they have, before they are asked to give it back.
            hurry: true: kill them now.

        """
        telling = time.monotonic() + last_result
        deadline = telling + _GRACE
        asked: set[int] = set()
        while self.workers:
            self.listen(_TICK)
            now = time.monotonic()
            for worker in self.workers:
                if worker.pid not in asked and (worker.busy_since is None or now >= telling):
                    asked.add(worker.pid)
                    worker.stop()
                if now >= deadline or hurry():
                    worker.kill()
            for worker in self._take_ended():
                yield worker.name
        self._selector.close()
        self._forks.close()

    def _take_ended(self) -> list[WorkerProcess]:
        """Those that have ended since the last time, whose places are empty now."""
        ended = [worker for worker in self.workers if worker.exit_code is not None]
        for worker in ended:
            self._places[self._places.index(worker)] = None
            for fd in (worker.events, worker.output, worker.errors):
                self._selector.unregister(fd)
            worker.close()
        return ended

    def _start(self) -> WorkerProcess:
        order = replace(self._order, avoid=self._avoided.now()) if self._order.study is None else self._order
        worker = WorkerProcess(
            order,
            self._environment,
            forks=self._forks,
            permits=self.permits,
            on_message=self._on_message,
            on_loaded=self._avoided.worked,
        )
        self._selector.register(worker.events, selectors.EVENT_READ, worker.read_events)
        self._selector.register(worker.output, selectors.EVENT_READ, worker.read_output)
        self._selector.register(worker.errors, selectors.EVENT_READ, worker.read_output)
        return worker

    def _judge(self, worker: WorkerProcess) -> WorkerExit:
        """How and why a worker ended; and when the next one may be started."""
        code = worker.exit_code
        assert code is not None
        how, why = self._cause(worker, code)
        by_itself = how == "memory" or (how == "crashed" and worker.ending is None and code != -signal.SIGKILL)
        if by_itself and worker.loading is not None:
            self._avoided.died(worker.loading, why)
        exited = WorkerExit(
            name=worker.name,
            how=how,
            why=why,
            usage=code == UsageError.exit_code,
            study=worker.study,
            loading=worker.loading,
            signal=-code if code < 0 else None,
            began=worker.began,
            printed=worker.printed,
        )
        if how in ("drained", "recycled", "stopped"):
            self.fruitless = 0
        else:
            self.fruitless = 0 if worker.has_worked and how != "error" else self.fruitless + 1
            self._start_after = time.monotonic() + _BACK_OFF[min(self.fruitless, len(_BACK_OFF) - 1)]
        return exited

    def _cause(self, worker: WorkerProcess, code: int) -> tuple[How, str]:
        ending = worker.ending
        if ending is not None:
            return (cast("Ended", ending.text), "") if ending.kind == "ended" else (ending.kind, ending.text)  # type: ignore[return-value]
        if worker.name in self._overrun:
            # Killed for a trial; where it was done with that one just before, nobody is to blame.
            same = self._overrun.pop(worker.name) == worker.busy_since
            return ("overran", worker.killed_for or "") if same else ("stopped", "")
        if worker.killed_for is not None:
            return "crashed", worker.killed_for
        death = worker.describe_death()
        if _BAD_ALLOC in death:
            return "memory", death
        if self._did_the_kernel_kill(code):
            return "memory", "the kernel ended its worker"
        return (
            "crashed",
            f"its worker died{'' if worker.loading is None else f' while it loaded {worker.loading}'}: {death}",
        )

    def _did_the_kernel_kill(self, code: int) -> bool:
        """Whether a death was for want of memory; see `resources.oom_kills` for how sure that is."""
        if code != -signal.SIGKILL or (oom_kills() or 0) <= self._oom_kills:
            return False
        self._oom_kills += 1  # one kill of the kernel's explains one death
        return True


@dataclass(kw_only=True)
class _Deaths:
    """What became of those that loaded a study."""

    number: int = 0  # in a row
    why: str = ""  # the last one's end, in one line
    pause: float = _AVOID_FIRST / 2  # seconds it was avoided the last time
    until: float = float("-inf")  # monotonic seconds


class Avoided:
    """Counts the workers of one supervisor that died while they loaded a study."""

    def __init__(self) -> None:
        self._deaths: dict[str, _Deaths] = {}  # by study

    def died(self, study: str, why: str) -> None:
        """A worker died while it loaded the study."""
        deaths = self._deaths.setdefault(study, _Deaths())
        deaths.number, deaths.why = deaths.number + 1, why
        now = time.monotonic()
        if deaths.number >= _DEATHS and now >= deaths.until:  # several may die of it at once
            deaths.pause = min(_AVOID_LONGEST, 2 * deaths.pause)
            deaths.until = now + deaths.pause

    def worked(self, study: str) -> None:
        """A worker has loaded the study: whatever killed those before is over."""
        self._deaths.pop(study, None)

    def now(self) -> Mapping[str, Avoid]:
        """The studies to avoid, by name."""
        now = time.monotonic()
        return {
            study: Avoid(why=deaths.why, seconds=deaths.until - now)
            for study, deaths in self._deaths.items()
            if deaths.until > now
        }
