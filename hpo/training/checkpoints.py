"""Checkpoints of trainings: how far they are, in files from which another process goes on to the bit.

A checkpoint holds what the epochs so far came to and all numbers that training changes. What follows from scores (early
stopping, lower rates on a plateau, what was reported) is not in it: whoever goes on meets the known epochs again, one
after the other, without training them, and draws the same consequences.
"""

import contextlib
import errno
import json
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from hpo.errors import DefinitionError, HpoWarning
from hpo.messages import one_line
from hpo.study.checked_records import NotNegative, check
from hpo.study.checked_records import Share as Fraction
from hpo.training import checkpoint_file
from hpo.training.checkpoint_file import SUFFIX, UnusableError
from hpo.training.runtime import own_version

__all__ = ["EVERY", "SHARE", "Checkpoints", "Pace", "Resumable"]

EVERY = 30.0
"""Seconds between checkpoints at the least, where nothing else is asked for."""

SHARE = 0.02
"""Of the time that writing them takes at the most: the next one waits for as long as the last one's cost asks for."""

_FORMAT = 1  # of the header; another one is not read
_SIGN = 60.0  # seconds between signs in the folder that somebody has it in hand
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Resumable(Protocol):
    """A training, as its checkpoint sees it."""

    @property
    def unkept(self) -> str | None:
        """Why there can be no checkpoint of it, in words; None: there can."""

    @property
    def position(self) -> tuple[int, int]:
        """Epochs made, and steps of the one that has begun: another one means that there is more to keep."""

    def identity(self) -> Mapping[str, Any]:
        """What tells it from any other training, as JSON knows it; one that is the same goes on to the same end."""

    def progress(self) -> tuple[Mapping[str, Any], Sequence[NDArray[Any]]]:
        """How far it is, as JSON knows it, and its numbers."""

    def resume(self, progress: Mapping[str, Any], values: list[NDArray[Any]]) -> None:
        """Go on from there; raises UnusableError, and is as it was, where that cannot be."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often checkpoints are written.

    Raises:
        DefinitionError: a field is not of its kind, or the share is 0.

    """

    every: NotNegative = EVERY  # seconds between two at the least
    share: Fraction = SHARE  # of the time that they may take at the most, above 0; 1: all that `every` leaves

    def __post_init__(self) -> None:
        check(self)
        if not self.share:
            raise DefinitionError("Pace(share=0.0): give a share above 0 of the time, or no checkpoints")

    def pause(self, cost: float) -> float:
        """Seconds until the next one, after one that took `cost` seconds."""
        return max(self.every, cost * (1 - self.share) / self.share)


