"""Workers as forks of one process that has imported Keras already: they start at once and share its memory.

That process (`worker/fork_main.py`) belongs to one supervisor. A worker it forks becomes the supervisor's own child, as
one that is a fresh Python is: so the supervisor knows how it ended and takes it along when it ends itself, and the end
of the process it is a fork of means nothing to either. Where that cannot be, workers are fresh: on any system but
Linux, and where the imports started threads or opened a GPU, which a fork would lack.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress

from hpo.fleet.machine import interpreter
from hpo.fleet.machine.cores import thread_limits
from hpo.fleet.supervisor.process_start import Fork, Started, python
from hpo.fleet.worker.fork_main import LONGEST, READY, preface
from hpo.storage.process_identity import adopting
from hpo.study import import_path

__all__ = ["ForkServer"]

_SERVER = "hpo.fleet.worker.fork_main"
_TRIES = 3
_PATIENCE = 10.0  # seconds for a fork, which takes a few hundredths of one


class ForkServer:
    """Starts workers, and what they are forks of where there is none, or none any more."""

    def __init__(self, environment: Mapping[str, str], *, keras: bool) -> None:
        """Nothing is started yet.

        Args:
            environment: of the process that workers are forks of.
            keras: whether they need Keras.

        """
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
        """A worker that is a fork; None where it has to be a fresh process. As `process.fresh`."""
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
            preface=preface(import_path.own(), environment),
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
            first.write(interpreter.first_line())

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
