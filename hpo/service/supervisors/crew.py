"""The worker processes of one supervisor: started, heard, watched, replaced where they die, and ended."""

import selectors
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

from hpo.errors import UsageError
from hpo.service.hosts.memory import oom_kills
from hpo.service.supervisors.avoided import Avoided
from hpo.service.supervisors.child import Child
from hpo.service.supervisors.forkserver import ForkServer
from hpo.service.workers.order import Ended, Event, WorkOrder

__all__ = ["Crew", "Gone"]

_BACK_OFF = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
# seconds before a worker is started again, by deaths in a row without a trial
_BAD_ALLOC = "bad_alloc"  # what C++ says where memory runs out and nobody was killed for it

How = Ended | Literal["error", "overran", "memory", "crashed"]


@dataclass(frozen=True, kw_only=True)
class Gone:
    """A worker that has ended."""

    name: str
    how: How
    # drained, recycled, stopped: in order, see `order.Ended`; error: it cannot go on, in its own words; overran: its
    # trial took too long; memory: ran out; crashed: all else
    why: str = ""  # one line
    usage: bool = False  # whether an error is about what was asked for
    study: str | None = None  # the one whose slot it had last
    loading: str | None = None  # the one that it was making ready
    signal: int | None = None  # number of the signal that ended it, if one did
    worked: bool  # whether it ever took a slot
    began: float = 0.0  # monotonic seconds of its start
    printed: str = ""  # the last lines it wrote since it took that slot


