"""The ways to search that the replays hold against each other, each on the table in place of trainings.

Each is a generator: after everything it did it says how much work it has spent, in trainings at full, and which
configuration it would name by now. A training's value is what the table has for the search's own seed; one that is
trained again has another seed's. None knows the true means.
"""

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from types import MappingProxyType

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import TrialState

from benchmarks.quality.table import Table
from benchmarks.quality.task import dense
from hpo.optuna_internals import RUNG_COMPLETE, storage_of, trial_id
from hpo.search import make_pruner, make_sampler
from hpo.storage.slots.promotion import due
from hpo.storage.slots.slot import RungCounts
from hpo.study.rungs import climb

__all__ = ["METHODS", "VARIANTS", "Event", "Ladder", "Method", "Search"]


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


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """As hpo searches: many at the lowest rung, the best few at the highest, the two best of those confirmed.

    The hand-picked configuration, if it is told, is trained at the highest rung first. Named is the best mean of those
    trained most often at the highest fidelity.
    """

    trials: int  # drawn at the lowest rung
    fidelities: Sequence[str] = ("quick", "full")
    sampler: str = "tpe"
    pruner: str = "none"  # at the lowest rung
    hand: bool = True  # whether the hand-picked configuration is told
    promoted: int | None = None  # configurations that reach the highest rung; None: as many as hpo says
    begins: float = 0.0  # share of a rung that must be over before the first of it is promoted
    stops: float | None = None  # share of the highest rung's epochs after which one behind the hand's is stopped
    slack: float = 0.0  # by how much it must be behind

    def __call__(self, search: Search) -> Iterator[Event]:
        """The course of one search."""
        return _Climb(search, self).run()


class _Climb:
    """One search that climbs, as hpo runs it with one worker."""

    def __init__(self, search: Search, ladder: Ladder) -> None:
        self._search = search
        self._ladder = ladder
        self._rungs = list(climb(ladder.fidelities, ladder.trials, prior=ladder.hand))
        if ladder.promoted is not None:
            self._rungs[-2] = replace(self._rungs[-2], slots=ladder.hand + ladder.promoted)
        sampler = make_sampler(ladder.sampler, space=dense.space(), seed=search.seed)
        self._study = _study(sampler, ladder.pruner, ladder.fidelities[0])
        self._values: list[dict[int, float]] = [{} for _ in self._rungs]  # of each rung, by configuration
        hand = {search.table.hand} if ladder.hand else set()
        self._taken = [set(hand) for _ in self._rungs]  # of each rung
        self._settled = [0] * len(self._rungs)
        self._highest: dict[int, list[float]] = defaultdict(list)
        self._hand: list[float] = []  # the hand-picked configuration's curve at the highest rung

    def run(self) -> Iterator[Event]:
        """The hand-picked configuration on every rung, the highest first; then what is due, the highest rung first.

        The hand-picked one is confirmed last, as it is where nothing else can be begun.
        """
        hand, last = self._search.table.hand, len(self._rungs) - 1
        if self._ladder.hand:
            for rung in reversed(range(last)):
                yield self._train(rung, hand)
        while (promoted := self._promoted()) or self._settled[0] < self._rungs[0].slots:
            yield self._train(*(promoted or (0, None)))
        if self._ladder.hand:
            yield self._train(last, hand)

    def _promoted(self) -> tuple[int, int] | None:
        """A rung and the configuration to promote to it now, by the rule of hpo's own slots."""
        for rung in range(len(self._rungs) - 1, 0, -1):
            below, here = self._counts(rung - 1), self._counts(rung)
            left = self._values[rung - 1].keys() - self._taken[rung]
            begun = below.settled >= self._ladder.begins * below.target
            if left and begun and due(below, here, confirms=self._rungs[rung].confirms):
                row = max(left, key=self._values[rung - 1].__getitem__)
                self._taken[rung].add(row)
                return rung, row
        return None

    def _counts(self, rung: int) -> RungCounts:
        slots, prior = self._rungs[rung].slots, self._rungs[rung].prior
        waiting = slots - len(self._taken[rung])
        return RungCounts(rung=rung, target=slots, settled=self._settled[rung], waiting=waiting, prior=prior)

    def _train(self, rung: int, row: int | None) -> Event:
        """Train a configuration on a rung; one that is drawn, where none is given."""
        trial = self._study.ask(_SPACE) if row is None else _fixed(self._study, row)
        row = self._search.row(trial.params)
        judge = self._judge(rung) if rung else _asks(trial)
        value = _report(self._search, trial, row, self._rungs[rung].fidelity, judge)
        self._settled[rung] += 1
        if value is None:
            self._study.tell(trial, state=TrialState.PRUNED)
        elif self._rungs[rung].highest:
            self._study.tell(trial, value)
            self._highest[row].append(value)
        else:  # as hpo tells it: pruned to Optuna, with its value
            storage_of(self._study).set_trial_system_attr(trial_id(trial), RUNG_COMPLETE, True)
            storage_of(self._study).set_trial_state_values(trial_id(trial), TrialState.PRUNED, [value])
        if value is not None:
            self._values[rung][row] = value
        return Event(work=self._search.work, named=self._named())

    def _judge(self, rung: int) -> Judge:
        """Whether what climbed to the highest rung is too far behind the hand's there, which has been trained."""
        curve: list[float] = []  # of the hand's, or of what is trained now
        hand, stops = self._hand, self._ladder.stops
        if rung == len(self._rungs) - 2 and not hand:
            self._hand = curve
        watched = stops is not None and rung == len(self._rungs) - 2 and hand

        def judge(value: float) -> bool:
            curve.append(value)
            return bool(
                watched and len(curve) >= stops * len(hand) and value < hand[len(curve) - 1] - self._ladder.slack
            )

        return judge

    def _named(self) -> int | None:
        most = max(map(len, self._highest.values()), default=0)
        hand = self._search.table.hand if self._ladder.hand else None
        among = {row: fmean(its) for row, its in self._highest.items() if row == hand or len(its) == most}
        return max(among, key=among.__getitem__, default=None)


