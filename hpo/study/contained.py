"""Code of definitions, kept from harming the process it runs in.

What it raises ends what was asked of it and nothing else: `sys.exit`, `os._exit`, `os.abort` and whatever is no
Exception become one. Modules, paths and functions of Python that it takes away, or puts others in the place of, are put
back: hpo imports many modules of its own when they are first needed, and a second copy of one would know none of the
first one's classes. So are closed streams. A Ctrl-C of the user's, or another signal to stop, goes through.
"""

import builtins
import importlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from operator import is_
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, NoReturn, TextIO, TypeVar

from hpo.errors import DefinitionError, HpoError, TrialError
from hpo.messages import one_line

__all__ = [
    "EndedError",
    "contained",
    "line",
    "run",
]

_LIBRARY = str(Path(__file__).parent.parent)


def line(error: BaseException, where: str) -> str:
    """The innermost line that is no code of ours, as FILE:NUMBER; of the file `where` if any is; else `where` alone."""
    frames = traceback.extract_tb(getattr(error, "stands_for", error).__traceback__)
    own = [frame for frame in frames if frame.filename == where]
    outside = [f for f in frames if not f.filename.startswith((_LIBRARY, "<frozen", str(importlib.__file__)))]
    for frame in reversed(own or outside):
        return f"{frame.filename}:{frame.lineno}"
    return where


R = TypeVar("R")

_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_OURS = "hpo"  # the package


class EndedError(Exception):
    """The code meant to end more than what was asked of it."""

    def __init__(self, stands_for: BaseException) -> None:
        self.stands_for = stands_for  # what it raised
        super().__init__(one_line(stands_for))


class ProcessExit(BaseException):
    """What `os._exit` and `os.abort` raise in the thread that runs a definition's code."""


def run(what: str, call: Callable[[], R]) -> R:
    """What the code gives; where it fails, one line says so.

    Args:
        what: which code: "infeasible() of definition 'wine'".
        call: it.

    Raises:
        DefinitionError: it failed; the message names the line.
        HpoError: as the code raised it.

    """
    try:
        return contained(call)
    except (HpoError, TrialError):
        raise
    except Exception as error:
        raise DefinitionError(f"{what} failed: {line(error, what)}: {one_line(error)}") from error


def contained(call: Callable[[], R]) -> R:
    """What the code gives, and this process as it was before.

    Raises:
        EndedError: it raised something that is no Exception, and nobody asked this process to stop.
        BaseException: whatever else it raises.

    """
    with _interpreter_kept(), _modules_kept(), _streams_kept(), _exits_refused(), _stops_heard() as stopped:
        try:
            return call()
        except Exception:
            raise
        except BaseException as error:
            if stopped():
                raise
            raise EndedError(error) from error


@contextmanager
def _interpreter_kept() -> Iterator[None]:
    """Python's own functions, what it imports from, how deep it calls: all may be added to, and nothing taken away."""
    path, own, depth = list(sys.path), dict(vars(builtins)), sys.getrecursionlimit()
    try:
        yield
    finally:
        sys.setrecursionlimit(max(depth, sys.getrecursionlimit()))
        vars(builtins).update(own)
        now = [entry for entry in sys.path if isinstance(entry, str)]
        lost = [entry for entry in path if entry not in now]
        if lost or len(now) < len(sys.path):
            sys.path[:] = [*now, *lost]


@contextmanager
def _modules_kept() -> Iterator[None]:
    before = dict(sys.modules)
    names = {name: _in_package(name) for name in _our_names(len(before))}
    try:
        yield
    finally:
        # Nearly always nothing has changed, which is seen in a tenth of the time.
        same = list(sys.modules) == list(before) and all(map(is_, sys.modules.values(), before.values()))
        lost = [] if same else [name for name, module in before.items() if sys.modules.get(name) is not module]
        for name in lost:
            sys.modules[name] = before[name]
        ours = [name for name in lost if name.partition(".")[0] == _OURS]
        new = [] if same else [each for each in sys.modules if each.startswith(f"{_OURS}.") and each not in before]
        for name in new:
            # Of those that came meanwhile, none may hold classes of a copy, or be no module of ours at all.
            if ours or not _is_ours(name):
                del sys.modules[name]
        for name in ours:
            if name in names:
                _put_in_package(name, names[name])


