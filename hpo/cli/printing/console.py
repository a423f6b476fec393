"""What goes where, and how it is worded: results to stdout, everything said on the way to stderr.

Stdout is for results alone. Whatever else prints while a command runs prints to stderr: code of definitions and
libraries, which use `sys.stdout`, and programs they start, which use descriptor 1.
"""

import json
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from textwrap import TextWrapper
from typing import TYPE_CHECKING, TextIO

from hpo.errors import HpoError
from hpo.json_values import plain
from hpo.messages import printable
from hpo.study.direction import sign

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from hpo.study import Evaluation, Fidelity, Space
    from hpo.study.evaluation import ByObjective

__all__ = [
    "CHANGED",
    "Interrupted",
    "ago",
    "apart",
    "by_whom",
    "configuration",
    "configuration_lines",
    "count",
    "document",
    "duration",
    "evaluation_words",
    "fidelity_words",
    "figure",
    "is_terminal",
    "own_stdout",
    "results",
    "say",
    "say_next",
    "size_words",
    "table",
    "tell",
    "time_left",
    "what_is_better",
]

_UNLIMITED = 1_000_000  # columns: a pipe has no width
_results: TextIO | None = None  # stdout, while `sys.stdout` is something else


def results() -> TextIO:
    """Where results are written."""
    return sys.stdout if _results is None else _results


@contextmanager
def apart() -> Iterator[None]:
    """While inside, `sys.stdout` is stderr, and `results()` alone is stdout."""
    global _results
    before, stdout = _results, sys.stdout
    _results, sys.stdout = results(), sys.stderr
    try:
        yield
    finally:
        _results, sys.stdout = before, stdout


@contextmanager
def own_stdout() -> Iterator[None]:
    """While inside, `sys.stdout` is stdout under a descriptor of its own, and descriptor 1 is stderr.

    It takes every character: what its encoding lacks is written as a backslash escape. Where `sys.stdout` is something
    else than the process's stdout already, nothing is changed.
    """
    stdout = sys.stdout
    if _descriptor(stdout) != 1:
        yield
        return
    stdout.flush()
    kept = os.dup(1)
    sys.stdout = own = os.fdopen(kept, "w", encoding=stdout.encoding, errors="backslashreplace")
    own.reconfigure(line_buffering=bool(stdout.line_buffering), write_through=getattr(stdout, "write_through", False))
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout = stdout
        with suppress(OSError):  # whoever writes results sees to it that they are written
            own.flush()
        os.dup2(kept, 1)
        with suppress(OSError):
            own.close()


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError):  # it stands for none, or is closed
        return None


class Interrupted(HpoError):  # noqa: N818 - an outcome
    """The user stopped a command that has said what was kept and how to go on."""

    exit_code = 130


def document(value: object) -> None:
    """Print `value` as the one JSON document of `--json`.

    NaN and infinities, which JSON lacks, become null; characters that stdout lacks are escaped.
    """
    ready = plain(value)
    text = json.dumps(ready, indent=2, ensure_ascii=False, allow_nan=False)
    if not _is_encodable(text):
        text = json.dumps(ready, indent=2, allow_nan=False)
    print(text, file=results())


def tell(text: str = "") -> None:
    """Print one line of a command's result to stdout."""
    print(printable(text), file=results())


def say(text: str = "") -> None:
    """Print one line about what is going on to stderr."""
    print(printable(text), file=sys.stderr, flush=True)


def say_next(command: str, storage: str | None) -> None:
    """Say which command comes next; `storage`: the URL it was given, without which the default is meant."""
    from hpo.storage.storage_url import parse

    say(f"next: {command}" + (f" --storage {shlex.quote(parse(storage).safe)}" if storage else ""))


def is_terminal() -> bool:
    """Whether somebody watches stderr: a terminal that can move its cursor, and not a CI job's."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")


def table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    title: str = "",
    right: Sequence[int] = (),
    text: Sequence[int] = (),
    optional: Sequence[int] = (),
) -> None:
    """Print a table to stdout, as wide as the terminal at most; whole where stdout is none.

    No name is broken, so that it can be copied. Where the terminal is too narrow, the columns in `optional` are left
    out, the first of them first, which is said; where that does not help, each row is printed as a line a cell.

    Args:
        headings: one a column.
        rows: their cells.
        title: above it.
        right: columns of figures, set flush right.
        text: columns that are broken at blanks where they are too wide.
        optional: columns that may be left out.

    """
    from rich.text import Text

    console = _console()
    cells = [[printable(cell) for cell in row] for row in rows]
    kept, left_out = list(range(len(headings))), list(optional)
    made = _table(headings, cells, kept, right=right, text=text)
    unlimited = console.options.update(max_width=_UNLIMITED)  # else it measures what it would cut to
    while (narrow := console.measure(made, options=unlimited).minimum > console.width) and left_out:
        kept.remove(left_out.pop(0))
        made = _table(headings, cells, kept, right=right, text=text)
    if title:
        console.print(Text(printable(title), style="bold"), soft_wrap=True)
    if narrow:
        shown = [headings[number] for number in kept]
        print(
            "\n\n".join(_record(shown, [row[number] for number in kept], console.width) for row in cells),
            file=results(),
        )
    else:
        console.print(made)
    if missing := [headings[number] for number in sorted(set(optional) - set(kept)) if headings[number]]:
        say(f"left out: {', '.join(missing)}; --wide shows all")


def _table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    kept: Sequence[int],
    *,
    right: Sequence[int],
    text: Sequence[int],
) -> "Table":
    """The columns in `kept`."""
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, collapse_padding=True)
    for number in kept:
        cells = [headings[number], *(row[number] for row in rows)]
        unbroken = [word for cell in cells for word in cell.split()] if number in text else cells
        made.add_column(
            Text(headings[number]),
            justify="right" if number in right else "left",
            min_width=max(map(cell_len, unbroken), default=0),
            no_wrap=number not in text,
            overflow="fold",
        )
    for row in rows:
        made.add_row(*(Text(row[number]) for number in kept))  # Text: brackets in a name are no markup
    return made


def _record(headings: Sequence[str], row: Sequence[str], columns: int) -> str:
    """A row as a line a cell, each after its heading; broken at blanks alone."""
    width = max(map(len, headings))
    wrap = TextWrapper(columns, subsequent_indent=" " * (width + 4), break_long_words=False, break_on_hyphens=False)
    return "\n".join(wrap.fill(f"  {heading:<{width}}  {cell}") for heading, cell in zip(headings, row, strict=True))


def configuration(params: Mapping[str, object]) -> None:
    """Print one configuration, a parameter a line."""
    for text in configuration_lines(params):
        tell(text)


def configuration_lines(params: Mapping[str, object]) -> list[str]:
    """One configuration, a parameter a line."""
    width = max((len(name) for name in params), default=0)
    return [f"  {name:<{width}}  {figure(value)}" for name, value in params.items()]


def time_left(seconds: float, between: tuple[float, float] | None) -> str:
    """About how long something still takes, with what it will most likely lie between where that is wide."""
    said = f"about {duration(seconds)}"
    if between is None:
        return said
    low, high = (duration(each) for each in between)
    return said if low == high else f"{said} ({low} to {high})"


def figure(value: object) -> str:
    """A value as a person reads it: six significant digits, a dash where there is none."""
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    return f"{value:.6g}"


def duration(seconds: float) -> str:
    """A time as a person says it: 45 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 1 else "less than a second"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours / 24:.1f} days"


