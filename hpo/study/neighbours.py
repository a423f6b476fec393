"""The modules a file imports from its own folder, found by reading: nothing is imported for it, and all text counts.

What is imported under a name that is only known when the program runs is not seen.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from hpo.files import read
from hpo.study.import_path import is_library

__all__ = ["neighbours"]

_LARGEST = 10_000_000  # bytes of a file of Python
_OURS = "hpo"  # whatever lies beside a file, this means the program that runs


def neighbours(file: Path) -> Mapping[str, Path]:
    """Name -> file of the modules that `file` imports from its folder, and those that they import from it in turn.

    Imports within functions count, and those for the sake of types. A package counts with what is imported of it. The
    names of libraries mean the libraries, and what is installed has no neighbours.

    Args:
        file: a Python file, which need not be sound.

    """
    folder = file.parent
    found: dict[str, Path] = {}
    left = [(file, "")]  # and the package whose relative imports it may use
    while left:
        at, package = left.pop()
        for name in _imported(at, package, folder):
            there = _file(folder, name)
            if name in found or there is None or there == file or not _is_beside(name.partition(".")[0], folder):
                continue
            found[name] = there
            left.append((there, name if there.stem == "__init__" else name.rpartition(".")[0]))
    return found


def _imported(file: Path, package: str, folder: Path) -> Iterator[str]:
    """The dotted name of whatever a file may import: modules, their packages, and names in them that may be modules."""
    try:
        tree = ast.parse(read(file, most=_LARGEST))
    except (OSError, SyntaxError, ValueError, RecursionError):  # whoever loads it says what is wrong
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_packages(alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            if base is None:
                continue
            yield from _with_packages(base)
            for alias in node.names:
                names = _modules(folder, base) if alias.name == "*" else (alias.name,)
                yield from (f"{base}.{name}" for name in names)


def _base(node: ast.ImportFrom, package: str) -> str | None:
    """What `from` names, in full; None where that is above the folder."""
    if not node.level:
        return node.module
    above = package.split(".") if package else []
    if node.level > len(above):
        return None
    return ".".join([*above[: len(above) - node.level + 1], *filter(None, [node.module])])


def _with_packages(name: str) -> Iterator[str]:
    """a, a.b and a.b.c of a.b.c: to import a module is to import its packages."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        yield ".".join(parts[:end])


def _modules(folder: Path, package: str) -> Iterator[str]:
    """What `from package import *` may import besides the package."""
    there = folder.joinpath(*package.split("."))
    for path in there.glob("*.py"):
        if path.stem != "__init__":
            yield path.stem


def _file(folder: Path, name: str) -> Path | None:
    """The file of a module; None where it is none of the folder, or a package without a file of its own."""
    path = folder.joinpath(*name.split("."))
    for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
        if file.is_file():
            return file
    return None


def _is_beside(name: str, folder: Path) -> bool:
    """Whether to import that name is to import it from the folder."""
    return name != _OURS and not is_library(name, folder)
