"""Where what can be searched is found: by the name it is installed under, in a module, or in a file.

Mostly it is a `StudyDefinition`; any other function of an Optuna trial will do, decorated or not, and so will a file
that says how a program is run.
"""

import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.machinery import SourceFileLoader
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from hpo.errors import DefinitionError, HpoError, UsageError
from hpo.files import expanded
from hpo.messages import did_you_mean, one_line, said, unmute_notes
from hpo.settings import use_backend
from hpo.study import loading, plain_objective
from hpo.study.contained import contained, line, run
from hpo.study.definition import StudyDefinition
from hpo.study.direction import Direction
from hpo.study.local_imports import extend_path, find_file, read_source, refuse_taken
from hpo.study.plain_objective import PlainObjective
from hpo.study.program_file import is_program_file, read_program
from hpo.study.searchable import Searchable
from hpo.tensorflow_start import prepare_tensorflow

__all__ = ["GROUP", "adopt", "attribute", "find", "hold", "load", "names", "reference", "version"]

GROUP = "hpo.studies"  # the entry-point group installed definitions are found under
_SOURCE = "__hpo_source__"  # set on a module loaded from a file: digest of the text it was made from
_HELD = "this_process"  # the module of what was made in this process alone
_OBJECTIVES = "__hpo_objectives__"  # set on a module: name -> the record of the objective that was found there


def load(ref: str | StudyDefinition) -> StudyDefinition:
    """Find a study definition. Raises as `find`, and DefinitionError where it is an objective and no definition."""
    found = ref if isinstance(ref, StudyDefinition) else find(ref)
    if isinstance(found, StudyDefinition):
        return found
    what = "a program" if isinstance(found, PlainObjective) and found.program is not None else "an Optuna objective"
    raise DefinitionError(
        f"{ref} is {what}, of which hpo knows neither data nor models: hpo optimize and submit search it, and what "
        "trains, measures tables or picks a space needs a StudyDefinition"
    )


def find(ref: str | Searchable, directions: Sequence[Direction] = ()) -> Searchable:
    """Find what can be searched: a study definition, or an Optuna objective.

    Args:
        ref: an installed name (`cnn`), `package.module:attribute`, `path/to/file.py:attribute`, or `path/to/file.toml`,
            which is about a program; a ready record is returned as it is.
        directions: which values are better, of an objective that does not say so itself. A definition always does.

    Raises:
        UsageError: nothing goes by that name, and the message tells what there is; or an objective says another
            direction.
        DefinitionError: it was found but cannot be loaded; the message tells the file, the line and the cause.
        StaleProcessError: it could be in a fresh process: this one has something else under a name it imports.

    """
    if isinstance(ref, StudyDefinition):
        return ref
    if isinstance(ref, PlainObjective):
        return _toward(ref, directions)
    if not isinstance(ref, str) or not ref.strip():
        raise UsageError(f"a definition is named by a text such as cnn or ./my_study.py:study, not {ref!r}")
    found = read_program(Path(ref)) if is_program_file(ref) else _pick(*_find(ref), ref)
    return _toward(found, directions) if isinstance(found, PlainObjective) else found


def _toward(found: PlainObjective, directions: Sequence[Direction]) -> PlainObjective:
    """The objective with the directions it lacks. Raises UsageError where it has others."""
    if not directions or found.directions == tuple(directions):
        return found
    if found.directions:
        raise UsageError(
            f"objective {found.name} says itself that it is to {', '.join(found.directions)}, not to "
            f"{', '.join(directions)}: leave --direction out, or change its decorator"
        )
    return replace(found, directions=tuple(directions))


def attribute(ref: str) -> object:
    """Whatever `package.module:attribute` or `path/to/file.py:attribute` names. Raises as `load`."""
    module, name = _find(ref)
    if not hasattr(module, name):
        raise DefinitionError(f"{_where(module)} has no {name!r}")
    return getattr(module, name)


def version(ref: str | Searchable) -> str:
    """Which text of its code is found here; see `StudyDefinition.version`. Raises as `find`."""
    return find(ref).version


def names() -> tuple[str, ...]:
    """The installed definitions, in alphabetical order."""
    return tuple(sorted(_installed()))


def reference(ref: str) -> str:
    """`ref` as any process may load it, whatever folder that runs in: the path of a file is made absolute."""
    if is_program_file(ref):
        return str(expanded(ref).absolute())
    where, colon, attribute = ref.rpartition(":")
    return f"{_absolute(Path(where))}:{attribute}" if colon and _is_file(where) else ref


def adopt(program: ModuleType, file: Path) -> str:
    """Take the program that runs for the module of its file, whose code shall not run once more here; that file's path.

    Raises:
        OSError: the file cannot be read.

    """
    path = _absolute(file)
    setattr(program, _SOURCE, hashlib.sha256(read_source(path)).hexdigest())
    sys.modules[_name_of(path)] = program
    return str(path)


def hold(name: str, thing: object) -> str:
    """A reference of what was made in this process alone, in no file: nobody else can load it."""
    module = sys.modules.setdefault(_HELD, ModuleType(_HELD))
    setattr(module, name, thing)
    vars(module).get(_OBJECTIVES, {}).pop(name, None)
    return f"{_HELD}:{name}"


def _find(ref: str) -> tuple[ModuleType, str]:
    """The module a reference names, loaded, and the name in it."""
    where, colon, name = ref.rpartition(":")
    if not colon:
        where, name = _installed().get(ref) or _refuse(ref)
    elif not where or not name.isidentifier():
        raise UsageError(f"{ref!r} names no definition: write MODULE:ATTRIBUTE or FILE.py:ATTRIBUTE")
    use_backend()
    prepare_tensorflow()
    try:
        return (_from_file(Path(where)) if _is_file(where) else _from_module(where, ref)), name
    finally:
        unmute_notes()


