"""Configurations a person names or writes down: a JSON file, a baseline's name, the best trial of a study."""

import json
from pathlib import Path

from hpo.errors import UsageError
from hpo.files import read
from hpo.study import Params, Space, StudyDefinition
from hpo.study.searchable import Searchable

__all__ = ["read_configurations", "read_one"]

_MOST = 10_000_000  # bytes; a file of configurations is far smaller


def read_configurations(path: Path, definition: Searchable, space: Space) -> list[Params]:
    """The configurations of `space` in a JSON file: one object, or a list of them.

    Raises:
        UsageError: the file cannot be read, is no JSON, or holds something that is no configuration of `space`; the
            message names the file, the entry and the parameter.

    """
    entries, listed = _read(path)
    for number, entry in enumerate(entries, start=1):
        where = f"{path}, configuration {number}" if listed else str(path)
        if problem := space.problem(entry):
            raise UsageError(f"{where}: {problem}; space {space.name!r} of {definition.name} is meant")
    return entries


def read_one(path: Path, definition: StudyDefinition) -> Params:
    """The one configuration in a JSON file, of any space of `definition`. Raises UsageError."""
    entries, _ = _read(path)
    if len(entries) != 1:
        raise UsageError(f"{path} holds {len(entries)} configurations; one is wanted here")
    problems = {space.name: space.problem(entries[0]) for space in definition.spaces}
    if all(problems.values()):
        told = "; ".join(f"not of space {name!r}: {problem}" for name, problem in problems.items())
        raise UsageError(f"{path} is no configuration of {definition.name}: {told}")
    return entries[0]


def _read(path: Path) -> tuple[list[Params], bool]:
    """The objects in a JSON file, and whether they were in a list."""
    try:
        content = json.loads(
            read(path, most=_MOST), object_pairs_hook=_no_twins
        )  # of bytes it knows the byte order mark
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}:{error.lineno}: not JSON: {error.msg}") from None
    except (UnicodeDecodeError, RecursionError):
        raise UsageError(
            f"{path} is not JSON: it must be UTF-8 text with one configuration or a list of them"
        ) from None
    except _TwinsError as error:
        raise UsageError(f"{path}: {error}") from None
    except ValueError:
        raise UsageError(f"{path} holds a number of thousands of digits: no parameter takes such a one") from None
    listed = isinstance(content, list)
    entries = content if listed else [content]
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict):
            where = f"{path}, entry {number}" if listed else str(path)
            raise UsageError(f'{where}: a configuration is a JSON object such as {{"layers": 2}}, not {entry!r:.40}')
    if not entries:
        raise UsageError(f"{path} holds no configuration")
    return entries, listed


class _TwinsError(ValueError):
    """One parameter twice in one object: JSON would silently take the last."""


def _no_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        name = next(name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1)
        raise _TwinsError(f"{name!r} is given twice")
    return made
