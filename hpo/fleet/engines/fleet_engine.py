"""What an engine is to hpo, and what a worker is that it starts."""

import hashlib
import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from hpo.errors import HpoError, UsageError
from hpo.fleet.run_limits import refuse_beyond
from hpo.storage.storage_url import parse

__all__ = ["Engine", "EngineError", "Job", "State", "WorkerJob", "setup_of"]

State = Literal["pending", "running"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_LEAST_WALLTIME = 60  # seconds; Slurm counts in minutes, and a worker takes seconds to start
_GIVING_BACK = 30.0  # seconds before the end of a job at which its worker ends; but a tenth of it at most


class EngineError(HpoError):
    """An engine cannot do what it is asked for; its text is one line with the engine's own words."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One worker that an engine was told to start, as the engine knows it."""

    id: str  # the engine's
    state: State
    where: str = ""  # node; empty where the engine does not say, or it has none yet
    seconds: float | None = None  # since it runs; None where the engine does not say


@dataclass(frozen=True, kw_only=True)
class WorkerJob:
    """How an engine is to start each worker of a fleet.

    Raises:
        UsageError: a number or the name is out of range, or the file with the set-up cannot be read.

    """

    storage: str = field(repr=False)  # URL, password included: handed down in the environment, never as an argument
    name: str = "hpo"  # of the fleet
    studies: tuple[str, ...] = ()  # that it serves; empty: all
    cpus: int | None = None  # cores for each worker; None: as the engine has it
    gpus: float = 0.0  # for each worker: 0, a part of one, or 1
    walltime: int | None = None  # seconds after which the engine ends a job; None: as the engine has it
    idle: float = 60.0  # seconds after which a worker with nothing to take ends
    setup: str | None = None  # shell commands before the worker; None: none
    extra: tuple[str, ...] = ()  # arguments for the engine, as they are

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(f"{self.name!r} is no name of a fleet: up to 40 letters, digits and . _ -, no sign first")
        if self.cpus is not None:
            refuse_beyond("cpus", self.cpus, 1, 4096)
        if not 0 <= self.gpus <= 1:
            raise UsageError(
                f"GPUs per worker must be from 0 to 1, not {self.gpus:g}: a worker trains on one GPU, or on a part of "
                "one; more GPUs take more workers"
            )
        if self.walltime is not None and self.walltime < _LEAST_WALLTIME:
            raise UsageError(f"walltime must be at least {_LEAST_WALLTIME} seconds, not {self.walltime:g}")

    @property
    def label(self) -> str:
        """By which the engine's jobs of this fleet are known: by its name and its database."""
        where = parse(self.storage)
        digest = hashlib.sha256(str(where.path or where.safe).encode()).hexdigest()
        return f"{self.name}-{digest[:8]}"

    @property
    def command(self) -> list[str]:
        """What starts one worker where this Python is to be had."""
        return [sys.executable, "-m", "hpo", *self.arguments]

    @property
    def arguments(self) -> list[str]:
        """Of `hpo`, for one worker."""
        words = ["worker", "--processes", "1", "--idle", f"{self.idle:g}"]
        if self.walltime is not None:
            words += ["--for", f"{self.walltime - min(_GIVING_BACK, self.walltime / 10):g}"]
        if not self.gpus:
            words.append("--cpu")
        elif self.gpus < 1:
            words += ["--workers-per-gpu", str(int(1 / self.gpus))]
        for study in self.studies:
            words += ["--study", study]
        return words

    @property
    def launched(self) -> list[str]:
        """The same below a process that watches over it, after the commands of the set-up."""
        return self.set_up([*self.command, "--with-launcher"])

    def set_up(self, words: list[str]) -> list[str]:
        """A command after those of the set-up, whose shell it takes the place of."""
        return words if self.setup is None else ["bash", "-c", f'{self.setup}\nexec "$@"', "bash", *words]

    @property
    def script(self) -> str:
        """The same as a shell script, after the commands of the set-up; the worker takes the shell's place."""
        return f"#!/bin/bash\n{self.setup or ''}\nexec {shlex.join(self.command)}\n"

    @property
    def environment(self) -> Mapping[str, str]:
        """Of each worker, on top of what is there."""
        return {**os.environ, "HPO_STORAGE": parse(self.storage).url}


def setup_of(file: Path | None) -> str | None:
    """The commands in a file. Raises UsageError where it cannot be read."""
    if file is None:
        return None
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(f"the set-up {file} cannot be read: {why}") from None


class Engine(Protocol):
    """What starts, lists and ends the workers of one fleet; each call asks the engine, nothing is remembered."""

    stays: bool  # whether its workers go on when the command that started them ends

    def jobs(self) -> Sequence[Job]:
        """Those of the fleet that wait or run, the oldest first. Raises EngineError."""

    def start(self, number: int) -> None:
        """Start so many more; of none, whether any could be. Raises UsageError, EngineError."""

    def end(self, jobs: Sequence[Job]) -> None:
        """End these; what a worker has in hand goes back. Raises EngineError."""