def _is_file(where: str) -> bool:
    return where.endswith(".py") or "/" in where or "\\" in where


def _installed() -> Mapping[str, tuple[str, str]]:
    """Installed name -> its module and attribute. Of two distributions with one name, the first on the path counts."""
    found: dict[str, tuple[str, str]] = {}
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, (point.module, point.attr))
    return found


def _refuse(name: str) -> tuple[str, str]:
    known = names()
    if _is_file(name):
        raise UsageError(f"{name!r} names a file but no definition in it: write {name}:ATTRIBUTE, such as {name}:study")
    there = did_you_mean(name, known, f"installed: {', '.join(known) or 'none'}")
    raise UsageError(
        f"there is no definition {name!r}; {there}; one of your own is named FILE.py:ATTRIBUTE, such as "
        "./my_study.py:study"
    )


def _from_module(name: str, ref: str) -> ModuleType:
    if name == _HELD and name not in sys.modules:
        raise UsageError(
            f"{ref!r} was made at a prompt or in a notebook, and ended with that process: put it into a file, which "
            "any process can load"
        )
    if "" not in sys.path:
        extend_path(Path.cwd())  # as `python -m` would
    if name.isidentifier() and name not in sys.modules:
        there = find_file(name, Path.cwd())
        if there is not None and there.stem == name:  # a lone module: its folder is what it imports neighbours from
            refuse_taken(there.resolve())
    try:
        return contained(lambda: loading.imported(name))
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise UsageError(
                f"{ref!r}: there is no module {error.name!r} here or among the installed ones; "
                "a file is named FILE.py:ATTRIBUTE"
            ) from error
        raise _broken(error, name) from error
    except Exception as error:
        raise _broken(error, name) from error


def _from_file(path: Path) -> ModuleType:
    path = _absolute(path)
    try:
        source = read_source(path)
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {path}; name a definition of your own FILE.py:ATTRIBUTE") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    digest = hashlib.sha256(source).hexdigest()
    name = _name_of(path)
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, _SOURCE, None) == digest:
        return loaded
    return _execute(path, source, name, digest)


def _name_of(path: Path) -> str:
    """Of the module of a file."""
    return f"hpo_study_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"


def _absolute(path: Path) -> Path:
    return Path(os.path.realpath(expanded(path)))  # other than Path.resolve it takes a link to itself


def _execute(path: Path, source: bytes, name: str, digest: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path, loader=SourceFileLoader(name, str(path)))
    assert spec is not None  # a location was given, and a loader, whatever the file's name ends in
    module = importlib.util.module_from_spec(spec)
    setattr(module, _SOURCE, digest)
    refuse_taken(path)
    extend_path(path.parent)  # so that it can import its neighbours, as it could where it is run by `python FILE.py`
    previous = sys.modules.get(name)
    sys.modules[name] = module  # dataclasses and pickle look a class's module up
    try:
        # Compiled here rather than by the import system, whose cached bytecode may be of an older text.
        contained(lambda: loading.execute(compile(source, str(path), "exec"), module))
    except BaseException as error:
        del sys.modules[name]
        if previous is not None:
            sys.modules[name] = previous
        if not isinstance(error, Exception):
            raise
        raise _broken(error, str(path)) from error
    return module


def _pick(module: ModuleType, name: str, ref: str) -> StudyDefinition | PlainObjective:
    try:
        found = getattr(module, name)
    except AttributeError as error:
        there = [each for each, value in vars(module).items() if _can_be_searched(value)]
        remedy = f"it has: {', '.join(there)}" if there else "it has neither a StudyDefinition nor an objective(trial)"
        if loading.was_ended(module):
            remedy = (
                f"it was loaded as far as its first call of hpo.optimize: define {name} above that call, or call it "
                "under if __name__ == '__main__'"
            )
        raise DefinitionError(f"{_where(module)} has no {name!r}; {remedy}") from error
    path = getattr(module, "__file__", None)
    file = Path(path) if path is not None and not module.__package__ else None
    if isinstance(found, StudyDefinition):
        if found.file != file:
            found = replace(found, file=file)  # a copy, as the module it was imported from may have it, too
            setattr(module, name, found)
        return found
    known: dict[str, PlainObjective] = vars(module).setdefault(_OBJECTIVES, {})
    if name not in known:  # made once, so that its version is that of the text it was loaded from
        objective = run(f"looking at {ref}", lambda: plain_objective.of(found, name))
        if objective is None:
            raise DefinitionError(_neither(found, f"{ref}: {name!r} in {_where(module)}"))
        known[name] = replace(objective, file=file)
    return known[name]


def _can_be_searched(value: object) -> bool:
    try:
        return isinstance(value, StudyDefinition) or plain_objective.is_objective(value)
    except Exception:  # an object of somebody's that cannot be looked at
        return False


def _neither(found: object, what: str) -> str:
    kind = type(found).__name__
    if kind == StudyDefinition.__name__:
        return f"{what} is a {kind} of another copy of hpo, whose modules were removed where it was made"
    return f"{what} is a {kind}, neither a StudyDefinition nor a function of an Optuna trial"


def _where(module: ModuleType) -> str:
    return getattr(module, "__file__", None) or module.__name__


def _broken(error: BaseException, where: str) -> HpoError:
    """One line with the file, the line and the cause; the innermost line of the definition's own code is named."""
    if isinstance(error, SyntaxError) and error.filename:
        return DefinitionError(f"{error.filename}:{error.lineno}: {type(error).__name__}: {error.msg}")
    cause = (said(error) if isinstance(error, HpoError) else "") or one_line(error)
    return DefinitionError(f"{line(error, where)}: {cause}")
