"""Which text of a definition this is: workers on several hosts must train the same one."""

import functools
import hashlib
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["digest", "sources"]

_OWN = "hpo."  # modules of ours; hpo's own version is told apart from a definition's
_LENGTH = 16  # hexadecimal digits: nobody has 2^32 versions of one definition


def digest(said: str, functions: Iterable[Callable[..., object]]) -> str:
    """One word for what a definition does: 16 hexadecimal digits.

    Args:
        said: what its record says, as text that is the same in every process.
        functions: the functions it names; the text of the modules they are from counts, with its line ends normalised.

    """
    told = hashlib.sha256(said.encode())
    for name, text in sources(functions):
        told.update(b"\0" + name.encode() + b"\0" + text)
    return told.hexdigest()[:_LENGTH]


def sources(functions: Iterable[Callable[..., object]]) -> list[tuple[str, bytes]]:
    """Name and text of every file the functions are from, in order: a lone file, or all .py files of its package.

    A name says a file's place in its package, not where that lies, which differs between hosts; a lone file has none.
    hpo's own modules are left out, and so is what has no file or cannot be read.
    """
    found: set[tuple[str, bytes]] = set()
    for function in functions:
        module = _module(function)
        path = None if module is None else getattr(module, "__file__", None)
        if module is None or path is None:
            continue
        for name, file in _files(module, Path(path)):
            try:
                found.add((name, b"\n".join(file.read_bytes().splitlines())))
            except OSError:
                continue
    return sorted(found)


def _module(function: Any) -> ModuleType | None:
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__module__", None) or type(function).__module__
    return None if f"{name}.".startswith(_OWN) else sys.modules.get(name)


def _files(module: ModuleType, path: Path) -> list[tuple[str, Path]]:
    package = module.__package__
    if not package:  # a file of its own
        return [("", path)]
    return [(f"{package}/{file.relative_to(path.parent).as_posix()}", file) for file in path.parent.rglob("*.py")]
