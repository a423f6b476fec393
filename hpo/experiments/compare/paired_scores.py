"""Paired scores in a file: a row a pair with a column a side, or a row a run with a column that says whose it is."""

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.analysis import Comparison, compare
from hpo.errors import UsageError
from hpo.files import expanded, read
from hpo.messages import did_you_mean
from hpo.study.checked_records import Name, check
from hpo.study.direction import Direction

__all__ = ["PairedScores", "PairedVerdict", "is_scores_file", "judge_scores", "read_scores"]

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_LARGEST = 100_000_000  # bytes


@dataclass(frozen=True, kw_only=True)
class PairedScores:
    """The scores of two sides, entry i of both made under the same conditions.

    Raises:
        UsageError: a field is not of its kind.

    """

    a: tuple[float, ...]  # (pairs,)
    b: tuple[float, ...]  # (pairs,)
    names: tuple[Name, Name]  # what the sides are called
    metric: Name = "score"

    def __post_init__(self) -> None:
        check(self, error=UsageError)


@dataclass(frozen=True, kw_only=True)
class PairedVerdict:
    """What came of a comparison of them.

    Raises:
        UsageError: a field is not of its kind.

    """

    file: Path
    direction: Direction
    scores: PairedScores
    comparison: Comparison

    def __post_init__(self) -> None:
        check(self, error=UsageError)

    def shortfall(self, wanted: str) -> str | None:
        """Why this is not the verdict `wanted`, in words; None where it is."""
        if self.comparison.verdict == wanted:
            return None
        return f"the verdict is {self.comparison.verdict}, and --require {wanted} asks for another"

    def to_json(self) -> dict[str, Any]:
        """What `hpo compare FILE --json` prints: the verdict's figures at the top level, as for a study."""
        first = {"file": str(self.file), "a": self.scores.names[0], "b": self.scores.names[1]}
        last = {"metric": self.scores.metric, "direction": self.direction}
        scores = {"scores": {"a": list(self.scores.a), "b": list(self.scores.b)}}
        return {**first, **self.comparison.to_json(), **last, **scores}


def is_scores_file(word: str) -> bool:
    """Whether a word names such a file, by its suffix."""
    return Path(word).suffix.lower() in _DELIMITERS


def judge_scores(
    path: Path, columns: Sequence[str], long: Sequence[str], direction: Direction, margin: float | None = None
) -> PairedVerdict:
    """Read and compare. Raises UsageError as `read_scores` and `hpo.analysis.compare`."""
    scores = read_scores(path, columns, long)
    found = compare(scores.a, scores.b, direction=direction, margin=margin)
    return PairedVerdict(file=path, direction=direction, scores=scores, comparison=found)


def read_scores(path: Path, columns: Sequence[str], long: Sequence[str] = ()) -> PairedScores:
    """The paired scores in a CSV or TSV file whose first row names its columns.

    Args:
        path: of the file.
        columns: the two to compare; of a long file the two sides.
        long: of a file with one row a run, the columns that say whose it is, which pair (a seed), and the score.

    Raises:
        UsageError: it cannot be read, lacks a column or one side of a pair, or a score is no finite number; the
            message names the row.

    """
    if len(columns) != 2 or columns[0] == columns[1]:
        raise UsageError(f"--columns takes two names by a comma, such as new,old, not {','.join(columns)!r}")
    if long and len(long) != 3:
        raise UsageError(f"--long takes three columns, whose it is, the pair, the score, not {','.join(long)!r}")
    header, rows = _table(path)
    for name in long or columns:
        if name not in header:
            there = did_you_mean(name, header, f"it has: {', '.join(header) or 'none'}")
            raise UsageError(f"{path} has no column {name!r}; {there}")
    a, b = columns
    if not long:
        pairs = [(_score(path, at, row, a), _score(path, at, row, b)) for at, row in rows]
    else:
        pairs = _paired(path, rows, (a, b), long)
    if not pairs:
        raise UsageError(f"{path} has no pair of {a} and {b}: give at least one, and six for a verdict")
    ours, theirs = zip(*pairs, strict=True)
    return PairedScores(a=ours, b=theirs, names=(a, b), **({"metric": long[2]} if long else {}))


def _table(path: Path) -> tuple[list[str], Iterator[tuple[int, Mapping[str, str]]]]:
    """The names of the columns, and each row with its number, from 1; empty rows are left out."""
    try:
        text = read(expanded(path), most=_LARGEST).decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no text in UTF-8 at byte {error.start}") from None
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_DELIMITERS[path.suffix.lower()], skipinitialspace=True)
    try:
        header = [name.strip() for name in next(lines, [])]
        found = [(at, row) for at, row in enumerate(lines, start=1) if any(row)]
    except csv.Error as error:
        raise UsageError(f"{path}, line {lines.line_num}: {error}") from None
    if len(set(header)) < len(header):
        twin = next(name for name in header if header.count(name) > 1)
        raise UsageError(f"{path} has two columns {twin!r}: give each a name of its own")
    for at, row in found:
        if len(row) > len(header):
            raise UsageError(f"{path}, row {at}: it has {len(row)} cells, and {len(header)} columns have a name")
    return header, ((at, dict(zip(header, row, strict=False))) for at, row in found)


def _paired(
    path: Path, rows: Iterator[tuple[int, Mapping[str, str]]], sides: tuple[str, str], long: Sequence[str]
) -> list[tuple[float, float]]:
    """Of a long file the two sides of each pair, in the order in which pairs begin; other sides are left out."""
    whose, which, score = long
    found: dict[str, dict[str, float]] = {}
    there: set[str] = set()
    for at, row in rows:
        side, pair = row.get(whose, "").strip(), row.get(which, "").strip()
        there.add(side)
        if side in sides:
            if side in found.setdefault(pair, {}):
                raise UsageError(f"{path}, row {at}: {side} has a score for {which} {pair} already")
            found[pair][side] = _score(path, at, row, score)
    for side in sides:
        if side not in there:
            raise UsageError(f"{path} has no row with {whose} {side}; it has: {', '.join(sorted(there)) or 'none'}")
    for pair, scores in found.items():
        if missing := [side for side in sides if side not in scores]:
            raise UsageError(f"{path}: {which} {pair} has no score of {missing[0]}: a pair has one of both")
    return [(scores[sides[0]], scores[sides[1]]) for scores in found.values()]


def _score(path: Path, at: int, row: Mapping[str, str], column: str) -> float:
    """A finite number."""
    text = row.get(column, "").strip()
    if not text:
        raise UsageError(f"{path}, row {at}: there is no {column}: a pair has a score of both sides")
    try:
        number = float(text)
    except ValueError:
        raise UsageError(f"{path}, row {at}: {column} is {text!r:.40}, not a number") from None
    if not math.isfinite(number):
        raise UsageError(
            f"{path}, row {at}: {column} is {text}, not a finite number: give what diverged the worst score there is"
        )
    return number
