"""The neighbours of definitions as this process has them: of each name one module, of each module one text.

Two definitions in different folders may each have a `helpers.py`, and a file may change after it was imported. Python
gives whoever imports a name the module it has under that name, so the second would silently run the first one's code.
"""

import hashlib
import importlib
import sys
from pathlib import Path

from hpo.errors import DefinitionError
from hpo.files import read
from hpo.study.import_path import extended, find
from hpo.study.neighbours import neighbours

__all__ = ["StaleProcessError", "refuse_taken"]

_LARGEST = 10_000_000  # bytes of a file of Python
_texts: dict[Path, str] = {}  # neighbour -> digest of its text when a definition was loaded that imports it


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
            kind = StaleProcessError if extended(there) else DefinitionError
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
    there = None if "." in name else find(name, folder)
    return None if there is None else there.resolve()


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(read(file, most=_LARGEST)).hexdigest()
    except OSError:  # who imports it says so
        return ""
