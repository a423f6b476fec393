"""`toy.naps`, in whose fourth trial something goes wrong each time it is tried: POISON says what."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import optuna
import toy

__all__ = ["FILE", "POISONS", "poisoned"]

FILE = str(Path(__file__).resolve())
_POSITION = 3  # from 0


class MuteError(Exception):
    """An exception whose text cannot be read: asking for it raises another."""

    def __str__(self) -> str:
        raise KeyboardInterrupt


def _raise(error: BaseException) -> Callable[[], None]:
    def poison() -> None:
        raise error

    return poison


def _signal(number: signal.Signals) -> Callable[[], None]:
    def poison() -> None:
        os.kill(os.getpid(), number)
        time.sleep(60)

    return poison


def _hang() -> None:
    ctypes.PyDLL(None).sleep(3600)  # with the interpreter's lock


def _talk() -> None:
    for _ in range(100_000):
        print("x" * 100)
        os.write(1, b"y" * 100 + b"\n")


def _leave() -> None:
    os.chdir("/")
    os.environ.clear()


def _orphan() -> None:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(20)"], start_new_session=True)


def _recurse() -> None:
    _recurse()


POISONS: dict[str, Callable[[], None]] = {
    "leaves with exit code 0": lambda: os._exit(0),
    "raises KeyboardInterrupt": _raise(KeyboardInterrupt()),
    "raises CancelledError": _raise(asyncio.CancelledError()),
    "raises SystemExit": _raise(SystemExit(0)),
    "raises what cannot be told": _raise(MuteError()),
    "ends itself by SIGTERM": _signal(signal.SIGTERM),
    "crashes": _signal(signal.SIGSEGV),
    "aborts": os.abort,
    "runs out of memory": _raise(MemoryError()),
    "recurses for ever": _recurse,
    "hangs": _hang,
    "closes all files": lambda: os.closerange(3, 256),
    "talks without end": _talk,
    "changes folder and environment": _leave,
    "leaves a process behind": _orphan,
    "waits for an answer": lambda: print(sys.stdin.read()),
}
"""What goes wrong, by its name."""

HARMLESS = {"talks without end", "changes folder and environment", "leaves a process behind", "waits for an answer"}
"""Those that are no reason for the trial to fail."""


def poisoned(beat: Callable[[], None]) -> toy.Objective:
    """Naps as `toy.naps`, but the trial at one position is poisoned as $POISON says."""
    run = toy.naps(beat)
    poison = POISONS[os.environ["POISON"]]

    def poisoned_run(trial: optuna.Trial) -> float:
        if trial._cached_frozen_trial.system_attrs["hpo:position"] == _POSITION:
            poison()
        return run(trial)

    return poisoned_run
