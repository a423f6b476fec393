"""Which of a study's trials its samplers and pruners are given: all of a short study, a bounded window of a long one.

What a draw costs grows with the trials it is drawn from, and so does a worker's memory. A window of n trials has the
tenth that is the study's best, whenever that was found, and for the rest what finished last; besides, all trials that
are not finished. TPE's good trials, of which it takes 25 at the most, are then the very ones it would take of the whole
history; what is bounded are those it sets against them, which it weighs the less, the older they are.

The order of what is best is TPE's own: complete trials by their values, then pruned ones by how far they came and how
they stood there; of several objectives front by front. What breaks a constraint is never among the best, nor is what
was pruned before it reported anything.
"""

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from hpo.optuna_internals import fronts

__all__ = ["KEPT_GENERATIONS", "KeptTrials", "Recency", "Window", "recency"]

KEPT_GENERATIONS = 3
"""Of the newest generations all complete trials are kept: they have been bred from, or will be."""

Recency = tuple[datetime, int]
"""When a trial finished, and its number."""

_SHARE = 10  # one in so many is there for being good: as many as TPE takes for good where there are several objectives


@dataclass(frozen=True, kw_only=True)
class Window:
    """How many trials samplers and pruners are given."""

    trials: int  # finished ones, at the most
    generations: str | None = None  # attribute of the sampler's generations; None: it has none

    @property
    def best(self) -> int:
        """How many of them are the study's best."""
        return -(-self.trials // _SHARE)


def recency(trial: FrozenTrial) -> Recency:
    """By which finished trials are the earlier or the later ones."""
    return trial.datetime_complete or datetime.min, trial.number


class KeptTrials:
    """The trials of one study that are in its window, brought up to date with the trials that are new.

    Which ones they are follows from the study's trials alone: added one by one or all at once, the same are kept. Only
    of several objectives, where a front is larger than its share, what is best depends on what came before what.
    """

    def __init__(self, window: Window, maximize: Sequence[bool]) -> None:
        self._window = window
        self._maximize = tuple(maximize)  # an objective each
        self._unfinished: dict[int, FrozenTrial] = {}  # by number
        self._finished: dict[int, FrozenTrial] = {}
        self._merits: dict[int, tuple[float, ...]] = {}  # of the finished ones that may be among the best
        self._beyond: Recency | None = None  # of what was left out, the last to finish

    @property
    def unfinished(self) -> Sequence[FrozenTrial]:
        """Those whose state is to be asked for again."""
        return list(self._unfinished.values())

    def add(self, trials: Sequence[FrozenTrial]) -> None:
        """Take new trials, and what became of unfinished ones; a failed trial is nobody's business."""
        for trial in trials:
            if not trial.state.is_finished():
                self._unfinished[trial.number] = trial
                continue
            self._unfinished.pop(trial.number, None)
            if trial.state == TrialState.FAIL:
                continue
            self._finished[trial.number] = trial
            merit = self._merit(trial)
            if merit is not None:
                self._merits[trial.number] = merit
        if len(self._finished) > self._window.trials:
            self._leave_out()

    def whole(self, states: Container[TrialState] | None = None) -> list[FrozenTrial]:
        """The window, by number."""
        return _sorted([*self._finished.values(), *self._unfinished.values()], states)

    def recent(self, states: Container[TrialState] | None = None) -> list[FrozenTrial]:
        """Of the window what finished last, every one of them, and what is not finished, by number.

        What is judged by its share among all must not be compared with the best of the past above all.
        """
        beyond = self._beyond
        late = [each for each in self._finished.values() if beyond is None or recency(each) > beyond]
        return _sorted([*late, *self._unfinished.values()], states)

    def best(self) -> FrozenTrial:
        """The best complete trial that breaks no constraint. Raises ValueError where there is none."""
        complete = [number for number in self._merits if self._finished[number].state == TrialState.COMPLETE]
        if not complete:
            raise ValueError("No trials are completed yet.")
        return self._finished[min(complete, key=lambda number: (self._merits[number], number))]

    def _leave_out(self) -> None:
        best, bred = set(self._best()), self._bred()
        rest = [each for number, each in self._finished.items() if number not in best and number not in bred]
        rest.sort(key=recency, reverse=True)
        for each in rest[self._window.trials - len(best) :]:
            del self._finished[each.number]
            self._merits.pop(each.number, None)
            self._beyond = max(recency(each), self._beyond or recency(each))

    def _best(self) -> list[int]:
        """Numbers of the best; of equals those with lower numbers, as TPE takes them, of a front the latest."""
        if len(self._maximize) == 1:
            return sorted(self._merits, key=lambda number: (self._merits[number], number))[: self._window.best]
        numbers = sorted(self._merits, key=lambda number: recency(self._finished[number]), reverse=True)
        if not numbers:
            return []
        ranks = fronts(np.array([self._merits[number] for number in numbers]), self._window.best)
        return [numbers[place] for place in np.argsort(ranks, kind="stable")[: self._window.best]]

    def _bred(self) -> set[int]:
        """Numbers of the complete trials of the newest generations."""
        key = self._window.generations
        if key is None:
            return set()
        complete = (each for each in self._finished.values() if each.state == TrialState.COMPLETE)
        known = {each.number: each.system_attrs[key] for each in complete if key in each.system_attrs}
        newest = max(known.values(), default=0)
        return {number for number, generation in known.items() if generation > newest - KEPT_GENERATIONS}

    def _merit(self, trial: FrozenTrial) -> tuple[float, ...] | None:
        """The less, the better; of several objectives the values; None: it is none of the best in any case."""
        if any(broken > 0 for broken in trial.constraints.values()):
            return None
        signs = [-1.0 if maximize else 1.0 for maximize in self._maximize]
        if trial.state == TrialState.COMPLETE:
            values = tuple(sign * value for sign, value in zip(signs, cast("list[float]", trial.values), strict=True))
            return values if len(values) > 1 else (0.0, 0.0, *values)
        if len(signs) > 1 or not trial.intermediate_values:
            return None
        step, value = max(trial.intermediate_values.items())
        return 1.0, -float(step), math.inf if math.isnan(value) else signs[0] * value


def _sorted(trials: Sequence[FrozenTrial], states: Container[TrialState] | None) -> list[FrozenTrial]:
    wanted = trials if states is None else (each for each in trials if each.state in states)
    return sorted(wanted, key=lambda each: each.number)
