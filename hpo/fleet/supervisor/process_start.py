"""A worker's process as its supervisor holds it: how one is started as a fresh Python, and what there is of any."""

import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

from hpo.fleet.machine import interpreter
from hpo.fleet.worker.protocol import STOP_SIGNALS

__all__ = ["Fork", "Started", "fresh", "python"]

_WORKER = "hpo.fleet.worker.process"


class Fork:
    """A child that is no `Popen`'s, with what that has."""

    def __init__(self, pid: int, stdin: int, stdout: int, stderr: int) -> None:
        """It runs already, and these are our ends of its standard streams."""
        self.pid = pid
        self.stdin: IO[bytes] = os.fdopen(stdin, "wb")
        self.stdout: IO[bytes] = os.fdopen(stdout, "rb")
        self.stderr: IO[bytes] = os.fdopen(stderr, "rb")
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Exit code, negative for a signal; None while it lives."""
        return self._await(os.WNOHANG)

    def wait(self) -> int | None:
        """Likewise, once it is dead."""
        return self._await(0)

    def kill(self) -> None:
        """End it; nobody else has its number before its end was waited for."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def _await(self, options: int) -> int | None:
        if self.returncode is None:
            try:
                ended, status = os.waitpid(self.pid, options)
            except ChildProcessError:  # somebody else has waited for it, and knows how it ended: as `Popen` has it
                self.returncode = 0
            else:
                self.returncode = os.waitstatus_to_exitcode(status) if ended else None
        return self.returncode


@dataclass(frozen=True, kw_only=True)
class Started:
    """A worker that waits for its order."""

    process: "subprocess.Popen[bytes] | Fork"
    events: int  # our end of the pipe its events come by
    events_there: int  # descriptor of its end
    log_there: int  # descriptor of its log; -1: it has none
    preface: bytes  # what it reads before the order


def fresh(environment: Mapping[str, str], log: int | None) -> Started:
    """A worker in a Python of its own.

    Args:
        environment: of the process.
        log: descriptor its log goes to; None: it writes none.

    """
    reader, writer = os.pipe()
    log = None if log is None else os.dup(log)
    passed = [writer] if log is None else [writer, log]
    try:
        process = python(
            "import importlib; importlib.import_module(sys.argv.pop()).run()", _WORKER, env=environment, passed=passed
        )
    finally:
        for each in passed:
            os.close(each)
    return Started(
        process=process,
        events=reader,
        events_there=writer,
        log_there=-1 if log is None else log,
        preface=interpreter.first_line(),
    )


def python(
    code: str, *arguments: str, env: Mapping[str, str], passed: list[int], says: int = subprocess.PIPE
) -> "subprocess.Popen[bytes]":
    """A Python that imports what this one does, and is sent no signal meant for this one.

    STOP_SIGNALS are held back from its first instruction on, as a process inherits this mask, so none can find it half
    awake: a worker waits for them in a thread of its own.

    Args:
        code: what it runs, once it has read `interpreter.first_line()`.
        arguments: of the code.
        env: its environment.
        passed: descriptors that it has, too.
        says: where what it writes to standard output and error goes, as `Popen` takes it.

    """
    held = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        return subprocess.Popen(
            interpreter.command(code, *arguments),
            stdin=subprocess.PIPE,
            stdout=says,
            stderr=says,
            env=dict(env),
            pass_fds=passed,
            start_new_session=True,  # the terminal's Ctrl-C reaches the supervisor alone, which then decides
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
