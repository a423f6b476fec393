"""How a search is watched: one bar on a terminal, plain lines anywhere else. All of it on stderr.

What definitions print is said there, too, above the bar: Rich sees to that for whatever is written to `sys.stderr`.
"""

import logging
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from hpo.cli.printing.console import duration, figure, is_terminal, say, time_left
from hpo.logs import PRINTED

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

    from hpo.experiments.compare.comparison_plan import Stage
    from hpo.storage.queries.status import Progress

__all__ = ["Display", "LineLimit", "Stages", "line"]

_SECONDS_BETWEEN_LINES = 2.0  # where something happened to a trial
_SECONDS_OF_SILENCE = 60.0  # after which a line says that the search still runs


def line(progress: "Progress") -> str:
    """The states of the trials, the best value so far and how long it still takes, or may take, as one line."""
    parts = [f"{progress.settled}/{progress.target} done"]
    if progress.running:
        parts.append(f"{progress.running} running")
    parts += [f"{progress.pruned} pruned", f"{progress.failed} failed"]
    if progress.best is not None:
        parts.append(f"best {figure(progress.best.value)} (trial {progress.best.number})")
    if progress.eta_seconds is not None and progress.settled < progress.target:
        parts.append(f"{time_left(progress.eta_seconds, progress.eta_range)} left")
    if _ends_first(progress):
        seconds = progress.timeout_seconds
        parts.append(f"its time is up in {duration(seconds)}" if seconds else "its time is up")
    return ", ".join(parts)


def _ends_first(progress: "Progress") -> bool:
    """Whether the run's own time may well be up before the study is done."""
    if progress.timeout_seconds is None or progress.ended is not None or progress.settled == progress.target:
        return False
    longest = progress.eta_range[1] if progress.eta_range else progress.eta_seconds
    return longest is None or progress.timeout_seconds < longest


class LineLimit:
    """When a plain line is worth it: something happened to a trial, not only to the time left; or nothing for long."""

    def __init__(self) -> None:
        self._shown: tuple[object, ...] = ()  # what the last line told, less the time left
        self._said_at = float("-inf")

    def due(self, progress: "Progress") -> bool:
        """Whether to say it; it is taken for said then."""
        shown = (progress.settled, progress.running, progress.pruned, progress.failed, progress.best)
        waited = time.monotonic() - self._said_at
        soon = progress.settled == progress.target or waited >= _SECONDS_BETWEEN_LINES
        if (shown == self._shown or not soon) and waited < _SECONDS_OF_SILENCE:
            return False
        self._shown, self._said_at = shown, time.monotonic()
        return True


class Display:
    """Shows the progress it is called with; a context manager that leaves the terminal as it was.

    `first` is called before anything is shown: by then what was asked for has passed every check. With `plain` there is
    no bar, and nothing of what definitions print.
    """

    def __init__(self, first: Callable[[], None], *, plain: bool = False) -> None:
        self._first: Callable[[], None] | None = first
        self._printed = None if plain else _Printed()
        self._plain = plain or not is_terminal()
        self._bar: RichProgress | None = None
        self._limit = LineLimit()

    def __enter__(self) -> "Display":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._printed is not None:
            self._printed.detach()
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: "Progress") -> None:
        """Show `progress`."""
        if self._first is not None:
            self._begin(self._first)
        text = line(progress)
        if self._bar is not None:
            self._bar.update(self._task, description=text, completed=progress.settled, total=progress.target)
        elif self._limit.due(progress):
            say(text)

    def _begin(self, first: Callable[[], None]) -> None:
        self._first = None
        first()
        if self._printed is not None:
            self._printed.attach()
        if not self._plain:
            self._bar = _bar()
            self._task = self._bar.add_task("starting", total=None)
            self._bar.start()


class Stages:
    """A display for each stage that has something to do; a context manager, as a display is."""

    def __init__(self, *, plain: bool) -> None:
        self._plain = plain
        self._name: str | None = None
        self._display: Display | None = None

    def __enter__(self) -> "Stages":
        return self

    def __exit__(self, *_: object) -> None:
        if self._display is not None:
            self._display.__exit__(None, None, None)

    def __call__(self, stage: "Stage", progress: "Progress") -> None:
        """Show how far the stage is."""
        if stage.name != self._name:
            self.__exit__()
            self._name = stage.name
            self._display = Display(lambda: say(f"{stage.name}: {stage.about}"), plain=self._plain)
            if progress.ended == "done" and not progress.new:
                self._display = None  # nothing to do
        if self._display is not None:
            self._display(progress)


class _Printed(logging.Handler):
    """Says each line that a definition prints in a worker."""

    def attach(self) -> None:
        """Begin to say what definitions print."""
        logger = logging.getLogger(PRINTED)
        logger.addHandler(self)
        logger.setLevel(logging.INFO)
        logger.propagate = False

    def detach(self) -> None:
        """Say no more of it; where that is so already, nothing changes."""
        logger = logging.getLogger(PRINTED)
        logger.removeHandler(self)
        logger.setLevel(logging.NOTSET)
        logger.propagate = True

    def emit(self, record: logging.LogRecord) -> None:
        """Say one line of it."""
        say(record.getMessage())


def _bar() -> "RichProgress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        BarColumn(bar_width=30),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
        console=Console(stderr=True, highlight=False),  # Rich heeds NO_COLOR
        refresh_per_second=4,
    )
