"""The ways of others: Optuna's, KerasTuner's, i-Epoch, and chance."""

import warnings
from collections.abc import Callable, Iterator

import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner, HyperbandPruner, SuccessiveHalvingPruner
from optuna.samplers import TPESampler

from benchmarks.quality.table_search import Event, Method, Search, optimize
from benchmarks.quality.task import dense

__all__ = ["asha", "by_chance", "hyperband", "hyperband_of_kerastuner", "one_epoch", "optuna_at_full"]


def optuna_at_full(pruner: Callable[[int], BasePruner], *, hand: bool = False, trials: int = 2000) -> Method:
    """Optuna's default sampler with one of its pruners, every trial at full; the hand-picked first where it is told."""

    def method(search: Search) -> Iterator[Event]:
        epochs = search.table.curves["full"].shape[2]
        sampler = TPESampler(seed=search.seed)
        study = optuna.create_study(direction=dense.direction, sampler=sampler, pruner=pruner(epochs))
        return optimize(search, study, "full", trials, first=[search.table.hand] if hand else [])

    return method


def hyperband_of_kerastuner(*, hand: bool = False) -> Method:
    """KerasTuner's Hyperband: brackets of random configurations; a round goes on from the weights of the one before.

    `max_epochs` is full's, `factor` 3 as it comes, and brackets are repeated without end. A trial's score is its best
    epoch's, and named is the best score of all, that of the hand-picked one among them where it is told. Source:
    keras_tuner.tuners.hyperband, 1.4.
    """

    def method(search: Search) -> Iterator[Event]:
        epochs, factor = search.table.curves["full"].shape[2], 3
        brackets = 1
        while factor**brackets <= epochs:  # as many as its oracle makes
            brackets += 1
        best: tuple[float, int] | None = None
        if hand:
            search.spend("full")
            best = max(search.curve(search.table.hand)), search.table.hand
            yield Event(work=search.work, named=best[1])
        while True:
            for bracket in reversed(range(brackets)):
                size = -(-brackets * factor**bracket // (bracket + 1))
                going = search.draw(size)
                curves = {row: search.curve(row) for row in going}
                done = dict.fromkeys(going, 0)
                for round_ in range(bracket + 1):
                    until = -(-epochs // factor ** (bracket - round_))
                    scores = {}
                    for row in going:
                        part = curves[row][done[row] : until]
                        search.spend("full", len(part) / epochs)
                        done[row] = until
                        if not np.isnan(part).any():
                            scores[row] = max(part)
                            if best is None or scores[row] > best[0]:
                                best = scores[row], row
                        yield Event(work=search.work, named=None if best is None else best[1])
                    going = sorted(scores, key=lambda row: -scores[row])[: -(-len(going) // factor)]

    return method


def one_epoch(count: int, top: int = 3, *, hand: bool = False) -> Method:
    """i-Epoch with i = 1 (arXiv 2404.04111): random ones for one epoch of full, the best few of them in full, again.

    Named is the best in full, that of the hand-picked one among them where it is told.
    """

    def method(search: Search) -> Iterator[Event]:
        epochs = search.table.curves["full"].shape[2]
        named: tuple[float, int] | None = None
        if hand:
            named = search.train(search.table.hand), search.table.hand
            yield Event(work=search.work, named=named[1])
        while True:
            seen = {}
            for row in search.draw(count):
                search.spend("full", 1 / epochs)
                value = search.curve(row)[0]
                if not np.isnan(value):
                    seen[row] = value
                yield Event(work=search.work, named=None if named is None else named[1])
            for row in sorted(seen, key=lambda each: -seen[each])[:top]:
                value = search.train(row)
                if not np.isnan(value) and (named is None or value > named[0]):
                    named = value, row
                yield Event(work=search.work, named=None if named is None else named[1])

    return method


def by_chance(search: Search) -> Iterator[Event]:
    """Random configurations in full; named is the best value."""
    best: tuple[float, int] | None = None
    for row in search.draw(len(search.table.truth)):
        value = search.train(row)
        if not np.isnan(value) and (best is None or value > best[0]):
            best = value, row
        yield Event(work=search.work, named=None if best is None else best[1])


def asha(epochs: int) -> BasePruner:
    """Optuna's, as it comes."""
    del epochs
    return SuccessiveHalvingPruner()


def hyperband(epochs: int) -> BasePruner:
    """Optuna's, with the budget of full."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return HyperbandPruner(min_resource=1, max_resource=epochs)
