"""A program that runs for a trial, seen from its worker: its lines as they come, its end, and how to end it.

`program_keeper.py` is the process in between, which kills the program where this one dies.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from hpo.errors import HpoError

__all__ = ["RunningProgram", "Stream"]

Stream = Literal["out", "err"]

_KEEPER = Path(__file__).with_name("program_keeper.py")
_CHUNK = 1 << 16  # bytes
_LONGEST = 1 << 20  # bytes of a line that has not ended yet; a longer one is taken in pieces
_STEP = 0.5  # seconds between looks at one that is being ended
_END = b"."  # what the keeper takes for the wish that the program shall end
_PATIENCE = 5.0  # seconds in which the keeper has ended what it was told to, beyond those between its two signals


class RunningProgram:
    """A program from its start to its end, for a `with` statement, after which nothing of it is left."""

    def __init__(self, command: Sequence[str], *, folder: Path, environment: Mapping[str, str], grace: float) -> None:
        """Start it.

        Args:
            command: its words; the first is looked for on the PATH of `environment`.
            folder: it runs in.
            environment: all of it.
            grace: seconds between SIGTERM and SIGKILL where it is ended.

        Raises:
            HpoError: no process is to be had.

        """
        self._grace = grace
        self._unfinished: dict[Stream, bytes] = {"out": b"", "err": b""}
        self._ended = b""  # what the keeper says
        with contextlib.ExitStack() as there:
            pipes = [os.pipe() for _ in range(2)]
            for _, end in pipes:
                there.callback(os.close, end)
            words = [sys.executable, "-I", "-S", str(_KEEPER), str(grace), *(str(end) for _, end in pipes), *command]
            try:
                self._keeper = subprocess.Popen(
                    words,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    cwd=folder,
                    env=environment,
                    pass_fds=[end for _, end in pipes],
                    start_new_session=True,
                )
            except OSError as error:
                for end, _ in pipes:
                    os.close(end)
                raise HpoError(f"no program can be started in {folder}: {error.strerror or error}") from error
        assert self._keeper.stdout is not None
        self._selector = selectors.DefaultSelector()
        for (end, _), stream in zip(pipes, ("out", "err"), strict=True):
            self._selector.register(end, selectors.EVENT_READ, stream)
        self._selector.register(self._keeper.stdout.fileno(), selectors.EVENT_READ, None)

    def __enter__(self) -> "RunningProgram":
        return self

    def __exit__(self, *error: object) -> None:
        self._end()
        for key in list(self._selector.get_map().values()):
            self._selector.unregister(key.fd)
            if key.data is not None:
                os.close(key.fd)
        self._selector.close()
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.close()
        self._keeper.stdout.close()

    def lines(self, every: float) -> Iterator[tuple[Stream, str] | None]:
        """Its lines as they come, until it has ended and all is read; None after each `every` seconds of silence."""
        while self._selector.get_map():
            ready = self._selector.select(every)
            if not ready:
                if self._keeper.poll() is not None:
                    return  # something that it could not end has its pipes
                yield None
            for key, _ in ready:
                yield from self._read(key.fd, key.data)

    def _read(self, fd: int, stream: Stream | None) -> Iterator[tuple[Stream, str]]:
        piece = os.read(fd, _CHUNK)
        if not piece:
            self._selector.unregister(fd)
            if stream is not None:
                os.close(fd)
                if self._unfinished[stream]:
                    yield stream, _text(self._unfinished[stream])
            return
        if stream is None:
            self._ended += piece
            return
        *ended, rest = (self._unfinished[stream] + piece).split(b"\n")
        if len(rest) > _LONGEST:
            ended, rest = [*ended, rest], b""
        self._unfinished[stream] = rest
        for line in ended:
            yield stream, _text(line)

    @property
    def exit_code(self) -> int:
        """After its end: its exit code, negative for a signal.

        Raises:
            OSError: it could not be started.
            HpoError: nobody can tell, as the process in between was ended.

        """
        self._keeper.wait()
        how, _, number = self._ended.decode().partition("\n")[0].partition(" ")
        if how == "error":
            raise OSError(int(number), os.strerror(int(number)))
        if not number:
            raise HpoError("the process that watches over a trial's program was ended by somebody else")
        return -int(number) if how == "signal" else int(number)

    def _end(self) -> None:
        """End it, where it still runs; what it prints meanwhile is lost."""
        if self._keeper.poll() is None and not self._ended:
            assert self._keeper.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # it has ended meanwhile
                os.write(self._keeper.stdin.fileno(), _END)
            self._drain()
        try:
            self._keeper.wait(_PATIENCE)
        except subprocess.TimeoutExpired:  # it is stopped, or stuck in the kernel
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._keeper.pid, signal.SIGKILL)
            self._keeper.wait()

    def _drain(self) -> None:
        """Read until all is closed, or it has had its time."""
        waited = 0.0
        for line in self.lines(_STEP):
            waited += _STEP if line is None else 0.0
            if waited > self._grace + _PATIENCE:
                return


def _text(line: bytes) -> str:
    """A line; of what was written over and over, as progress bars are, the last."""
    return line.decode(errors="replace").rstrip("\r").rpartition("\r")[2]
