"""Starting a worker's process: as a fork of one that has imported Keras already, or as a fresh Python.

A fork starts at once and shares that process's memory. The process (`worker/fork_main.py`) belongs to one supervisor.
A worker it forks becomes the supervisor's own child, as one that is a fresh Python is: so the supervisor knows how it
ended and takes it along when it ends itself, and the end of the process it is a fork of means nothing to either. Where
that cannot be, workers are fresh: on any system but Linux, and where the imports started threads or opened a GPU, which
a fork would lack.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from hpo.fleet.protocol import STOP_SIGNALS
from hpo.fleet.resources import thread_limits
from hpo.fleet.worker.fork_main import LONGEST, READY, preface
from hpo.storage.process_identity import adopting
from hpo.study import local_imports

__all__ = ["Fork", "ForkServer", "Started", "command", "first_line", "fresh", "python"]

_WORKER = "hpo.fleet.worker.process"
# -P keeps the working folder off the import path: a keras.py or random.py in it would hide what is meant.
_BEGIN = "import json, sys; sys.path[:] = json.loads(sys.stdin.buffer.readline()); "
_SERVER = "hpo.fleet.worker.fork_main"
_TRIES = 3
_PATIENCE = 10.0  # seconds for a fork, which takes a few hundredths of one


@dataclass(frozen=True, kw_only=True)
class Started:
    """A worker that waits for its order."""

    process: "subprocess.Popen[bytes] | Fork"
    events: int  # our end of the pipe its events come by
    events_there: int  # descriptor of its end
    log_there: int  # descriptor of its log; -1: it has none
    preface: bytes  # what it reads before the order


class ForkServer:
    """Starts workers, and what they are forks of where there is none, or none any more."""

    def __init__(self, environment: Mapping[str, str], *, keras: bool) -> None:
        """Nothing is started yet; `keras`: whether workers need it."""
        # Threads of a pool would be lost to a fork: workers have theirs afterwards.
        self._environment = {**environment, **thread_limits(1)}
        self._keras = keras
        self._can = sys.platform == "linux"
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._is_ready = False
        self._in_vain = 0  # processes in a row that were killed before they were ready

    @property
    def pid(self) -> int | None:
        """Process number of what workers are forks of now; None where there is no such process."""
        return None if self._process is None else self._process.pid

    @property
    def ready(self) -> bool:
        """Whether a worker may be started now; asking is what starts the process that it will be a fork of."""
        if self._process is not None and (ended := self._process.poll()) is not None:
            # What ends by itself before it is ready cannot be forked; what was killed may have had bad luck.
            self._in_vain = 0 if self._is_ready else self._in_vain + 1
            self._can = self._is_ready or (ended < 0 and self._in_vain < _TRIES)
            self.close()
        if self._can and self._process is None:
            self._launch()
        if self._can and not self._is_ready:
            assert self._socket is not None
            with suppress(BlockingIOError, ConnectionError):
                self._is_ready = self._socket.recv(len(READY), socket.MSG_DONTWAIT) == READY
        return self._is_ready or not self._can

    def start(self, environment: Mapping[str, str], log: int | None) -> Started | None:
        """A worker that is a fork; None where it has to be a fresh process. As `fresh`."""
        if not self._is_ready:
            return None
        pipes = [os.pipe() for _ in range(4)]  # its standard input, what it writes to the other two, and its events
        theirs = [pipes[0][0], *(writer for _, writer in pipes[1:])]
        ours = [pipes[0][1], *(reader for reader, _ in pipes[1:])]
        try:
            answer = self._ask([*theirs, *([] if log is None else [log])])
        finally:
            for each in theirs:
                os.close(each)
        if answer is None:
            for each in ours:
                os.close(each)
            return None
        pid, events_there, *logs_there = answer
        return Started(
            process=Fork(pid, *ours[:3]),
            events=ours[3],
            events_there=events_there,
            log_there=logs_there[0] if logs_there else -1,
            preface=preface(local_imports.own_path(), environment),
        )

    def close(self) -> None:
        """End the process that workers are forks of; they go on."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._socket is not None:
            self._socket.close()
        self._process = self._socket = None
        self._is_ready = False

    def _launch(self) -> None:
        self._socket, theirs = socket.socketpair()
        code = "import importlib, sys; importlib.import_module(sys.argv[1]).run(*sys.argv[2:])"
        arguments = (str(theirs.fileno()), str(os.getpid()), "keras" if self._keras else "")
        with theirs:
            self._process = python(
                code,
                _SERVER,
                *arguments,
                env=self._environment,
                passed=[theirs.fileno()],
                says=subprocess.DEVNULL,
            )
        assert self._process.stdin is not None
        with suppress(BrokenPipeError), self._process.stdin as first:  # dead already
            first.write(first_line())

    def _ask(self, descriptors: list[int]) -> list[int] | None:
        """Have a worker of these descriptors; its process number and what is told beside it. None: there is none."""
        assert self._socket is not None
        self._socket.settimeout(_PATIENCE)
        try:
            with adopting() as can:
                if not can:
                    raise ChildProcessError
                socket.send_fds(self._socket, [b"."], descriptors)
                answer = [int(number) for number in self._socket.recv(LONGEST).split()]
            if answer:
                os.waitid(os.P_PID, answer[0], os.WEXITED | os.WNOHANG | os.WNOWAIT)
                return answer
        except ChildProcessError:  # nor will another one be
            self._can = False
        except OSError:  # what it would be a fork of has died, or stands still
            pass
        self.close()
        return None


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


def fresh(environment: Mapping[str, str], log: int | None) -> Started:
    """A worker in a Python of its own; `log`: descriptor its log goes to; None: it writes none."""
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
        preface=first_line(),
    )


def python(
    code: str, *arguments: str, env: Mapping[str, str], passed: list[int], says: int = subprocess.PIPE
) -> "subprocess.Popen[bytes]":
    """A Python that imports what this one does, and is sent no signal meant for this one.

    It has the descriptors `passed`, too, and writes its standard output and error to `says`. STOP_SIGNALS are held back
    from its first instruction on, as a process inherits this mask, so none can find it half awake: a worker waits for
    them in a thread of its own.
    """
    held = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        return subprocess.Popen(
            command(code, *arguments),
            stdin=subprocess.PIPE,
            stdout=says,
            stderr=says,
            env=dict(env),
            pass_fds=passed,
            start_new_session=True,  # the terminal's Ctrl-C reaches the supervisor alone, which then decides
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def command(code: str, *arguments: str) -> list[str]:
    """How to start it: it reads `first_line()` from its standard input, then runs `code`, which finds `arguments`."""
    return [sys.executable, "-P", "-c", _BEGIN + code, *arguments]


def first_line() -> bytes:
    """What to give it first: the import path."""
    return json.dumps(local_imports.own_path()).encode() + b"\n"
