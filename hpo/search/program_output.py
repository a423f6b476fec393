"""What a program tells of its trial: values and reports in what it prints or writes, and its last words."""

import json
import re
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from optuna.exceptions import TrialPruned
from optuna.trial import Trial

from hpo.files import read
from hpo.messages import printable
from hpo.search.running_program import Stream
from hpo.study.program import Program

__all__ = ["ProgramFailed", "ProgramOutput"]

_TAIL = 50  # lines kept of what a program wrote to its standard error
_LONGEST = 300  # characters of its last words
_LARGEST = 100_000_000  # bytes of a file with values


class ProgramFailed(Exception):  # noqa: N818 - an outcome, named as the field names it
    """A program came to no value."""

    def __init__(self, why: str, details: str = "") -> None:
        self.details = details  # the end of what it wrote to its standard error
        super().__init__(why)


class ProgramOutput:
    """What is read of a program's lines."""

    def __init__(self, program: Program, trial: Trial, file: Path | None) -> None:
        """`file`: where the program writes its values; None: it prints them."""
        self._source = program.value
        self._file = file
        self._trial = trial
        self._reports = program.reports
        self._one = len(trial.study.directions) == 1  # pruning knows one value
        self._patterns = [re.compile(pattern) for pattern in program.value.pattern]
        self._found: dict[int, str] = {}  # place among these -> what its last match found
        self._reported = 0  # how often
        self._last = ""  # the last line of standard output with anything in it
        self._last_json: Mapping[str, Any] = {}  # the last that is an object with the first key
        self._errors: deque[str] = deque(maxlen=_TAIL)

    def take(self, stream: Stream, line: str) -> None:
        """Take in a line, and show it. Raises TrialPruned."""
        print(line, file=sys.stdout if stream == "out" else sys.stderr)
        if stream == "err":
            self._errors.append(printable(line))
        elif line.strip():
            self._last = line
        for place, pattern in enumerate(self._patterns):
            for match in pattern.finditer(line):
                self._found[place] = _group(match)
        document = _document(line) if stream == "out" else None
        if document is not None and self._source.key and _within(document, self._source.key[0]) is not None:
            self._last_json = document
        if self._reports is not None and self._one:
            self._report(line, document)

    def _report(self, line: str, document: Mapping[str, Any] | None) -> None:
        assert self._reports is not None
        for value, step in self._matches(line) if self._reports.pattern else self._keyed(document):
            number, place = _number(value), _number(self._reported if step is None else step)
            if number is None or place is None:
                continue
            self._reported += 1
            self._trial.report(number, max(0, int(place)))
            if self._trial.should_prune():
                raise TrialPruned

    def _matches(self, line: str) -> Iterator[tuple[Any, Any]]:
        assert self._reports is not None
        for match in re.finditer(self._reports.pattern, line):
            yield _group(match), match.groupdict().get("step")

    def _keyed(self, document: Mapping[str, Any] | None) -> Iterator[tuple[Any, Any]]:
        assert self._reports is not None
        if document is not None and _within(document, self._reports.value) is not None:
            step = _within(document, self._reports.step) if self._reports.step else None
            yield _within(document, self._reports.value), step

    @property
    def errors(self) -> str:
        """The end of what it wrote to its standard error."""
        return "\n".join(self._errors)

    @property
    def last_words(self) -> str:
        """The last line that it wrote there, or else anywhere, as the end of a sentence; "" where there is none."""
        said = next((line.strip() for line in reversed(self._errors) if line.strip()), "") or self._last.strip()
        return f": {printable(said)[:_LONGEST]}" if said else ""

    def values(self) -> float | list[float]:
        """What it came to. Raises ProgramFailed."""
        if self._patterns:
            texts: Sequence[Any] = [self._found.get(place) for place in range(len(self._patterns))]
            where = "line that matches"
        elif self._source.key:
            there = self._last_json if self._file is None else self._written(self._file)
            texts = [_within(there, key) for key in self._source.key]
            where = "key in that file" if self._source.file else "line of JSON with the key"
        else:
            texts = self._last.replace(",", " ").split()
            return self._counted(texts)
        for text, wanted in zip(texts, self._source.pattern or self._source.key, strict=True):
            if text is None:
                raise ProgramFailed(f"it gave no value: there is no {where} {wanted!r}", self.errors)
        return self._counted(texts)

    def _counted(self, texts: Sequence[Any]) -> float | list[float]:
        """As many numbers as there are directions."""
        numbers = [_number(text) for text in texts]
        wanted = len(self._trial.study.directions)
        if len(numbers) != wanted or any(number is None for number in numbers):
            what = "a number" if wanted == 1 else f"{wanted} numbers"
            read = " ".join(map(str, texts))[:100]
            raise ProgramFailed(f"its value is to be {what}, and what was read is {read!r}", self.errors)
        found = [number for number in numbers if number is not None]
        return found[0] if self._one else found

    def _written(self, file: Path) -> Mapping[str, Any]:
        """What is in the file. Raises ProgramFailed."""
        try:
            there = json.loads(read(file, most=_LARGEST))
        except (OSError, ValueError, RecursionError) as error:
            why = getattr(error, "strerror", None) or f"it is no JSON: {error}"
            raise ProgramFailed(f"its value cannot be read in {file}: {why}", self.errors) from None
        return there if isinstance(there, dict) else {}


def _group(match: "re.Match[str]") -> str:
    """What a pattern is after: its group value, or its first."""
    return match["value"] if "value" in match.re.groupindex else match[1]


def _document(line: str) -> Mapping[str, Any] | None:
    """A line that is a JSON object."""
    if not line.lstrip().startswith("{"):
        return None
    try:
        there = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return there if isinstance(there, dict) else None


def _within(document: Mapping[str, Any], key: str) -> Any:
    """What a document has under a key; a.b: under b within what it has under a. None where it has nothing."""
    if key in document:
        return document[key]
    first, _, rest = key.partition(".")
    inner = document.get(first)
    return _within(inner, rest) if rest and isinstance(inner, dict) else None


def _number(text: Any) -> float | None:
    if isinstance(text, bool):
        return None
    try:
        return float(text)
    except (TypeError, ValueError, OverflowError):
        return None
