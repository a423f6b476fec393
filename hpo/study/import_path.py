"""Where this process imports from: Python's own import path and, last on it, the folders of loaded definitions."""

import sys
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

__all__ = ["extend", "extended", "find", "is_library", "own"]

_INSTALLED = ("site-packages", "dist-packages")  # folders of libraries

_added: list[str] = []  # folders that are on the path for a definition's sake alone


def extend(folder: Path) -> None:
    """Let what lies in `folder` be imported where nothing else has its name: it comes last, and hides nothing."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
        _added.append(str(folder))


def extended(file: Path) -> bool:
    """Whether `file` can be imported for a definition's sake alone."""
    return any(file.is_relative_to(folder) for folder in _added)


def own() -> list[str]:
    """The import path without what definitions added: what a process that shall import the same things begins with."""
    return [entry for entry in sys.path if isinstance(entry, str) and entry not in _added]


def find(name: str, folder: Path) -> Path | None:
    """The file that `import name` would run, were `folder` on the path; None where that is nothing, or no file."""
    return _file(PathFinder.find_spec(name, [*sys.path, str(folder)]))


def is_library(name: str, folder: Path) -> bool:
    """Whether a module of that name is a library's although there may be one in `folder`: the library comes first.

    It is the same in every process that began with the same path, whatever has been imported in it.
    """
    if name in sys.stdlib_module_names or folder.name in _INSTALLED:
        return True
    path = [Path(entry).resolve() for entry in own()]
    before = path[: path.index(folder)] if folder in path else path
    libraries = [str(entry) for entry in before if entry.name in _INSTALLED]
    return _file(PathFinder.find_spec(name, libraries)) is not None


def _file(found: ModuleSpec | None) -> Path | None:
    """A bare folder is none: it gives way to a module."""
    return Path(found.origin) if found is not None and found.origin is not None and found.has_location else None
