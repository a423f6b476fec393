"""One worker process, seen from its supervisor."""

import contextlib
import os
import re
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from hpo.fleet.protocol import ENOUGH, GO, STOP, Event, WorkOrder
from hpo.fleet.resources import thread_limits
from hpo.fleet.supervisor.forkserver import ForkServer, fresh
from hpo.fleet.supervisor.permits import Permits
from hpo.fleet.worker.captured_output import SHOWN, Lines
from hpo.settings import use_backend
from hpo.storage.process_identity import identity

__all__ = ["WorkerProcess", "environment", "last_words"]

_CHUNK = 1 << 16  # bytes
_LONGEST_WORDS = 300  # characters
# Lines that tell what a C++ library does or would have liked, in the formats of absl and glog, of TensorFlow before
# them, and of Python's logging as absl sets it up. Errors (E) and fatal ones (F) are none, but for what CUDA's plugins
# call one each time that TensorFlow is imported.
_CHATTER = re.compile(
    r"[IW]\d{4} \d\d:\d\d:[\d.]+\s+\d+ \S+:\d+\]"
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:[\d.]+: [IW] \S+:\d+\]"
    r"|.*\bUnable to register cu\w+ (plugin )?factory"
    r"|WARNING: All log messages before absl::InitializeLog\(\)"
    r"|To enable the following instructions: "
    r"|(INFO|WARNING):(absl|tensorflow):"
)


def environment(threads: int | None) -> dict[str, str]:
    """The environment of a worker of that many threads.

    None: as many as the libraries take, which a GPU needs to be fed.
    """
    use_backend()
    return {
        **os.environ,
        **({} if threads is None else thread_limits(threads)),
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
        "PYTHONFAULTHANDLER": "1",
    }


