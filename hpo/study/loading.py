"""Running a file for what it defines; its code may end that early, where it would begin something of its own.

A script that ends in `hpo.optimize(objective, …)` is loaded by each worker of that search. What stands above the call
is all that the file has for them.
"""

import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import CodeType, ModuleType

__all__ = ["end", "execute", "imported", "was_ended"]

_loads = threading.local()  # names: of the modules this thread is loading, the innermost last
_ENDED = "__hpo_ended__"  # set on a module whose code was left before its end


class _Ended(BaseException):  # no Exception, which that code might catch
    """Leaves a file's code."""

    def __init__(self, module: ModuleType | None) -> None:
        self.module = module  # as far as it was loaded
        super().__init__("the loading of a file ends at its call of hpo.optimize")


def execute(code: CodeType, module: ModuleType) -> None:
    """Run the code of a module. Raises whatever it raises."""
    with suppress(_Ended), _under_way(module.__name__):
        exec(code, module.__dict__)


def imported(name: str) -> ModuleType:
    """The module of that name. Raises whatever its code raises."""
    try:
        with _under_way(name):
            return importlib.import_module(name)
    except _Ended as ended:
        if ended.module is None:
            raise
        sys.modules[name] = ended.module  # Python has taken it away
        return ended.module


def end() -> None:
    """Where this thread is loading a file, that is all of it: its code goes no further. Else nothing happens."""
    names = getattr(_loads, "names", None)
    if names:
        module = sys.modules.get(names[-1])
        if module is not None:
            setattr(module, _ENDED, True)
        raise _Ended(module)


def was_ended(module: ModuleType) -> bool:
    """Whether the code of a module was left before its end."""
    return hasattr(module, _ENDED)


@contextmanager
def _under_way(name: str) -> Iterator[None]:
    _loads.names = [*getattr(_loads, "names", ()), name]
    try:
        yield
    finally:
        _loads.names.pop()
