"""What a supervisor and its worker say to each other: one order down, then a line for each step back up."""

import json
import os
import signal
from dataclasses import asdict, dataclass, field
from typing import Literal

__all__ = ["EXIT_RECYCLE", "EXIT_STOPPED", "LONGEST", "STOP_SIGNALS", "Event", "WorkOrder"]

STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
"""What asks a supervisor or a worker to give back what it has in hand and to end."""

# A worker that cannot go on says why in an "error" event and exits as the command line does for such an error.
EXIT_RECYCLE = 80  # to be replaced by a fresh process, and no fault of the trial's
EXIT_STOPPED = 81  # a signal stopped it, and what it had in hand was given back

LONGEST = 600
"""Characters of an event's text; at 6 bytes each at most, a line is within what a pipe takes in one piece."""


@dataclass(frozen=True, kw_only=True)
class WorkOrder:
    """All a worker needs to know; sent through its standard input, which then stays open as a sign of life."""

    storage: str = field(repr=False)
    # URL, password included: hence never an argument, which every user of the machine can read
    study: str | None = None  # name of the only one it serves; None: any study's open slots
    lease_seconds: float
    stall_seconds: float
    max_attempts: int
    memory_limit: int  # resident bytes
    objective: str | None = None  # reference to a function `beat -> objective`; None: the study's definition
    only: tuple[str, ...] = ()  # where `study` is None: names of the studies it may serve; empty: all there are
    drain: bool = False  # where `study` is None: end once nothing is open, rather than wait for more
    gpus: bool = True  # lease a GPU where the machine has any; False: train on cores
    workers_per_gpu: int = 1  # workers that may share a GPU
    threads: int | None = None  # to train with on cores; None: as many as the libraries take
    log: str | None = None  # what kind of log it writes, one of logs.KINDS; None: none
    # What only the start of the process decides:
    worker: str = ""  # `liveness.identity` of the worker's process
    parent: int = 0  # process number of the supervisor
    events: int = -1  # file descriptor the worker writes its events to
    log_to: int = -1  # file descriptor the log goes to

    def to_json(self) -> bytes:
        """The order as one line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_json(cls, line: bytes) -> "WorkOrder":
        """The order of that line."""
        values = json.loads(line)
        return cls(**{**values, "only": tuple(values["only"])})


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line from a worker."""

    kind: Literal["loading", "claimed", "beat", "free", "away", "back", "printed", "warned", "error"]
    # loading: a study's definition and data are; claimed: training begins; beat: it makes progress; free: nothing in
    # hand any more; away, back: the worker begins to wait for the database, and has ended to; printed: a line, by the
    # definition; warned: a note for a person; error: it ends, for `text`
    text: str = ""  # loading, claimed: name of the study; printed, warned, error: what is said
    limit: float | None = None  # claimed: seconds the trial may take; None: as long as it takes

    def send(self, fd: int) -> None:
        """Write the event; a supervisor that is gone is no reason to fail."""
        line = (
            json.dumps([self.kind, self.text[:LONGEST], self.limit], ensure_ascii=False).encode(errors="replace")
            + b"\n"
        )
        try:
            os.write(fd, line)
        except OSError:
            return

    @classmethod
    def parse(cls, line: bytes) -> "Event":
        """The event of that line."""
        kind, text, limit = json.loads(line)
        return cls(kind=kind, text=text, limit=limit)