class Checkpoints:
    """Those of the trainings that a trial makes, each in a file of its own in one folder, made when it is needed.

    It never harms a training: what cannot be read is not gone on from, what cannot be written is not kept, and either
    is told by an HpoWarning, once.

    Args:
        folder: of this trial and of no other.
        about: what else tells the trainings from others, beside what they say of themselves, as JSON knows it: such as
            the version of the code that made their models. A checkpoint of another training is not gone on from.
        pace: how often they are written.
        room: asked before so many bytes are written in the folder; False: not now.
        within: what the folder is called where it cannot be written, such as the one of all trials; None: by its path.

    """

    def __init__(
        self,
        folder: Path,
        *,
        about: Mapping[str, Any] | None = None,
        pace: Pace | None = None,
        room: Callable[[Path, int], bool] | None = None,
        within: Path | None = None,
    ) -> None:
        self._folder = folder
        self._within = within or folder
        self._about = dict(about or {})
        self._pace = pace or Pace()
        self._room = room or (lambda *_: True)
        self._trainings: list[_File] = []
        self._due = time.monotonic() + self._pace.pause(0.0)
        self._signed = 0.0  # monotonic seconds
        self._told: set[str] = set()
        self._asked = threading.Event()  # somebody waits for one
        self._written = threading.Event()  # and it is there, or cannot be
        self.written = 0  # files so far
        self.seconds = 0.0  # they took

    def attach(self, training: Resumable) -> None:
        """Keep checkpoints of the trial's next training, and let it go on from the one there is.

        Args:
            training: a run that is ready for its first epoch.

        """
        path = self._folder / f"training-{len(self._trainings)}{SUFFIX}"
        unkept = training.unkept
        if unkept is not None:
            self._tell("unkept", f"no checkpoint is kept of this training, so an interruption begins it anew: {unkept}")
            return
        one = _File(path, training)
        self._trainings.append(one)
        try:
            found = checkpoint_file.read(path)
            if found is not None:
                header, values = found
                self._refuse_other(header, training)
                training.resume(header["progress"], values)
                one.position = training.position
        except (UnusableError, OSError) as error:
            self._tell("unused", f"checkpoint {path} is not gone on from: {one_line(error)}; the training begins anew")
        except (AttributeError, KeyError, TypeError, ValueError):
            self._tell("unused", f"checkpoint {path} is not gone on from: it is damaged; the training begins anew")

    def moment(self) -> None:
        """Between two steps of a training: write what is due."""
        now = time.monotonic()
        if now < self._due and not self._asked.is_set():
            if now - self._signed > _SIGN and self._folder.is_dir():
                self._signed = now
                with contextlib.suppress(OSError):
                    self._folder.touch()
            return
        try:
            self._write()
        except Exception as error:  # whatever it is, the training goes on
            self._tell("unwritten", f"no checkpoints are kept in {self._within}: {_why(error)}; trainings are unharmed")
        cost = time.monotonic() - now
        self.seconds += cost
        self._due = time.monotonic() + self._pace.pause(cost)
        self._signed = time.monotonic()
        if self._asked.is_set():
            self._asked.clear()
            self._written.set()

    def ask(self, seconds: float) -> bool:
        """Have one written at the next moment, and wait so long for it; whether it came. From another thread.

        Args:
            seconds: to wait at the most.

        """
        if not self._trainings:
            return False
        self._written.clear()
        self._asked.set()
        return self._written.wait(seconds)

    def _write(self) -> None:
        for one in self._trainings:
            position = one.training.position
            if position in ((0, 0), one.position):
                continue
            progress, values = one.training.progress()
            header = {
                "format": _FORMAT,
                "versions": _versions(),
                "identity": self._identity(one.training),
                "progress": progress,
            }
            if not self.written:
                self._sweep()
            if not self._room(self._folder, sum(value.nbytes for value in values)):
                self._tell("room", f"no checkpoints are kept in {self._within}: it is as large as it may be")
                return
            checkpoint_file.write(one.path, header, values)
            one.position = position
            self.written += 1

    def _sweep(self) -> None:
        """Take away what processes that were killed while they wrote left here."""
        for part in self._folder.glob(f".*.part{SUFFIX}"):
            with contextlib.suppress(OSError):
                part.unlink()

    def _identity(self, training: Resumable) -> Any:
        return json.loads(json.dumps({"about": self._about, "training": dict(training.identity())}))

    def _refuse_other(self, header: Mapping[str, Any], training: Resumable) -> None:
        if header["format"] != _FORMAT or header["versions"] != _versions():
            said = ", ".join(f"{name} {version}" for name, version in header["versions"].items())
            raise UnusableError(f"it is of another version ({said})")
        if header["identity"] != self._identity(training):
            raise UnusableError("it is of another training")

    def _tell(self, what: str, text: str) -> None:
        if what not in self._told:
            self._told.add(what)
            warnings.warn(text, HpoWarning, stacklevel=2)


class _File:
    """One training and its file."""

    def __init__(self, path: Path, training: Resumable) -> None:
        self.path = path
        self.training = training
        self.position = (0, 0)  # of the training, as the file has it


def _why(error: Exception) -> str:
    """Why a file could not be written, without its name, which is another one for each trial."""
    if not isinstance(error, OSError) or not error.strerror:
        return one_line(error)
    return "the disk is full" if error.errno in _FULL else error.strerror


def _versions() -> dict[str, str]:
    """Of what computes: another one may round otherwise."""
    import keras

    found = {"hpo": own_version(), "keras": str(keras.__version__)}
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        found["tensorflow"] = str(tf.__version__)
    return found