class WorkerProcess:
    """A worker process: what it holds, since when, and how to end it."""

    def __init__(
        self,
        order: WorkOrder,
        env: Mapping[str, str],
        *,
        forks: ForkServer | None = None,
        permits: Permits | None = None,
        on_message: "Callable[[WorkerProcess, Event], object]" = lambda *_: None,
        on_loaded: Callable[[str], object] = lambda _: None,
    ) -> None:
        """Start it.

        Args:
            order: what it is told; it lacks what only the start decides: worker, parent, events, log_to.
            env: of the process.
            forks: what starts it, where that can; None: it is a Python of its own.
            permits: how many trials may still begin; None: any number.
            on_message: told what the worker says to people: events printed and warned, away and back.
            on_loaded: told the name of a study that the worker has made ready.

        """
        log = None if order.log is None else sys.stderr.fileno()
        self.began = time.monotonic()
        started = (forks.start(env, log) if forks is not None else None) or fresh(env, log)
        self._process = started.process
        self.pid = self._process.pid
        self.name = identity(self.pid)
        self.busy_since: float | None = None  # monotonic seconds; None: nothing in hand
        self.beaten = time.monotonic()  # last sign of life
        self.away_since: float | None = None  # monotonic seconds; None: it does not wait for the database
        self.study: str | None = None  # the one whose slot it has in hand, or had last
        self.about: str | None = None  # the one that is loaded or trained, or was last
        self.loading: str | None = None  # the one whose definition and data it loads
        self.limit: float | None = None  # seconds that trial may take; None: as long as it takes
        self.has_worked = False  # whether it ever took a slot
        self.ending: Event | None = None  # how and why it ends, in its own words: ended, error or crashed
        self.killed_for: str | None = None  # why we killed it
        self.events = started.events
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self.output, self.errors = self._process.stdout.fileno(), self._process.stderr.fileno()
        for fd in (self.events, self.output, self.errors):
            os.set_blocking(fd, False)
        self._permits = permits or Permits()
        self.permitted = False  # whether it may begin a trial that it has not begun yet
        self._on_message = on_message
        self._on_loaded = on_loaded
        self._partial = b""
        self._output, self._errors = Lines(), Lines()
        self._shown = 0  # lines of `output` since it took its slot
        self._tail: deque[str] = deque(maxlen=50)
        assert self._process.stdin is not None
        order = replace(
            order, worker=self.name, parent=os.getpid(), events=started.events_there, log_to=started.log_there
        )
        with contextlib.suppress(BrokenPipeError):  # dead already: its exit code will tell
            self._process.stdin.write(started.preface + order.to_json())
            self._process.stdin.flush()

    def read_events(self) -> None:
        """Take in the events that have come."""
        *lines, self._partial = (self._partial + _read(self.events)).split(b"\n")
        for line in lines:
            event = Event.parse(line)
            if event.kind in ("printed", "warned"):  # which is no progress
                self._say(event)
                continue
            self.beaten = time.monotonic()
            self._take(event)

    def _take(self, event: Event) -> None:
        """Keep what a step of its work, just done, means."""
        if event.kind == "loading":
            self.about = self.loading = event.text
        elif event.kind == "loaded":
            self.loading = None
            self._on_loaded(event.text)
        elif event.kind == "asks":
            self.permitted = self._permits.take()
            self._say_to_it(GO if self.permitted else ENOUGH)
        elif event.kind == "unused":
            self._put_back()
        elif event.kind == "claimed":
            self.permitted = False
            self.busy_since, self.has_worked = self.beaten, True
            self.study, self.limit = event.text, event.limit
            self._begin(event.text)
        elif event.kind == "free":
            self.busy_since = None
        elif event.kind in ("away", "blocked"):
            self.away_since = self.away_since or self.beaten
            self._say(event)
        elif event.kind == "back":
            self._forgive_wait()
            self._say(event)
        elif event.kind in ("error", "crashed", "ended"):
            self.ending = event

    def _put_back(self) -> None:
        """What it was allowed to begin, it will not."""
        if self.permitted:
            self.permitted = False
            self._permits.put_back()

    def _begin(self, study: str) -> None:
        """What it says from now on is about a trial of that study."""
        self.about = study
        self._shown = 0
        self._tail.clear()

    def _forgive_wait(self) -> None:
        """What it waited for the database is no time of its trial's."""
        if self.away_since is not None and self.busy_since is not None:
            self.busy_since += self.beaten - max(self.away_since, self.busy_since)
        self.away_since = None

    def read_output(self) -> None:
        """Take in what its libraries, and the programs it started, wrote to its standard streams."""
        for line in self._output.feed(_read(self.output)):
            self._shown += 1
            if self._shown <= SHOWN:
                cut = self._shown == SHOWN
                self._say(Event(kind="printed", text="… what more its programs print is not shown" if cut else line))
        self._remember(self._errors.feed(_read(self.errors)))

    def _say(self, event: Event) -> None:
        if event.kind == "printed":
            self._remember([event.text])
        self._on_message(self, event)

    def _remember(self, lines: list[str]) -> None:
        """Keep the end of what it said, for the case that it dies."""
        self._tail.extend(line for line in lines if line)

    @property
    def printed(self) -> str:
        """The end of what it said since it took its slot."""
        return "\n".join(self._tail)

    @property
    def exit_code(self) -> int | None:
        """Exit code, negative for a signal; None while it lives."""
        return self._process.poll()

    def describe_death(self) -> str:
        """How it died, as one line: its own last words where there are any."""
        code = self.exit_code
        how = f"signal {-code} ({_signal_name(-code)})" if code is not None and code < 0 else f"exit code {code}"
        words = last_words(self._tail)
        return f"{how}: {words}" if words else how

    def stop(self) -> None:
        """Ask it to give back what it has in hand and to end."""
        self._say_to_it(STOP)

    def _say_to_it(self, line: bytes) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # dead already
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def kill(self, reason: str | None = None) -> None:
        """End it now."""
        self.killed_for = self.killed_for or reason
        if self._process.poll() is None:
            self._process.kill()

    def wait(self) -> None:
        """Wait until it is dead, which after `kill` takes no time."""
        self._process.wait()

    def close(self) -> None:
        """Release its pipes, once it is dead."""
        self.read_events()
        self._put_back()
        self.read_output()
        self._remember([*self._output.end(), *self._errors.end()])
        self._process.wait()
        os.close(self.events)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._process.stderr.close()


def _read(fd: int) -> bytes:
    """What can be read without waiting."""
    pieces = []
    with contextlib.suppress(BlockingIOError):
        while piece := os.read(fd, _CHUNK):
            pieces.append(piece)
    return b"".join(pieces)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


def last_words(lines: Iterable[str]) -> str:
    """The line that says most: faulthandler's first, as stacks and a list of modules follow it; else the last one.

    "" where there is none but a library's information and warnings.
    """
    own = [line for line in lines if not _CHATTER.match(line)]
    fatal = [line for line in own if line.startswith("Fatal Python error")]
    return (fatal or own[-1:] or [""])[0][:_LONGEST_WORDS]
