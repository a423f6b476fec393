"""The programs kept: few and not too large, the last used, and nothing of those let go."""

import ctypes
import gc
import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hpo.training.program import Program

__all__ = ["CAPACITY", "KEPT_BYTES", "ProgramCache", "programs"]

CAPACITY = 4  # programs kept; k folds need one or two, a search comes back to the last few shapes
MOST = 16  # where living runs hold more: folds of a model that cannot share a program have one each
KEPT_BYTES = 128 << 20  # of variables in those no run holds; a large one trains far longer than it compiles


class ProgramCache:
    """Programs by signature. Of too many the least recently used one goes, of too many bytes the largest.

    What a living run trains with stays as long as it can: runs stepped in turn would compile it anew each time.
    """

    def __init__(self, capacity: int, kept_bytes: int = KEPT_BYTES) -> None:
        self._capacity = capacity
        self._kept_bytes = kept_bytes
        self._programs: OrderedDict[str, Program] = OrderedDict()

    def __len__(self) -> int:
        return len(self._programs)

    def get(self, key: str, make: Callable[[], "Program"]) -> tuple["Program", bool]:
        """The program of that signature and whether it had to be made, by `make`."""
        if key in self._programs:
            self._programs.move_to_end(key)
            return self._programs[key], False
        before = len(self._programs)
        while sum(self._programs[idle].nbytes for idle in self._idle()) > self._kept_bytes:
            self._drop(max(self._idle(), key=lambda idle: self._programs[idle].nbytes))
        while len(self._programs) >= self._capacity and self._idle():
            self._drop(self._idle()[0])
        while len(self._programs) >= MOST:
            self._drop(next(iter(self._programs)))
        if len(self._programs) < before:
            _free()
        program = make()
        self._programs[key] = program
        return program, True

    def discard(self, key: str) -> None:
        """Let the program of that signature go, if it is here: it could not be compiled."""
        if key in self._programs:
            self._drop(key)

    def clear(self) -> None:
        """Let every program go."""
        for key in list(self._programs):
            self._drop(key)
        _free()

    def _idle(self) -> list[str]:
        return [key for key, program in self._programs.items() if program.idle]

    def _drop(self, key: str) -> None:
        program = self._programs.pop(key)
        program.release()
        program.dismantle()


programs = ProgramCache(CAPACITY)


def _free() -> None:
    """Give back the memory of programs let go: TensorFlow, Python and the C library each hold on to some.

    Not `keras.backend.clear_session`: it also forgets what somebody has set, the dtype policy among it, and trainings
    to come would be others.
    """
    from hpo.training.keras_internals import clear_kernel_cache

    clear_kernel_cache()
    gc.collect()
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "malloc_trim"):  # glibc
            libc.malloc_trim(0)
