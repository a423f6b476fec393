"""What the code of a definition prints in a worker: shown to a person as it comes, and its end kept with the trial."""

import contextlib
import io
import os
import re
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from hpo.fleet.protocol import LONGEST

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["KEPT", "SHOWN", "Lines", "Output", "plain"]

KEPT = 20_000
"""Characters of what a trial printed that are kept, from its end."""
SHOWN = 200
"""Lines of a trial that are shown as they come."""
_STDOUT, _STDERR = 1, 2
_LONGEST = 20_000  # bytes of a line that has not ended yet
_SEQUENCE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\-_])")  # colours, cursor, titles
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # all but the tab


class Output:
    """Both standard streams of a process: lines of `sys.stdout` are shown; in a trial, those of both are kept.

    It is about what Python code prints: libraries write to the file descriptors on their own account.
    """

    def __init__(self, show: Callable[[str], object] = lambda _: None) -> None:
        """Nothing is taken yet; `show` is given each line that is to be shown."""
        self.show = show
        self._lock = threading.RLock()  # what is collected as garbage meanwhile may print, too
        self._lines = {_STDOUT: Lines(), _STDERR: Lines()}
        self._trial: str | None = None  # where a person finds what was kept of it; None: there is no trial
        self._kept: deque[str] = deque()  # lines of the trial
        self._size = 0  # characters of these
        self._shown = 0  # lines, since the trial began or ended

    def take(self) -> None:
        """Take what is printed from now on."""
        sys.stdout, sys.stderr = self._stream(_STDOUT), self._stream(_STDERR)

    def begin(self, where: str) -> None:
        """A trial begins; `where` says how a person comes by what is kept of it."""
        self.end()
        with self._lock:
            self._trial = where

    def end(self) -> None:
        """It is over: what is printed from now on is no trial's."""
        with self._lock:
            rest = self._lines[_STDOUT].end()
            self._lines[_STDERR].end()
        self._tell(rest)
        with self._lock:
            self._trial = None
            self._kept.clear()
            self._size = self._shown = 0

    @property
    def text(self) -> str:
        """The end of what the trial has printed so far; empty where that is nothing. From any thread."""
        with self._lock:
            unfinished = [lines.rest for lines in self._lines.values() if lines.rest]
            return "\n".join([*self._kept, *unfinished])[-KEPT:] if self._trial is not None else ""

    def write(self, fd: int, data: bytes) -> None:
        """Take in what was printed to that descriptor."""
        if fd == _STDERR:
            with contextlib.suppress(OSError):  # a supervisor that is gone is no reason to fail
                os.write(fd, data)
        with self._lock:
            lines = self._lines[fd].feed(data)
            if self._trial is not None:
                self._keep(lines)
        if fd == _STDOUT:
            self._tell(lines)

    def _keep(self, lines: list[str]) -> None:
        for line in lines:
            self._kept.append(line[-KEPT:])
            self._size += len(self._kept[-1]) + 1
            while self._size - len(self._kept[0]) - 1 > KEPT:
                self._size -= len(self._kept.popleft()) + 1

    def _tell(self, lines: list[str]) -> None:
        """Show lines, but no flood of them. Nobody else waits for that, so the lock is not held."""
        for line in lines:
            self._shown += 1
            if self._shown < SHOWN:
                self.show(line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…")
            elif self._shown == SHOWN:
                self.show(f"… what more it prints is not shown{'' if self._trial is None else f': {self._trial}'}")

    def _stream(self, fd: int) -> io.TextIOWrapper:
        return io.TextIOWrapper(_Raw(self, fd), encoding="utf-8", errors="backslashreplace", write_through=True)


class _Raw(io.RawIOBase):
    """The bytes of a standard stream; a process that is started inherits the descriptor."""

    def __init__(self, output: Output, fd: int) -> None:
        super().__init__()
        self.name = fd  # as that of a file that is opened by its descriptor
        self._output = output
        self._fd = fd

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def write(self, data: "ReadableBuffer", /) -> int:
        written = bytes(data)
        self._output.write(self._fd, written)
        return len(written)


class Lines:
    """Cuts what comes in pieces into lines."""

    def __init__(self) -> None:
        self._rest = b""  # the line that has not ended yet

    def feed(self, piece: bytes) -> list[str]:
        """The lines that `piece` ends."""
        *ended, rest = (self._rest + piece).split(b"\n")
        self._rest = rest[-_LONGEST:]
        return [plain(line) for line in ended]

    @property
    def rest(self) -> str:
        """What there is of the line that has not ended yet."""
        return plain(self._rest)

    def end(self) -> list[str]:
        """That line, ended now; none where there is nothing of it."""
        rest, self._rest = self.rest, b""
        return [rest] if rest else []


def plain(line: bytes) -> str:
    """A line as text: without colours and control characters, and of what was written over and over the last."""
    text = _SEQUENCE.sub("", line.decode(errors="replace")).rstrip()
    return _CONTROL.sub("", text.rpartition("\r")[2])
