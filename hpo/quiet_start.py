"""TensorFlow starts without a word: its C++ greets on stderr before it reads any log level."""

import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["quieten_tensorflow", "silent_stderr"]

_NAME = "tensorflow"


def quieten_tensorflow() -> None:
    """Have TensorFlow say nothing when somebody's code imports it in this process, now or later."""
    if _NAME not in sys.modules and not any(isinstance(finder, _QuietFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _QuietFinder())


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


class _QuietFinder(MetaPathFinder):
    """Finds TensorFlow as the other finders do, once, with a loader that is silent."""

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
            found.loader = _QuietLoader(found.loader)
        return found


class _QuietLoader(Loader):
    """Loads by another loader, whose place it takes only while that loads."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the other has it."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """As the other has it. Raises whatever the module raises."""
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        with silent_stderr():
            self._loader.exec_module(module)