def stays(fidelity: str, *, sampler: str = "tpe", pruner: str = "asha", trials: int = 200) -> Method:
    """As hpo searches on one fidelity, and did before it climbed: the hand-picked first, named is the best value."""

    def method(search: Search) -> Iterator[Event]:
        inner = make_sampler(sampler, space=dense.space(), seed=search.seed)
        study = _study(inner, pruner, fidelity)
        return _optimize(search, study, fidelity, trials, first=[search.table.hand])

    return method


def optuna_at_full(pruner: Callable[[int], BasePruner], *, hand: bool = False, trials: int = 2000) -> Method:
    """Optuna's default sampler with one of its pruners, every trial at full; the hand-picked first where it is told."""

    def method(search: Search) -> Iterator[Event]:
        epochs = search.table.curves["full"].shape[2]
        sampler = TPESampler(seed=search.seed)
        study = optuna.create_study(direction=dense.direction, sampler=sampler, pruner=pruner(epochs))
        return _optimize(search, study, "full", trials, first=[search.table.hand] if hand else [])

    return method


def _optimize(search: Search, study: optuna.Study, fidelity: str, trials: int, first: Sequence[int]) -> Iterator[Event]:
    best: tuple[float, int] | None = None
    for number in range(trials):
        trial = _fixed(study, first[number]) if number < len(first) else study.ask(_SPACE)
        row = search.row(trial.params)
        value = _report(search, trial, row, fidelity, _asks(trial))
        study.tell(trial, value, state=TrialState.PRUNED if value is None else TrialState.COMPLETE)
        if value is not None and (best is None or value > best[0]):
            best = value, row
        yield Event(work=search.work, named=None if best is None else best[1])


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


_SPACE = {
    name: CategoricalDistribution(domain.choices)  # type: ignore[attr-defined]  # all of them are categorical
    for name, domain in dense.space().params.items()
}


