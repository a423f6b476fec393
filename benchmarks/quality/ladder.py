"""The ways of hpo's own: climbing from rung to rung, as its slots do it, and staying on one."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from benchmarks.quality.table_search import SPACE, Event, Judge, Method, Search, asks, fixed, optimize, report
from benchmarks.quality.task import dense
from hpo.optuna_internals import RUNG_COMPLETE, storage_of, trial_id
from hpo.search import make_pruner, make_sampler
from hpo.storage.slots.promotion import due
from hpo.storage.slots.slot import RungCounts
from hpo.study.rungs import climb

__all__ = ["Ladder", "stays"]


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
        trial = self._study.ask(SPACE) if row is None else fixed(self._study, row)
        row = self._search.row(trial.params)
        judge = self._judge(rung) if rung else asks(trial)
        value = report(self._search, trial, row, self._rungs[rung].fidelity, judge)
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
        return optimize(search, study, fidelity, trials, first=[search.table.hand])

    return method


def _study(sampler: BaseSampler, pruner: str, fidelity: str) -> optuna.Study:
    made = make_pruner(pruner, definition=dense, fidelity=fidelity)
    return optuna.create_study(direction=dense.direction, sampler=sampler, pruner=made)
