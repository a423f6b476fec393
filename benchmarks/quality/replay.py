"""Every way to search, many times each on the table of trainings: what it names after how much work.

    python -m benchmarks.quality.replay [--seeds 200] [--tuned] [--variants | --only NAME ...]

Told of each method: the work, in trainings at full, until it first named a configuration, other than the hand-picked
one, whose true mean is at least the hand-picked one's (median and quartiles over the seeds); and after some amounts of
work, how often what it names is worse than the hand-picked one, and how much better it is on average. A search that
ends earlier keeps what it named. The hand-picked configuration is the chapter's guideline or, with `--tuned`, what a
person makes of it who tunes one thing after the other.
"""

import argparse
import bisect
import functools
import logging
import math
import multiprocessing
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, quantiles

import numpy as np
import optuna

from benchmarks.quality.methods import METHODS, VARIANTS
from benchmarks.quality.table import Table
from benchmarks.quality.table_search import Search

WORK = (8, 12, 20, 36)  # trainings at full: about what searches with 20, 50, 100 and 200 drawn take


@dataclass(frozen=True, kw_only=True)
class Course:
    """One search of the table."""

    work: Sequence[float]  # after each event
    named: Sequence[int | None]

    def at(self, work: float) -> int | None:
        """What it names once so much is spent."""
        place = bisect.bisect_right(self.work, work + 1e-9)
        return self.named[place - 1] if place else None

    def reaches(self, table: Table) -> float:
        """The work until it names another one at least as good as the hand-picked one; inf where it never does."""
        for work, row in zip(self.work, self.named, strict=True):
            if row is not None and row != table.hand and table.truth[row] >= table.truth[table.hand]:
                return work
        return math.inf


def search(job: tuple[str, int, bool]) -> Course:
    """One method with one seed, until it ends or the most work is spent; the third says whether the hand's is tuned."""
    name, seed, tuned = job
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.disable(logging.WARNING)  # all configurations of so small a space may have been drawn
    warnings.simplefilter("ignore")
    work: list[float] = []
    named: list[int | None] = []
    for event in _ALL[name](Search(table=_table(tuned), seed=seed)):
        work.append(event.work)
        named.append(event.named)
        if event.work > WORK[-1]:
            break
    return Course(work=work, named=named)


@functools.cache
def _table(tuned: bool) -> Table:
    """Read once in each process."""
    return Table.read(tuned=tuned)


_ALL = {**METHODS, **VARIANTS}


def told(name: str, courses: Sequence[Course], table: Table) -> str:
    """A line of the table that is printed."""
    reached = sorted(course.reaches(table) for course in courses)
    low, middle, high = quantiles(reached, n=4) if math.isfinite(reached[-1]) else _quartiles(reached)
    line = f"| {name} | {_number(middle)} ({_number(low)} to {_number(high)}) |"
    for work in WORK:
        rows = [course.at(work) for course in courses]
        worse = [row is None or table.truth[row] < table.truth[table.hand] for row in rows]
        gains = [table.truth[row] - table.truth[table.hand] for row in rows if row is not None]
        gain = f"{100 * fmean(gains):+.2f}" if gains else "none"
        line += f" {fmean(worse):.0%}, {gain} |"
    return line


def _quartiles(ordered: Sequence[float]) -> tuple[float, float, float]:
    """Without interpolating, as some are infinite."""
    return tuple(ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.25, 0.5, 0.75))  # type: ignore[return-value]


def _number(work: float) -> str:
    return f"{work:.1f}" if math.isfinite(work) else "never"


def main() -> int:
    parser = argparse.ArgumentParser(description="Every way to search, many times each on the table of trainings.")
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--tuned", action="store_true", help="the hand-picked configuration is the guideline tuned")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--variants", action="store_true", help="what choices were measured by, in place of the methods")
    which.add_argument("--only", nargs="+", choices=tuple(_ALL))
    wanted = parser.parse_args()
    names = wanted.only or (VARIANTS if wanted.variants else METHODS)
    table = _table(wanted.tuned)
    print(f"the hand's: {table.truth[table.hand]:.4f}, rank {1 + int(np.sum(table.truth > table.truth[table.hand]))}")
    print("| method | work until as good | " + " | ".join(f"after {work}: worse, gain" for work in WORK) + " |")
    print("| --- |" + " --- |" * (1 + len(WORK)))
    start = time.monotonic()
    with multiprocessing.get_context("spawn").Pool() as pool:
        for name in names:
            courses = pool.map(search, [(name, seed, wanted.tuned) for seed in range(wanted.seeds)])
            print(told(name, courses, table), flush=True)
    print(f"{wanted.seeds} seeds each, in {time.monotonic() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
