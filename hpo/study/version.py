"""Which text of a definition this is: workers on several hosts must train the same one."""

import functools
import hashlib
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from hpo.study.local_imports import neighbours, read_source

__all__ = ["digest", "digest_of", "sources"]

_OWN = "hpo."  # modules of ours; hpo's own version is told apart from a definition's
_LENGTH = 16  # hexadecimal digits: nobody has 2^32 versions of one definition


def digest(said: str, functions: Iterable[Callable[..., object]], file: Path | None = None) -> str:
    """One word for what a definition does: 16 hexadecimal digits.

    Args:
        said: what its record says, as text that is the same in every process.
        functions: the functions it names; the text of the modules they are from counts, with its line ends normalised.
        file: the lone file the definition itself is from, where that is known; it counts where it imports neighbours,
            as these may be all that the functions are from.

    """
    return digest_of(said, sources(functions, file))


def digest_of(said: str, texts: Iterable[tuple[str, bytes]]) -> str:
    """The same of what its record says, and of the name and the text of each of its files."""
    told = hashlib.sha256(said.encode())
    for name, text in texts:
        told.update(b"\0" + name.encode() + b"\0" + text)
    return told.hexdigest()[:_LENGTH]


def sources(functions: Iterable[Callable[..., object]], file: Path | None = None) -> list[tuple[str, bytes]]:
    """Name and text of every file the functions are from, in order: a lone file and its neighbours, or a whole package.

    A name says a file's place in its package, or in its folder, not where that lies, which differs between hosts; a
    lone file has none. hpo's own modules are left out, and so is what has no file or cannot be read.
    """
    places = {place for function in functions for place in _files(_module(function))}
    if file is not None and len(beside := _lone(file)) > 1:
        places |= set(beside)
    found: set[tuple[str, bytes]] = set()
    for name, path in places:
        try:
            found.add((name, b"\n".join(read_source(path).splitlines())))
        except OSError:
            continue
    return sorted(found)


def _module(function: Any) -> ModuleType | None:
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__module__", None) or type(function).__module__
    return None if f"{name}.".startswith(_OWN) else sys.modules.get(name)


def _files(module: ModuleType | None) -> list[tuple[str, Path]]:
    """The .py files of a package, or a lone file with its neighbours."""
    path = None if module is None else getattr(module, "__file__", None)
    if module is None or path is None:
        return []
    package, file = module.__package__, Path(path)
    if not package:
        return _lone(file)
    return [(f"{package}/{each.relative_to(file.parent).as_posix()}", each) for each in file.parent.rglob("*.py")]


def _lone(file: Path) -> list[tuple[str, Path]]:
    file = file.resolve()
    return [("", file), *((each.relative_to(file.parent).as_posix(), each) for each in neighbours(file).values())]
