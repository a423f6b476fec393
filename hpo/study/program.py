"""A program that is run once for each trial: what it is given, and where its values are read."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from hpo.errors import DefinitionError
from hpo.files import read
from hpo.study import value_checks
from hpo.study.checked_records import By, Name, NotNegative, check
from hpo.study.placeholders import named, refuse_unknown
from hpo.study.space import Domain

__all__ = [
    "FOLDER",
    "PARAMS",
    "PARAMS_FILE",
    "PARAMS_JSON",
    "SEED",
    "STANDS_FOR",
    "TRIAL",
    "Program",
    "ReportSource",
    "ValueSource",
    "Word",
]

PARAMS, PARAMS_JSON, PARAMS_FILE = "params", "params_json", "params_file"
SEED, TRIAL, FOLDER = "seed", "trial", "folder"

STANDS_FOR: Mapping[str, str] = {
    PARAMS: "all parameters as options, each in words of its own",
    PARAMS_JSON: "all parameters as a JSON object",
    PARAMS_FILE: "path of a JSON file with all parameters, in the trial's folder",
    SEED: "the trial's seed",
    TRIAL: "the trial's number",
    FOLDER: "path of the trial's folder, which is made before it begins",
}
"""What may stand in braces beside the names of parameters."""

Word = str | tuple[str, ...]
"""One argument of a program; several that belong together, such as an option and its value, in a tuple."""

_LARGEST = 1_000_000  # bytes of a file whose text says which version of the program it is


def _texts(given: Any, what: str) -> tuple[str, ...]:
    """Texts; one alone will do."""
    listed = (given,) if isinstance(given, str) else value_checks.values(given, what)
    return tuple(value_checks.text(each, what) for each in listed)


def _words(given: Any, what: str) -> tuple[Word, ...]:
    """The arguments of a program, as a list or as one text."""
    if isinstance(given, str):
        try:
            return tuple(shlex.split(value_checks.text(given, what)))
        except ValueError as error:
            raise DefinitionError(f"{what} is no command: {error}") from None
    return tuple(
        _texts(each, f"{what}[{place}]") if isinstance(each, list | tuple) else value_checks.text(each, what)
        for place, each in enumerate(value_checks.values(given, what))
    )


def _pattern(given: Any, what: str) -> str:
    """A regular expression with a group, or one called value, for the number."""
    text = value_checks.text(given, what)
    try:
        compiled = re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise DefinitionError(f"{what} {text!r} is no regular expression: {error}") from None
    if not compiled.groups:
        raise DefinitionError(f"{what} {text!r} needs a group around the number: (\\S+)")
    if set(compiled.groupindex) - {"value", "step"}:
        raise DefinitionError(f"{what} {text!r} has groups called value and step, or none with a name")
    return text


def _patterns(given: Any, what: str) -> tuple[str, ...]:
    return tuple(_pattern(each, what) for each in _texts(given, what))


Texts = Annotated[tuple[str, ...], By(_texts)]
Patterns = Annotated[tuple[str, ...], By(_patterns)]


@dataclass(frozen=True, kw_only=True)
class ValueSource:
    """Where a trial's values are read, once the program has ended; by default its last line is the number.

    Raises:
        DefinitionError: a field is not of its kind, both patterns and keys are given, or a file without keys.

    """

    pattern: Patterns = ()  # one an objective; the last match in what it printed counts
    key: Texts = ()  # one an objective: of its last line that is a JSON object, or of `file`; a.b is b within a
    file: str = ""  # a JSON file that it writes; empty: what it printed

    def __post_init__(self) -> None:
        check(self, kind="value")
        if self.pattern and (self.key or self.file):
            raise DefinitionError("a value is read by a pattern or by a key, not by both")
        if self.file and not self.key:
            raise DefinitionError(f"a value in a file needs the key it has there, and {self.file!r} is given without")

    @property
    def count(self) -> int:
        """How many values it reads; 0: as many as there are in the last line."""
        return len(self.pattern) or len(self.key)


@dataclass(frozen=True, kw_only=True)
class ReportSource:
    """Where intermediate values are read while the program runs.

    Raises:
        DefinitionError: neither a pattern nor a key is given, or both.

    """

    pattern: Annotated[str, By(lambda given, what: _pattern(given, what) if given != "" else "")] = ""
    # of a line, with groups called value and step; without a step its matches are counted from 0
    value: str = ""  # key of the value, in lines that are JSON objects
    step: str = ""  # key of the step there; empty: they are counted

    def __post_init__(self) -> None:
        check(self, kind="reports")
        if bool(self.pattern) == bool(self.value):
            raise DefinitionError("reports are read by a pattern, or by value, the key in lines of JSON; give one")


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program, how it is told a configuration, and how it tells what that came to.

    Raises:
        DefinitionError: a field is not of its kind, there is no command, or a text in braces stands for nothing.

    """

    command: Annotated[tuple[Word, ...], By(_words)]  # its arguments; of a shell the text alone
    shell: bool = False  # whether `command` is a text for /bin/sh
    params: Mapping[Name, Domain] = field(default_factory=dict, repr=False)  # those that it can be told
    working_folder: Path = field(default=Path(), repr=False)  # where it runs; differs between machines
    environment: Mapping[Name, str] = field(default_factory=dict)  # added to that of the worker
    option: str = "--{name} {value}"  # how {params} writes one of them; a blank begins another argument
    trials: str = "trials"  # folder of the trials' folders, within `working_folder`
    value: ValueSource = field(default_factory=ValueSource)
    reports: ReportSource | None = None  # None: it tells nothing while it runs
    infeasible: tuple[int, ...] = ()  # exit codes that say that a configuration cannot be run, which is no failure
    grace: NotNegative = 5.0  # seconds between SIGTERM and SIGKILL where it is ended

    def __post_init__(self) -> None:
        check(self)
        if not self.command:
            raise DefinitionError("a program's command must have a word: python train.py {params}")
        if not self.params:
            raise DefinitionError("a program needs a parameter to search, with the values it may have")
        if self.shell and (len(self.command) != 1 or not isinstance(self.command[0], str)):
            raise DefinitionError("a command for a shell is one text, as it would be typed")
        for name in self.params:
            if name in STANDS_FOR:
                raise DefinitionError(f"a program's parameter cannot be called {name}: that is {STANDS_FOR[name]}")
        self._refuse_inactive()
        known = (*self.params, *STANDS_FOR)
        for text in (*self.flat, *self.environment.values(), self.value.file):
            refuse_unknown(text, known, f"a program's {text!r:.60}")
        refuse_unknown(self.option, ("name", "value"), "a program's option")
        if self.value.file and not {FOLDER, TRIAL} & set(named(self.value.file)):
            raise DefinitionError(
                f"a program's value is in a file of its trial's own, and two trials would share {self.value.file!r}: "
                "write {folder} or {trial} into its path"
            )
        for code in self.infeasible:
            if not 1 <= code <= 255:
                raise DefinitionError(f"a program's infeasible are exit codes from 1 to 255, not {code}")

    def _refuse_inactive(self) -> None:
        """Refuse words that a configuration without some conditional parameter would leave without sense."""
        conditional = {name for name, domain in self.params.items() if domain.when}
        if elsewhere := conditional.intersection(named(self.value.file)):
            raise DefinitionError(f"the path of a value's file names {{{min(elsewhere)}}}, which is not always there")
        before = ""
        for word in self.command:
            absent = conditional.intersection(named(word)) if isinstance(word, str) else None
            if absent and self.shell:
                raise DefinitionError(
                    f"a shell's command cannot leave out {{{min(absent)}}}, which is not always there: write {{params}}"
                )
            if absent and before.startswith("-") and "=" not in before:
                raise DefinitionError(
                    f"a program's {before} would stay without its value where {min(absent)} is not there: write both as"
                    f' one list within the command, ["{before}", "{word}"], or {before}={word}'
                )
            before = word if isinstance(word, str) else ""

    @property
    def flat(self) -> tuple[str, ...]:
        """The words of its command, whatever belongs together."""
        return tuple(_flat(self.command))

    @property
    def title(self) -> str:
        """Its command in one line."""
        return f"the program {' '.join(' '.join(self.flat).split())}"

    @property
    def names(self) -> frozenset[str]:
        """All that it is told, by the words in braces."""
        texts = (*self.flat, *self.environment.values(), self.value.file)
        return frozenset(name for text in texts for name in named(text))

    def texts(self) -> list[tuple[str, bytes]]:
        """Name and text of the files beside it that its command names: which version of the program it is.

        Those elsewhere, such as /usr/bin/python3, are the machine's.
        """
        found: dict[str, bytes] = {}
        for word in self.flat if not self.shell else self.flat[0].split():
            if not Path(word).is_absolute() and not named(word):
                try:
                    found[word] = b"\n".join(read(self.working_folder / word, most=_LARGEST).splitlines())
                except (OSError, ValueError):  # it is no file, or no path
                    continue
        return sorted(found.items())


def _flat(words: Iterable[Word]) -> Iterator[str]:
    for word in words:
        yield from (word,) if isinstance(word, str) else word
