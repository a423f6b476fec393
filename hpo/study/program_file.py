"""A file that says how a program is searched: its command, its parameters, where its values are read.

It is TOML, or YAML where PyYAML is installed. Its keys are the fields of the records in `program.py`, and what
`hpo.tunable` says of a function.
"""

import dataclasses
import re
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpo.errors import DefinitionError, HpoError, UsageError
from hpo.files import expanded, read
from hpo.messages import did_you_mean, one_line
from hpo.study.baseline import Baseline
from hpo.study.plain_objective import PlainObjective
from hpo.study.program import SEED, Program, ReportSource, ValueSource
from hpo.study.space import Categorical, Domain, Float, Int
from hpo.study.value_checks import flag, mapping, shown, text

__all__ = ["SUFFIXES", "is_program_file", "read_program"]

SUFFIXES = (".toml", ".yaml", ".yml")
_LARGEST = 1_000_000  # bytes
_KINDS: Mapping[str, type[Domain]] = {"float": Float, "int": Int, "categorical": Categorical}
_TEXTS = ("name", "title", "unit")
_LISTS = {"direction": "directions", "metric": "metrics"}  # key of one or several -> field
_OBJECTIVE = (*_TEXTS, *_LISTS, "seeds", "margin", "baselines", "space")
_PROGRAM = tuple(each.name for each in dataclasses.fields(Program) if each.name != "params")
_FLOAT = re.compile(r"[-+]?(\d[\d_]*)(\.\d*)?[eE][-+]?\d+$")  # 1e-4, which YAML 1.1 takes for a text


def is_program_file(ref: str) -> bool:
    """Whether a reference names such a file, by its suffix."""
    return ref.endswith(SUFFIXES)


def read_program(path: Path) -> PlainObjective:
    """What a file says of a program.

    Raises:
        UsageError: there is no such file, or it cannot be read.
        DefinitionError: it is no TOML or YAML, or says what cannot be; the message names the file.

    """
    path = expanded(path).absolute()
    try:
        written = read(path, most=_LARGEST)
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}; hpo init {shlex.quote(path.name)} writes one") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None
    try:
        return _objective(_table(path, written), path)
    except HpoError as error:
        raise DefinitionError(f"{path}: {error}") from None


def _table(path: Path, written: bytes) -> dict[str, Any]:
    """The file's keys."""
    try:
        content = written.decode()
    except UnicodeDecodeError as error:
        raise DefinitionError(f"not UTF-8 at byte {error.start}") from None
    if path.suffix == ".toml":
        try:
            return tomllib.loads(content)
        except (ValueError, RecursionError) as error:  # TOMLDecodeError is one; so is a number of 5,000 digits
            raise DefinitionError(f"not TOML: {one_line(error).partition(': ')[2]}") from None
    try:
        import yaml
    except ImportError:
        raise DefinitionError("YAML needs PyYAML: pip install pyyaml, or write it as TOML") from None

    # One that takes 1e-4 for the number that it is to everybody else.
    loader: Any = type("Loader", (yaml.SafeLoader,), {})
    loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789"))
    try:
        there = yaml.load(content, loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise DefinitionError(f"not YAML: {' '.join(str(error).split()):.300}") from None
    if not isinstance(there, dict):
        raise DefinitionError(f"it must have keys such as command and space, and is {shown(there)}")
    return there


def _objective(table: dict[str, Any], path: Path) -> PlainObjective:
    _refuse_unknown(table, (*_OBJECTIVE, *_PROGRAM), "it")
    for needed in ("command", "space"):
        if needed not in table:
            raise DefinitionError(f"it needs {needed}: {_EXAMPLES[needed]}")
    program = _program(table, path)
    said = {key: table[key] for key in (*_TEXTS, "margin") if key in table}
    listed = {
        field: (table[key],) if isinstance(table[key], str) else table[key]
        for key, field in _LISTS.items()
        if key in table
    }
    objective = PlainObjective(
        **{
            "name": path.stem,
            "function": program,
            "seeds": table.get("seeds", SEED in program.names),
            "baselines": _baselines(table.get("baselines", {})),
            "file": path,
            **said,
            **listed,
        }
    )
    read_there, wanted = program.value.count, len(objective.directions)
    if read_there and wanted and read_there != wanted:
        raise DefinitionError(f"value reads {read_there} values and direction names {wanted}: one for each")
    return objective


_EXAMPLES = {
    "command": 'command = ["python", "train.py", "{params}"]',
    "space": '[space.learning_rate] with type = "float", low = 1e-4, high = 0.1, log = true',
}


def _program(table: dict[str, Any], path: Path) -> Program:
    given = {key: value for key, value in table.items() if key in _PROGRAM}
    shell = flag(given.get("shell", False), "shell")
    if shell:
        given["command"] = [text(given["command"], "the command of a shell")]
    folder = expanded(text(given.get("working_folder", "."), "working_folder"))
    given["working_folder"] = path.parent / folder  # what is absolute stays
    given["params"] = {
        name: _domain(name, domain) for name, domain in _named(table["space"], "space", _EXAMPLES["space"])
    }
    for key, kind in (("value", ValueSource), ("reports", ReportSource)):
        if key in given:
            fields = mapping(given[key], key, 'pattern = "loss: (\\S+)"')
            _refuse_unknown(fields, [each.name for each in dataclasses.fields(kind)], key)
            try:
                given[key] = kind(**fields)
            except DefinitionError as error:
                raise DefinitionError(f"{key}: {error}") from None
    return Program(**given)


def _domain(name: str, given: Any) -> Domain:
    """The values of one parameter."""
    what = f"space.{name}"
    fields = mapping(given, what, 'type = "int", low = 1, high = 8')
    kind = fields.pop("type", "categorical" if "choices" in fields else None)
    if kind not in _KINDS:
        there = "has none" if kind is None else f"has {shown(kind)}"
        raise DefinitionError(f'{what} needs a type, "float", "int" or "categorical", and {there}')
    _refuse_unknown(fields, [each.name for each in dataclasses.fields(_KINDS[kind])], what)
    try:
        return _KINDS[kind](**fields)
    except TypeError as error:  # a field without a value of its own is missing
        raise DefinitionError(f"{what}: {str(error).partition('__init__() ')[2]}") from None
    except DefinitionError as error:
        raise DefinitionError(f"{what}: {error}") from None


def _baselines(given: Any) -> tuple[Baseline, ...]:
    there = _named(given, "baselines", '[baselines."by hand"] with learning_rate = 0.01')
    return tuple(
        Baseline(name=name, title="picked by hand", params=mapping(params, f"baselines.{name}"))
        for name, params in there
    )


def _named(given: Any, what: str, example: str) -> list[tuple[str, Any]]:
    return [(text(name, f"{what}: a name"), each) for name, each in mapping(given, what, example).items()]


def _refuse_unknown(given: Mapping[Any, Any], known: Any, what: str) -> None:
    for key in given:
        if key not in known:
            there = did_you_mean(str(key), known, f"there are: {', '.join(known)}")
            raise DefinitionError(f"{what} has no key {shown(key)}; {there}")
