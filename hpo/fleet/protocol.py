"""What a supervisor and its worker say to each other: one order down, then answers, at last `STOP`; a line a step up.

How a worker ends is what it says, never its exit code alone: that one the code it trains can set as it likes.
"""

import contextlib
import json
import os
import signal
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from hpo.fleet.run_limits import MAX_WORKERS, Limits, refuse_beyond

__all__ = ["ENOUGH", "GO", "LONGEST", "STOP", "STOP_SIGNALS", "WARNING_SIGNALS", "Avoid", "Ended", "Event", "WorkOrder"]

WARNING_SIGNALS = frozenset({signal.SIGUSR1, signal.SIGUSR2})
"""What schedulers send some time before they end a job (`sbatch --signal`, a preemption)."""

STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP}) | WARNING_SIGNALS
"""What asks a supervisor to end, and its workers with it. Sent to a worker alone it is somebody else's doing."""

STOP = b"stop\n"
"""The line by which a supervisor has its worker give back what it has in hand, unblamed, and end."""

GO, ENOUGH = b"go\n", b"enough\n"
"""The answers to a worker that asks whether it may begin a trial, where its fleet shall begin so many and no more."""

LONGEST = 600
"""Characters of an event's text; at 6 bytes each at most, a line is within what a pipe takes in one piece."""


Ended = Literal["drained", "recycled", "stopped"]
"""How a worker ends in order: nothing is left for it; it had better be replaced by a fresh process; it was told to."""


@dataclass(frozen=True, kw_only=True)
class Avoid:
    """Why a worker shall leave a study to others at first, and for how long."""

    why: str  # one line
    seconds: float  # from its start


@dataclass(frozen=True, kw_only=True)
class WorkOrder:
    """All a worker needs to know; sent through its standard input, which then stays open as a sign of life.

    Raises:
        UsageError: a number is out of range.

    """

    storage: str = field(repr=False)
    # URL, password included: hence never an argument, which every user of the machine can read
    study: str | None = None  # name of the only one it serves; None: any study's open slots
    limits: Limits = field(default_factory=Limits)  # of its run
    avoid: Mapping[str, Avoid] = field(default_factory=dict)  # where `study` is None: by name, studies to leave alone
    objective: str | None = None  # reference to a function `beat -> objective`; None: the study's definition
    keras: bool = True  # whether it starts with Keras imported; else it imports that where a study needs it
    only: tuple[str, ...] = ()  # where `study` is None: names of the studies it may serve; empty: all there are
    drain: bool = False  # where `study` is None: end once all is settled, rather than wait for more
    idle: float | None = None  # where `study` is None: end after so many seconds with nothing to claim; None: wait
    ends_at: float | None = None
    # monotonic seconds at which the run's time is up: nothing begins that would take longer; None: it never is
    gpus: bool = True  # lease a GPU where the machine has any; False: train on cores
    workers_per_gpu: int = 1  # workers that may share a GPU
    threads: int | None = None  # to train with on cores; None: as many as the libraries take
    log: str | None = None  # what kind of log it writes, one of logs.KINDS; None: none
    # What only the start of the process decides:
    worker: str = ""  # `process_identity.identity` of the worker's process
    parent: int = 0  # process number of the supervisor
    events: int = -1  # file descriptor the worker writes its events to
    log_to: int = -1  # file descriptor the log goes to

    def __post_init__(self) -> None:
        refuse_beyond("workers per GPU", self.workers_per_gpu, 1, MAX_WORKERS)

    def to_json(self) -> bytes:
        """The order as one line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_json(cls, line: bytes) -> "WorkOrder":
        """The order of that line."""
        values = json.loads(line)
        avoid = {study: Avoid(**each) for study, each in values["avoid"].items()}
        limits = Limits(**values["limits"])
        return cls(**{**values, "limits": limits, "only": tuple(values["only"]), "avoid": avoid})


@dataclass(frozen=True, kw_only=True)
class Event:
    """One step of a worker, or something it says, as a line to its supervisor."""

    kind: Literal[
        "loading",
        "loaded",
        "asks",
        "unused",
        "claimed",
        "beat",
        "free",
        "away",
        "blocked",
        "back",
        "printed",
        "warned",
        "error",
        "crashed",
        "ended",
    ]
    # loading, loaded: a study's definition and data are being, and have been; asks: may it begin a trial; unused: it
    # was allowed to and did not; claimed: training begins; beat: it makes progress; free: nothing in hand any more;
    # away, back: the worker begins to wait for the database, and has ended to; blocked: it waits for somebody to see to
    # the database; printed: a line, by the definition;
    # warned: a note for a person; error: it cannot go on, for `text`, and exits as the command line does for such an
    # error; crashed: something else ends it, as `text` says; ended: it ends in order, nothing in hand
    text: str = ""
    # loading to claimed: name of the study; away, blocked, printed to crashed: what is said; ended: one of `Ended`
    limit: float | None = None  # claimed: seconds the trial may take; None: as long as it takes

    def send(self, fd: int) -> None:
        """Write the event; a supervisor that is gone is no reason to fail."""
        line = json.dumps([self.kind, self.text[:LONGEST], self.limit], ensure_ascii=False)
        with contextlib.suppress(OSError):
            os.write(fd, line.encode(errors="replace") + b"\n")

    @classmethod
    def parse(cls, line: bytes) -> "Event":
        """The event of that line."""
        kind, text, limit = json.loads(line)
        return cls(kind=kind, text=text, limit=limit)
