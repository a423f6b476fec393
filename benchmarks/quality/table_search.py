"""One search of the table: what its trainings give in place of trainings, what they cost, and what it would name.

A way to search is a generator: after everything it did it says how much work it has spent, in trainings at full, and
which configuration it would name by now. A training's value is what the table has for the search's own seed; one that
is trained again has another seed's. None knows the true means.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState

from benchmarks.quality.table import Table
from benchmarks.quality.task import dense

__all__ = ["SPACE", "Event", "Judge", "Method", "Search", "asks", "fixed", "optimize", "report"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """What a search has come to."""

    work: float  # spent so far, in trainings at full
    named: int | None  # the configuration it would name; None: none yet


Method = Callable[["Search"], Iterator[Event]]
Judge = Callable[[float], bool]  # the value after an epoch -> whether to stop there


@dataclass(kw_only=True)
class Search:
    """One search of the table: its seed, what its trainings give, and what they cost."""

    table: Table
    seed: int
    work: float = 0.0
    _trained: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        self._seeds = self.random.permutation(self.table.seeds)
        self._rows = {_key(params): row for row, params in enumerate(self.table.configurations())}

    def row(self, params: Mapping[str, object]) -> int:
        """Where the table has that configuration."""
        return self._rows[_key(params)]

    def curve(self, row: int, fidelity: str = "full") -> list[float]:
        """What a training of a configuration gives after each epoch; a second one has another seed. Costs nothing yet.

        NaN from where it left the finite numbers.
        """
        again = self._trained[fidelity, row]
        self._trained[fidelity, row] += 1
        seed = self._seeds[again % len(self._seeds)]
        return [float(value) for value in self.table.curves[fidelity][row, seed]]

    def spend(self, fidelity: str, share: float = 1.0) -> None:
        """Count a training, or that share of one."""
        self.work += share * self.table.work(fidelity)

    def train(self, row: int, fidelity: str = "full") -> float:
        """A whole training's value; NaN where it left the finite numbers."""
        self.spend(fidelity)
        return self.curve(row, fidelity)[-1]

    def draw(self, count: int) -> list[int]:
        """So many different configurations, by chance."""
        return [int(row) for row in self.random.permutation(len(self._rows))[:count]]


def optimize(search: Search, study: optuna.Study, fidelity: str, trials: int, first: Sequence[int]) -> Iterator[Event]:
    """Every trial at one fidelity, those given first; named is the best value."""
    best: tuple[float, int] | None = None
    for number in range(trials):
        trial = fixed(study, first[number]) if number < len(first) else study.ask(SPACE)
        row = search.row(trial.params)
        value = report(search, trial, row, fidelity, asks(trial))
        study.tell(trial, value, state=TrialState.PRUNED if value is None else TrialState.COMPLETE)
        if value is not None and (best is None or value > best[0]):
            best = value, row
        yield Event(work=search.work, named=None if best is None else best[1])


def fixed(study: optuna.Study, row: int) -> optuna.Trial:
    """A trial with a configuration of the table."""
    study.enqueue_trial(Table.configurations()[row])
    return study.ask(SPACE)


def asks(trial: optuna.Trial) -> Judge:
    """Whether the study's pruner would stop the trial."""
    return lambda _: trial.should_prune()


def report(search: Search, trial: optuna.Trial, row: int, fidelity: str, judge: Judge) -> float | None:
    """Train and report a trial; its value, or None where it was pruned or left the finite numbers."""
    curve = search.curve(row, fidelity)
    for step, value in enumerate(curve, start=1):
        search.spend(fidelity, 1 / len(curve))
        if np.isnan(value):
            return None
        trial.report(value, step)
        if judge(value) and step < len(curve):
            return None
    return curve[-1]


SPACE = {
    name: CategoricalDistribution(domain.choices)  # type: ignore[attr-defined]  # all of them are categorical
    for name, domain in dense.space().params.items()
}


def _key(params: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(params[name] for name in SPACE)