def ago(moment: datetime) -> float:
    """Seconds since then; never below 0, though the clock that told it may be ahead of this machine's."""
    return max(0.0, (datetime.now(UTC) - moment).total_seconds())


def _console() -> "Console":
    from rich.console import Console

    return Console(file=results(), width=None if results().isatty() else _UNLIMITED, highlight=False)


def _is_encodable(text: str) -> bool:
    """Whether stdout can write it as it is."""
    try:
        text.encode(results().encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


CHANGED = "  code     the definition's has changed since: trainings from now on are of the new one"
"""Of a study that is asked for again."""


def count(number: int, noun: str) -> str:
    """`number` things: 1 trial, 50 trials, 2,400 rows."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def by_whom(workers: int) -> str:
    """Who does it: so many workers here, or a fleet's."""
    return f"by {count(workers, 'worker')}" if workers else "by the fleet"


def what_is_better(direction: str) -> str:
    """Which way a metric is better, below a table of its figures."""
    return f"{'more' if sign(direction) > 0 else 'less'} is better"


def size_words(space: "Space") -> str:
    """How large a space is."""
    from hpo.study.open_space import DefineByRun

    if isinstance(space, DefineByRun):
        return "whatever the objective suggests, so that a configuration may come twice"
    size = space.size
    configurations = "continuous" if size is None else count(size, "configuration")
    return f"{count(len(space.params), 'parameter')}, {configurations}"


def fidelity_words(fidelity: "Fidelity", evaluation: "Evaluation | ByObjective", labels: int | None = None) -> str:
    """The work of one evaluation: rows, how many of them have a label where not all do, folds, epochs."""
    from hpo.study import ValidationData
    from hpo.study.evaluation import ByObjective

    if isinstance(evaluation, ByObjective):
        return "one call of the objective"

    if isinstance(evaluation, ValidationData):
        steps = "all training data" if fidelity.steps is None else f"{fidelity.steps:,} batches an epoch"
        return f"{steps}, {count(fidelity.epochs, 'epoch')}"
    words = [f"{fidelity.rows:,} training rows" if fidelity.rows is not None else "all training rows"]
    if labels is not None:
        words.append(f"{labels:,} of them labelled")
    if evaluation.folded:
        words.append(count(evaluation.trainings(fidelity.folds), "fold"))
    return ", ".join([*words, count(fidelity.epochs, "epoch")])


def evaluation_words(evaluation: "Evaluation | ByObjective") -> str:
    """On which rows a trial is judged."""
    from hpo.study import GroupHoldout, Holdout, KFold, TimeSeriesSplit, ValidationData
    from hpo.study.evaluation import ByObjective

    match evaluation:
        case ByObjective():
            return "as the objective returns it"
        case ValidationData():
            return "judged on validation data given apart"
        case Holdout(last=True):
            return f"judged on the last {count(evaluation.rows, 'row')}"
        case Holdout():
            kind = "stratified " if evaluation.stratified else ""
            return f"judged on a {kind}holdout of {evaluation.rows:,} rows"
        case GroupHoldout():
            return f"judged on a holdout of {count(evaluation.groups, 'group')}"
        case TimeSeriesSplit():
            gap = f" after a gap of {count(evaluation.gap, 'row')}" if evaluation.gap else ""
            return f"judged by {evaluation.folds} folds in order of time, each on what follows{gap}"
        case KFold():
            kind = " and ".join(
                word for word, so in (("stratified", evaluation.stratified), ("grouped", evaluation.grouped)) if so
            )
            again = f", repeated {evaluation.repeats} times" if evaluation.repeats > 1 else ""
            return f"judged by {evaluation.folds}-fold {kind}{' ' if kind else ''}cross-validation{again}"
    return f"judged by splits of its own, {count(evaluation.trainings(), 'fold')}"
