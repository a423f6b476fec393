"""How other processes find a function or a definition that a program hands over: the text that names it.

Workers load by reference, as `hpo.study.registry` finds things: a file's or a module's attribute. So what is handed
over is looked for under a name of a module, its own first. What has no such name anywhere, or is in no file, can only
be run where it is.
"""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, TypeAlias

from hpo.errors import UsageError
from hpo.study import StudyDefinition, plain_objective, registry
from hpo.study.plain_objective import PlainObjective
from hpo.study.program import Program

__all__ = ["Found", "Thing", "referenced"]

Thing: TypeAlias = str | StudyDefinition | PlainObjective | Callable[..., Any]
"""What can be searched: a text as the command line takes it, a definition, or an Optuna objective."""

_INSTALLED = {"site-packages", "dist-packages"}  # folders of libraries
_MAIN = "__main__"


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was handed over, as `registry.find` takes it."""

    reference: str
    name: str  # for a message
    only_here: bool = False  # whether no other process can load it


def referenced(thing: Thing) -> Found:
    """The reference of what can be searched; of what only this process has, one that means something here alone.

    Args:
        thing: a text is taken as it is.

    Raises:
        UsageError: it is nothing that can be searched.
        DefinitionError: it can be called, but not with a trial.

    """
    if isinstance(thing, str):
        return Found(reference=thing, name=thing)
    if not isinstance(thing, StudyDefinition | PlainObjective) and plain_objective.of(thing, _name(thing)) is None:
        raise UsageError(
            f"what is searched is a StudyDefinition, a function of an Optuna trial, or a text that names one, such as "
            f"cnn or ./mine.py:study, not {thing!r:.80}"
        )
    for module in _modules(thing):
        for name in _names(module, thing):
            where = _place(module, thing)
            if where is not None:
                return Found(reference=f"{where}:{name}", name=name)
    function = thing.function if isinstance(thing, PlainObjective) else None
    if isinstance(thing, PlainObjective) and isinstance(function, Program):
        if thing.file is not None:
            return Found(reference=str(thing.file), name=thing.name)
    elif function is not None and not isinstance(function, Program):  # as the registry makes one of a function
        its = referenced(function)
        if not its.only_here:
            return its
    name = _name(thing)
    return Found(reference=registry.hold(re.sub(r"\W|^(?=\d)", "_", name), thing), name=name, only_here=True)


def _name(thing: object) -> str:
    """What it is called."""
    name = thing.name if isinstance(thing, StudyDefinition | PlainObjective) else getattr(thing, "__name__", "")
    return name if isinstance(name, str) and name.strip() and name != "<lambda>" else "objective"


def _functions(thing: object) -> tuple[object, ...]:
    """Whose module is most likely its own."""
    if isinstance(thing, StudyDefinition):
        return (thing.build, thing.data)
    return (thing.function,) if isinstance(thing, PlainObjective) else (thing,)


def _modules(thing: object) -> Iterator[ModuleType]:
    """Where it may be: where its functions are from, then anywhere, and last in the program that runs.

    The program may have imported it in a place that only it gets to.
    """
    homes = dict.fromkeys(getattr(each, "__module__", None) for each in _functions(thing))
    rest = [name for name in list(sys.modules) if name not in homes and name != _MAIN]
    for name in [*homes, *rest, _MAIN]:
        module = sys.modules.get(name or "")
        if isinstance(module, ModuleType) and (name == _MAIN or module.__name__ != _MAIN):
            yield module


def _names(module: ModuleType, thing: object) -> Iterator[str]:
    """Names the module has for it that a reference may have."""
    there = [name for name, value in list(vars(module).items()) if _same(value, thing) and name.isidentifier()]
    home = any(getattr(each, "__module__", None) == module.__name__ for each in _functions(thing))
    yield from (name for name in there if home or not name.startswith("_"))  # the prompt keeps what it has shown as _


def _same(value: object, thing: object) -> bool:
    """Of a definition the registry puts a copy into its module, which knows its file."""
    return value is thing or (isinstance(value, StudyDefinition) and value == thing)


def _place(module: ModuleType, thing: object) -> str | None:
    """The file or the module to name, for any process to load; None where there is none."""
    spec, file = getattr(module, "__spec__", None), getattr(module, "__file__", None)
    path = None if file is None else Path(file)
    if module.__name__ == _MAIN:
        if path is None or not path.is_file() or any(_was_typed(each) for each in _functions(thing)):
            return None
        if spec is not None and spec.parent:  # python -m package.module
            return str(spec.name)
        try:
            return registry.adopt(module, path)
        except OSError:
            return None
    if path is None or spec is None:
        return None
    lone = not module.__package__ and path.suffix == ".py" and not _INSTALLED & set(path.parts)
    return str(path) if lone else module.__name__


def _was_typed(function: object) -> bool:
    """Whether its text is in no file: of a notebook's cell, whose program may have one nevertheless."""
    code = getattr(function, "__code__", None)
    return isinstance(code, CodeType) and not Path(code.co_filename).is_file()
