"""The programs kept: few, the last used, and nothing of those let go."""

import ctypes
import gc
import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hpo.training.program import Program

__all__ = ["CAPACITY", "ProgramCache", "programs"]

CAPACITY = 4  # programs kept; k folds need one or two, a search comes back to the last few shapes


class ProgramCache:
    """Programs by signature; the least recently used one goes first."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._programs: OrderedDict[str, Program] = OrderedDict()

    def __len__(self) -> int:
        return len(self._programs)

    def get(self, key: str, make: Callable[[], "Program"]) -> tuple["Program", bool]:
        """The program of that signature and whether it had to be made, by `make`."""
        if key in self._programs:
            self._programs.move_to_end(key)
            return self._programs[key], False
        while len(self._programs) >= self._capacity:
            _, old = self._programs.popitem(last=False)
            old.release()
            old.dismantle()
            del old
            _free()
        program = make()
        self._programs[key] = program
        return program, True

    def clear(self) -> None:
        """Let every program go."""
        while self._programs:
            _, program = self._programs.popitem()
            program.release()
            program.dismantle()
            del program
        _free()


programs = ProgramCache(CAPACITY)


def _free() -> None:
    """Give back the memory of a program let go: Keras, Python and the C library each hold on to some."""
    import keras

    keras.backend.clear_session(free_memory=False)
    gc.collect()
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "malloc_trim"):  # glibc
            libc.malloc_trim(0)