@lru_cache(maxsize=1)
def _our_names(_: int) -> Sequence[str]:
    """The modules of ours there are; looked for anew where there are more modules, or fewer, than the last time."""
    return [name for name in sys.modules if name.startswith(f"{_OURS}.")]


def _in_package(name: str) -> Any:
    """What the package has under the name of its module, which need not be the module."""
    package, _, last = name.rpartition(".")
    return getattr(sys.modules.get(package), last, None)


def _put_in_package(name: str, what: Any) -> None:
    package, _, last = name.rpartition(".")
    if what is not None and package in sys.modules:
        setattr(sys.modules[package], last, what)


def _is_ours(name: str) -> bool:
    spec = getattr(sys.modules[name], "__spec__", None)
    return isinstance(sys.modules[name], ModuleType) and getattr(spec, "name", None) == name


@contextmanager
def _streams_kept() -> Iterator[None]:
    before = {name: getattr(sys, name) for name in ("stdin", "stdout", "stderr")}
    numbers = {name: _descriptor(stream) for name, stream in before.items()}
    try:
        yield
    finally:
        for number in (0, 1, 2):
            _open(number)
        for name, stream in before.items():
            held = numbers[name]
            if held is not None and stream.closed:
                _open(held)
                mode = "r" if name == "stdin" else "w"
                stream = os.fdopen(os.dup(held), mode, encoding="utf-8", errors="backslashreplace")
            setattr(sys, name, stream)


def _descriptor(stream: TextIO | None) -> int | None:
    try:
        return None if stream is None else stream.fileno()
    except (AttributeError, OSError, ValueError):  # it stands for none, or is closed already
        return None


def _open(number: int) -> None:
    """Open a descriptor on nothing if it was closed: the next file might get its number."""
    try:
        os.fstat(number)
    except OSError:
        nowhere = os.open(os.devnull, os.O_RDWR)
        if nowhere != number:
            os.dup2(nowhere, number)
            os.close(nowhere)


_inside = threading.local()  # depth: how many `contained` this thread is in; pid: of the process they began in
_exit, _abort = os._exit, os.abort


def _refuses() -> bool:
    return bool(getattr(_inside, "depth", 0)) and _inside.pid == os.getpid()


def _exit_unless_refused(status: int) -> NoReturn:
    if _refuses():
        raise ProcessExit(f"os._exit({status!r})")
    _exit(status)


def _abort_unless_refused() -> NoReturn:
    if _refuses():
        raise ProcessExit("os.abort()")
    _abort()


@contextmanager
def _exits_refused() -> Iterator[None]:
    """In this thread and this process alone: a process that the code forks may end as it likes."""
    os._exit, os.abort = _exit_unless_refused, _abort_unless_refused
    _inside.depth, _inside.pid = getattr(_inside, "depth", 0) + 1, os.getpid()
    try:
        yield
    finally:
        _inside.depth -= 1


@contextmanager
def _stops_heard() -> Iterator[Callable[[], bool]]:
    """Whether a signal to stop has come meanwhile; who handles it is as before, whatever the code did about that."""
    heard: list[int] = []
    before: dict[signal.Signals, Any] = {}

    def listening(handler: Callable[[int, FrameType | None], Any]) -> Callable[[int, FrameType | None], Any]:
        def hear(number: int, frame: FrameType | None) -> None:
            heard.append(number)
            handler(number, frame)

        return hear

    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in _STOPS}
    for number, handler in before.items():
        if callable(handler):
            signal.signal(number, listening(handler))
    try:
        yield lambda: bool(heard)
    finally:
        for number, handler in before.items():
            if handler is not None:  # else it was set by no Python code, and cannot be set again
                with suppress(OSError, ValueError):
                    signal.signal(number, handler)
