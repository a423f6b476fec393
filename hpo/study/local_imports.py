"""What a definition imports from its own folder, and where this process imports from.

- The folder of a loaded definition comes last on the import path, so that what lies beside it hides no library.
- Which modules a file imports from its folder is found by reading: nothing is imported for it, and all text counts.
  What is imported under a name that is only known when the program runs is not seen.
- Of each name a process has one module, of each module one text. Two definitions in different folders may each have a
  `helpers.py`, and a file may change after it was imported. Python gives whoever imports a name the module it has under
  that name, so the second would silently run the first one's code; it is refused instead.
"""

import ast
import hashlib
import importlib
import sys
from collections.abc import Iterator, Mapping
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from hpo.errors import DefinitionError
from hpo.files import read

__all__ = ["StaleProcessError", "extend_path", "find_file", "neighbours", "own_path", "read_source", "refuse_taken"]

_LARGEST = 10_000_000  # bytes of a file of Python
_OURS = "hpo"  # whatever lies beside a file, this means the program that runs
_INSTALLED = ("site-packages", "dist-packages")  # folders of libraries

_added: list[str] = []  # folders that are on the path for a definition's sake alone
_texts: dict[Path, str] = {}  # neighbour -> digest of its text when a definition was loaded that imports it


def read_source(file: Path) -> bytes:
    """The text of a file of Python. Raises OSError."""
    return read(file, most=_LARGEST)


def extend_path(folder: Path) -> None:
    """Let what lies in `folder` be imported where nothing else has its name: it comes last, and hides nothing."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
        _added.append(str(folder))


def _is_extension(file: Path) -> bool:
    """Whether `file` can be imported for a definition's sake alone."""
    return any(file.is_relative_to(folder) for folder in _added)


def own_path() -> list[str]:
    """The import path without what definitions added: what a process that shall import the same things begins with."""
    return [entry for entry in sys.path if isinstance(entry, str) and entry not in _added]


def find_file(name: str, folder: Path) -> Path | None:
    """The file that `import name` would run, were `folder` on the path; None where that is nothing, or no file."""
    return _found_file(PathFinder.find_spec(name, [*sys.path, str(folder)]))


def _is_library(name: str, folder: Path) -> bool:
    """Whether a module of that name is a library's although there may be one in `folder`: the library comes first.

    It is the same in every process that began with the same path, whatever has been imported in it.
    """
    if name in sys.stdlib_module_names or folder.name in _INSTALLED:
        return True
    path = [Path(entry).resolve() for entry in own_path()]
    before = path[: path.index(folder)] if folder in path else path
    libraries = [str(entry) for entry in before if entry.name in _INSTALLED]
    return _found_file(PathFinder.find_spec(name, libraries)) is not None


def _found_file(found: ModuleSpec | None) -> Path | None:
    """A bare folder is none: it gives way to a module."""
    return Path(found.origin) if found is not None and found.origin is not None and found.has_location else None


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
        for name in _imported_names(at, package, folder):
            there = _neighbour_file(folder, name)
            if name in found or there is None or there == file or not _is_beside(name.partition(".")[0], folder):
                continue
            found[name] = there
            left.append((there, name if there.stem == "__init__" else name.rpartition(".")[0]))
    return found


def _imported_names(file: Path, package: str, folder: Path) -> Iterator[str]:
    """The dotted name of whatever a file may import: modules, their packages, and names in them that may be modules."""
    try:
        tree = ast.parse(read_source(file))
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


def _neighbour_file(folder: Path, name: str) -> Path | None:
    """The file of a module; None where it is none of the folder, or a package without a file of its own."""
    path = folder.joinpath(*name.split("."))
    for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
        if file.is_file():
            return file
    return None


def _is_beside(name: str, folder: Path) -> bool:
    """Whether to import that name is to import it from the folder."""
    return name != _OURS and not _is_library(name, folder)


class StaleProcessError(DefinitionError):
    """The process has imported something else than what is asked for now; a fresh one would load that."""


def refuse_taken(file: Path) -> None:
    """Refuse to load a definition whose imports from its own folder would give it something else here.

    Args:
        file: the definition's.

    Raises:
        StaleProcessError: another definition's neighbour has the name of one of its own, or one of its own has changed
            since it was imported.
        DefinitionError: something else on the import path has the name.

    """
    importlib.invalidate_caches()  # else files written just now may not be seen
    texts: dict[Path, str] = {}
    for name, place in neighbours(file).items():
        there = _imported_from(name, file.parent)
        if there is not None and there != place:
            kind = StaleProcessError if _is_extension(there) else DefinitionError
            raise kind(f"{file} imports {place}, but here {name!r} is {there} already: rename one of the two")
        texts[place] = _digest(place)
        if name in sys.modules and _texts.get(place, texts[place]) != texts[place]:
            raise StaleProcessError(f"{place} has changed since it was imported here: start this process again")
    _texts.update(texts)


def _imported_from(name: str, folder: Path) -> Path | None:
    """The file of the module of that name, whether or not it has been imported; None where that cannot be told."""
    module = sys.modules.get(name)
    if module is not None:
        path = getattr(module, "__file__", None)
        return None if path is None else Path(path).resolve()
    there = None if "." in name else find_file(name, folder)
    return None if there is None else there.resolve()


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(read_source(file)).hexdigest()
    except OSError:  # who imports it says so
        return ""
