"""Observers beside a run: started before it, told how it ended, given a while to hear the rest; never in its way."""

import contextlib
import json
import os
import re
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from hpo.errors import HpoWarning, UsageError
from hpo.fleet.supervisor.forkserver import first_line, python
from hpo.messages import said
from hpo.observers.events import HowEnded
from hpo.observers.naming import Named, key_of
from hpo.observers.observer import Observer
from hpo.observers.observer_process import Order
from hpo.observers.telling import Ending, Teller
from hpo.storage.process_identity import identity

__all__ = ["DEADLINE", "Observing", "observing"]

DEADLINE = 60.0
"""Seconds that observers get, once a run is over, to hear what they have not heard yet."""

_INTERRUPTED = 10.0  # the same where somebody interrupted it, and so wants it to end


_USER = re.compile(r"://[^/@\s]+@")  # and password, of a URL in somebody's error


_OF_THE_RUN: Mapping[str | None, HowEnded] = {"timeout": "timeout", "interrupted": "interrupted"}
"""Ends that nobody sees in the database."""


class Observing:
    """What a run says to its observers: how it ended."""

    def __init__(self) -> None:
        self.how: HowEnded | None = None
        self.reason: str | None = None
        self.said = False  # whether the run said how it ended

    def ended(self, how: str | None) -> None:
        """It ended, for a reason as `Progress.ended` has it; what its study says itself is not said again."""
        self.how, self.said = _OF_THE_RUN.get(how), True


class _Host(Protocol):
    """What tells one observer beside a run."""

    def end(self, observing: Observing) -> None:
        """The run is over."""

    def wait(self, deadline: float) -> None:
        """Wait until it is told all, or the time (monotonic seconds) is up; nothing of it is waited for after that."""


@contextlib.contextmanager
def observing(storage: str, observers: Sequence[Named | Observer], only: tuple[str, ...] | None) -> Iterator[Observing]:
    """While inside, observers are told what happens; they have a minute at the end to hear the rest.

    Args:
        storage: URL of the database.
        observers: who is told; one by its name by a process of its own, an object by a thread of this one.
        only: studies, as `studies.find` takes them; None: every study that has something to do.

    Raises:
        UsageError: two of them could not be told apart.

    """
    hosts = _started(storage, observers, only)
    told = Observing()
    try:
        yield told
    except KeyboardInterrupt:
        told.how = "interrupted"
        raise
    except Exception as error:
        if not told.said:
            told.how, told.reason = "error", said(error) or type(error).__name__
        raise
    finally:
        for host in hosts:
            host.end(told)
        deadline = time.monotonic() + (_INTERRUPTED if told.how == "interrupted" else DEADLINE)
        try:
            for host in hosts:
                host.wait(deadline)
        except KeyboardInterrupt:  # somebody will not wait for them
            for host in hosts:
                host.wait(0.0)


def _started(storage: str, observers: Sequence[Named | Observer], only: tuple[str, ...] | None) -> list[_Host]:
    keys = [one.key if isinstance(one, Named) else _key(one) for one in observers]
    for number, one in enumerate(observers):
        if keys[number] in keys[:number]:
            shown = one.shown if isinstance(one, Named) else type(one).__name__
            raise UsageError(f"observer {shown} is there twice: give each of a class a name of its own (Observer.name)")
    return [
        _Process(storage, one, only) if isinstance(one, Named) else _Thread(storage, one, key, only)
        for one, key in zip(observers, keys, strict=True)
    ]


def _key(observer: Observer) -> str:
    kind = type(observer)
    return key_of(f"{kind.__module__}.{kind.__qualname__}:{observer.name}")


def _warn(shown: str, text: str, hidden: str = "") -> None:
    """Pass on what is wrong, less users of URLs and what is hidden: a target, whose path may be a secret."""
    text = _USER.sub("://…@", text.replace(hidden, "…") if hidden else text)
    warnings.warn(f"observer {shown} {text}", HpoWarning, stacklevel=3)


_LATE = "was not told all in time at the end of the run; the same command tells it the rest"


class _Process:
    """A process of its own, for an observer by its name."""

    def __init__(self, storage: str, named: Named, only: tuple[str, ...] | None) -> None:
        self._shown = named.shown
        target = named.text.partition(":")[2]
        self._hidden = target if "://" in target else ""
        self._done = False  # whether it said that it ended, or what is wrong
        self._process = python(
            "import importlib; importlib.import_module(sys.argv.pop()).run()",
            "hpo.observers.observer_process",
            env=os.environ,
            passed=[],
        )
        order = Order(storage=storage, observer=named.text, only=only, parent=os.getpid())
        self._write(first_line() + order.to_json())
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def end(self, observing: Observing) -> None:
        """The run is over."""
        self._write(json.dumps({"how": observing.how, "reason": observing.reason}).encode() + b"\n")

    def wait(self, deadline: float) -> None:
        """Wait for its end until then, and end it."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - time.monotonic()))
        if self._process.poll() is None:
            if deadline and not self._done:
                _warn(self._shown, _LATE)
            self._done = True
            self._process.kill()
        self._process.wait()
        self._reader.join(1.0)  # whatever it started may hold the pipe open
        for pipe in (self._process.stdin, self._process.stderr):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()

    def _read(self) -> None:
        """Pass on what it says, until it is gone."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with contextlib.suppress(ValueError):
                message = json.loads(line)
                if "warned" in message and not self._done:
                    _warn(self._shown, message["warned"], self._hidden)
                self._done = True
        if not self._done:
            self._done = True
            _warn(self._shown, f"ended its process (exit code {self._process.wait()}); it is told nothing more")

    def _write(self, what: bytes) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it is gone
            self._process.stdin.write(what)
            self._process.stdin.flush()


class _Thread:
    """A thread of this process, for an object that no other process has."""

    def __init__(self, storage: str, observer: Observer, key: str, only: tuple[str, ...] | None) -> None:
        self._shown = type(observer).__name__
        self._ending = Ending()
        teller = Teller(
            storage,
            observer,
            key=key,
            holder=f"{identity()}:{key}",
            only=only,
            warn=lambda text: _warn(self._shown, text),
        )
        self._thread = threading.Thread(target=teller.run, args=(self._ending,), daemon=True)
        self._thread.start()

    def end(self, observing: Observing) -> None:
        """The run is over."""
        self._ending.set(observing.how, observing.reason)

    def wait(self, deadline: float) -> None:
        """Wait for its end until then, and leave it to itself."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if deadline and self._thread.is_alive():
            _warn(self._shown, _LATE)