class Crew:
    """So many seats, each empty or with a worker process on it."""

    def __init__(
        self,
        seats: int,
        order: WorkOrder,
        environment: Mapping[str, str],
        *,
        stall_seconds: float,
        trial_timeout: float | None = None,
        on_word: Callable[[Child, Event], object],
    ) -> None:
        """No worker is started yet.

        Args:
            seats: workers at most.
            order: what each is told.
            environment: of their processes.
            stall_seconds: without a sign of life a worker at work is killed.
            trial_timeout: seconds a trial may take, unless its study says otherwise; None: as long as it takes.
            on_word: told what workers say to people.

        """
        self._seats: list[Child | None] = [None] * seats
        self._order = order
        self._environment = environment
        # An objective of one's own may do without Keras; a study's definition never does.
        self._forks = ForkServer(environment, keras=order.objective is None)
        self._stall = stall_seconds
        self._trial_timeout = trial_timeout
        self._on_word = on_word
        self._selector = selectors.DefaultSelector()
        self._start_after = 0.0  # monotonic seconds; no worker is started before
        self._overrun: dict[str, float | None] = {}  # worker killed for it -> since when its trial ran
        self._oom_kills = oom_kills() or 0
        self._avoided = Avoided()
        self.fruitless = 0  # deaths in a row without a trial

    @property
    def children(self) -> Sequence[Child]:
        """Those that are alive, or dead and not reaped yet."""
        return [child for child in self._seats if child is not None]

    @property
    def size(self) -> int:
        """How many seats there are."""
        return len(self._seats)

    def listen(self, seconds: float) -> None:
        """Hear what workers say, for at most so long."""
        for key, _ in self._selector.select(seconds):
            key.data()

    def fill(self, wanted: int, *, at_least: int = 0) -> None:
        """Start workers on empty seats until `wanted` are there, or `at_least`, as far as can be done without waiting.

        It cannot while a worker that died backs off, and before there is what workers are forks of.
        """
        alive = len(self.children)
        for seat, child in enumerate(self._seats):
            if child is not None or alive >= max(wanted, at_least) or time.monotonic() < self._start_after:
                continue
            if self._forks.ready:
                self._seats[seat] = self._start()
                alive += 1

    def retire(self) -> None:
        """Take one empty seat away: there is no work for it any more."""
        if None in self._seats:
            self._seats.remove(None)

    def reap(self) -> list[Gone]:
        """Those that have ended since the last time."""
        gone = []
        for seat, child in enumerate(self._seats):
            if child is not None and child.exit_code is not None:
                self._seats[seat] = None
                self._forget(child)
                gone.append(self._judge(child))
        return gone

    def watch(self) -> None:
        """Kill the workers whose trial takes too long, or of which nothing is heard."""
        now = time.monotonic()
        for child in self.children:
            if child.busy_since is None or child.exit_code is not None:
                continue
            if child.away_since is not None:
                continue  # it waits for the database, however long that takes
            limit = child.limit if self._trial_timeout is None else self._trial_timeout
            if limit is not None and now - child.busy_since > limit:
                self._overrun[child.name] = child.busy_since
                child.kill(f"the trial took longer than {limit:g} seconds")
            elif now - child.beaten > self._stall:
                child.kill(f"no sign of life for {self._stall:g} seconds")

    def end(self, *, grace: float, last_words: float, tick: float, hurry: Callable[[], object]) -> list[str]:
        """End every worker.

        Args:
            grace: seconds they get to give back what they have in hand.
            last_words: seconds those at work get before that to tell their result.
            tick: seconds between looks at them.
            hurry: true: kill them now.

        Returns:
            The names of those that were there.

        """
        alive = list(self.children)
        names = [child.name for child in alive]
        self._seats = [None] * len(self._seats)
        telling = time.monotonic() + last_words
        deadline = telling + grace
        asked: set[int] = set()
        while alive:
            self.listen(tick)
            now = time.monotonic()
            for child in alive:
                if child.pid not in asked and (child.busy_since is None or now >= telling):
                    asked.add(child.pid)
                    child.stop()
                if now >= deadline or hurry():
                    child.kill()
            ended = [child for child in alive if child.exit_code is not None]
            for child in ended:
                self._forget(child)
            alive = [child for child in alive if child not in ended]
        self._selector.close()
        self._forks.close()
        return names

    def _start(self) -> Child:
        order = replace(self._order, avoid=self._avoided.now()) if self._order.study is None else self._order
        child = Child(
            order, self._environment, forks=self._forks, on_word=self._on_word, on_loaded=self._avoided.worked
        )
        self._selector.register(child.events, selectors.EVENT_READ, child.hear)
        self._selector.register(child.output, selectors.EVENT_READ, child.listen)
        self._selector.register(child.errors, selectors.EVENT_READ, child.listen)
        return child

    def _forget(self, child: Child) -> None:
        for fd in (child.events, child.output, child.errors):
            self._selector.unregister(fd)
        child.close()

    def _judge(self, child: Child) -> Gone:
        """How and why a worker ended; and when the next one may be started."""
        code = child.exit_code
        assert code is not None
        how, why = self._cause(child, code)
        by_itself = how == "memory" or (how == "crashed" and child.ending is None and code != -signal.SIGKILL)
        if by_itself and child.loading is not None:
            self._avoided.died(child.loading, why)
        gone = Gone(
            name=child.name,
            how=how,
            why=why,
            usage=code == UsageError.exit_code,
            study=child.study,
            loading=child.loading,
            signal=-code if code < 0 else None,
            worked=child.has_worked,
            began=child.began,
            printed=child.printed,
        )
        if how in ("drained", "recycled", "stopped"):
            self.fruitless = 0
        else:
            self.fruitless = 0 if child.has_worked and how != "error" else self.fruitless + 1
            self._start_after = time.monotonic() + _BACK_OFF[min(self.fruitless, len(_BACK_OFF) - 1)]
        return gone

    def _cause(self, child: Child, code: int) -> tuple[How, str]:
        said = child.ending
        if said is not None:
            return (cast("Ended", said.text), "") if said.kind == "ended" else (said.kind, said.text)  # type: ignore[return-value]
        if child.name in self._overrun:
            # Killed for a trial; where it was done with that one just before, nobody is to blame.
            same = self._overrun.pop(child.name) == child.busy_since
            return ("overran", child.killed_for or "") if same else ("stopped", "")
        if child.killed_for is not None:
            return "crashed", child.killed_for
        death = child.describe_death()
        if _BAD_ALLOC in death:
            return "memory", death
        if self._did_the_kernel_kill(code):
            return "memory", "the kernel ended its worker"
        return (
            "crashed",
            f"its worker died{'' if child.loading is None else f' while it loaded {child.loading}'}: {death}",
        )

    def _did_the_kernel_kill(self, code: int) -> bool:
        """Whether a death was for want of memory; see `memory.oom_kills` for how sure that is."""
        if code != -signal.SIGKILL or (oom_kills() or 0) <= self._oom_kills:
            return False
        self._oom_kills += 1  # one kill of the kernel's explains one death
        return True