def _key(params: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(params[name] for name in _SPACE)


def _study(sampler: BaseSampler, pruner: str, fidelity: str) -> optuna.Study:
    made = make_pruner(pruner, definition=dense, fidelity=fidelity)
    return optuna.create_study(direction=dense.direction, sampler=sampler, pruner=made)


def _fixed(study: optuna.Study, row: int) -> optuna.Trial:
    study.enqueue_trial(Table.configurations()[row])
    return study.ask(_SPACE)


def _asks(trial: optuna.Trial) -> Judge:
    """Whether the study's pruner would stop the trial."""
    return lambda _: trial.should_prune()


def _report(search: Search, trial: optuna.Trial, row: int, fidelity: str, judge: Judge) -> float | None:
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


def _asha(epochs: int) -> BasePruner:
    del epochs
    return SuccessiveHalvingPruner()


def _hyperband(epochs: int) -> BasePruner:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return HyperbandPruner(min_resource=1, max_resource=epochs)


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        **{f"ladder, {trials} drawn": Ladder(trials=trials) for trials in (20, 50, 100, 200)},
        "hpo at quick alone, 200 drawn": stays("quick", trials=200),
        "hpo at full, asha": stays("full"),
        "Optuna's ASHA at full": optuna_at_full(_asha),
        "Optuna's Hyperband at full": optuna_at_full(_hyperband),
        "KerasTuner's Hyperband": hyperband_of_kerastuner(),
        "one epoch of 20, best 3 in full": one_epoch(20),
        "one epoch of 60, best 3 in full": one_epoch(60),
        "Optuna's ASHA at full, told the hand's": optuna_at_full(_asha, hand=True),
        "Optuna's Hyperband at full, told the hand's": optuna_at_full(_hyperband, hand=True),
        "KerasTuner's Hyperband, told the hand's": hyperband_of_kerastuner(hand=True),
        "one epoch of 20, best 3 in full, told the hand's": one_epoch(20, hand=True),
        "one epoch of 60, best 3 in full, told the hand's": one_epoch(60, hand=True),
        "random at full": by_chance,
    }
)
"""Name -> method, in the order they are told."""

VARIANTS: Mapping[str, Method] = MappingProxyType(
    {
        **{f"{trials} drawn, not told the hand's": Ladder(trials=trials, hand=False) for trials in (20, 50, 100)},
        "three rungs, 50 drawn": Ladder(trials=50, fidelities=("quick", "middle", "full")),
        "three rungs, 100 drawn": Ladder(trials=100, fidelities=("quick", "middle", "full")),
        "50 drawn, asha within quick": Ladder(trials=50, pruner="asha"),
        "100 drawn, asha within quick": Ladder(trials=100, pruner="asha"),
        "50 drawn at random": Ladder(trials=50, sampler="random"),
        "100 drawn at random": Ladder(trials=100, sampler="random"),
        "50 drawn, promoted from half on": Ladder(trials=50, begins=0.5),
        "100 drawn, promoted from half on": Ladder(trials=100, begins=0.5),
        "50 drawn, promoted in the end": Ladder(trials=50, begins=1.0),
        "100 drawn, promoted in the end": Ladder(trials=100, begins=1.0),
        "50 drawn, 3 of them promoted": Ladder(trials=50, promoted=3),
        "50 drawn, 10 of them promoted": Ladder(trials=50, promoted=10),
        "100 drawn, 5 of them promoted": Ladder(trials=100, promoted=5),
        "100 drawn, 5 promoted in the end": Ladder(trials=100, promoted=5, begins=1.0),
        **{
            f"{drawn} drawn, stopped behind the hand's by {slack} from {stops:.0%}": Ladder(
                trials=drawn, stops=stops, slack=slack
            )
            for drawn in (50, 100)
            for stops, slack in ((0.3, 0.0), (0.3, 0.01), (0.5, 0.0), (0.5, 0.005), (0.7, 0.0), (0.7, 0.005))
        },
        "Optuna's median at full": optuna_at_full(lambda _: MedianPruner()),
        "Optuna at full, none pruned": optuna_at_full(lambda _: NopPruner()),
    }
)
"""Name -> method that a choice of ours, or a peer's, was measured by."""
