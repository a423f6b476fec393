"""TensorFlow starts without a word and with its fast kernels; both are settled before it is imported, or never.

Its C++ greets on stderr before it reads any log level. Of the kernels of a convolutional network it has two sets, and
takes Intel's oneDNN of itself only where a processor has instructions for neural networks (AVX-512 VNNI and later), but
they are 1.5 to 2 times as fast on a processor that has only AVX2: benchmarks/kernels.py.
"""

import importlib.util
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["prepare_tensorflow", "silent_stderr"]

_NAME = "tensorflow"
_X86 = ("x86_64", "AMD64")  # elsewhere TensorFlow decides


def prepare_tensorflow() -> None:
    """Have TensorFlow be silent and fast when somebody's code imports it in this process, now or later.

    Does nothing where it is imported already. $TF_ENABLE_ONEDNN_OPTS=0 asks for the other kernels.
    """
    if _NAME not in sys.modules and not any(isinstance(finder, _PreparingFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _PreparingFinder())


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Nothing on the process's stderr, whoever writes to it."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # there is no stderr to keep silent
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class _PreparingFinder(MetaPathFinder):
    """Finds TensorFlow as the other finders do, once, with a loader that prepares its start."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """TensorFlow's; None for all else."""
        del path, target
        if fullname != _NAME:
            return None
        sys.meta_path.remove(self)
        found = importlib.util.find_spec(fullname)
        if found is not None and found.loader is not None:
            found.loader = _PreparingLoader(found.loader)
        return found


class _PreparingLoader(Loader):
    """Loads by another loader, whose place it takes only while that loads."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the other has it."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """As the other has it. Raises whatever the module raises."""
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        if platform.machine() in _X86:
            os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        with silent_stderr():
            self._loader.exec_module(module)
