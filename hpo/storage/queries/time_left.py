"""About how long a study still takes, by what its trials took so far.

Neither a pause of the study nor the start of its workers is in it: each trial's own time is what was measured. What
climbs is dearer than what is drawn, as better networks are often larger ones, and the first one that climbs, the
hand-picked one, is often small. So what a configuration will take on a rung is told by what it took on the rung below,
times how much longer it took those that were on both.
"""

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, pvariance
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from hpo.storage import Storage, leases, schema
from hpo.storage.slots.promotion import climbing, due, in_order
from hpo.storage.slots.slot import COMPLETE, UNSETTLED, Counts, RungCounts, lease_runs

__all__ = ["TimeLeft", "time_left"]

_NINETY = 1.645  # standard deviations on each side of a mean that hold nine in ten
_NOT_YET = 0.25  # of the time of a trial, that one in hand still takes at the least
_OFF = 0.5  # of the mean: what is not yet known to be so may be off by that
_FAR_OFF = 1.0  # likewise, of what is told by another rung; benchmarks/time_left.py says how often that holds
_LOOKED_AT = 100  # of the best of a rung, which tell what those take that will climb
_PLAYED = 1_000  # draws that are played through one by one, or in as many lots

_slot = schema.slots
_below = _slot.alias("below")
_TOOK = _slot.c.settled_at - _slot.c.started_at
_TOOK_BELOW = (  # the same configuration on the rung below
    select(_below.c.settled_at - _below.c.started_at)
    .where(_below.c.study_id == _slot.c.study_id, _below.c.rung == _slot.c.rung - 1, _below.c.digest == _slot.c.digest)
    .scalar_subquery()
)


@dataclass(frozen=True, kw_only=True)
class TimeLeft:
    """About how long a study still takes."""

    seconds: float
    range: tuple[float, float]  # of nine in ten studies, were trials drawn from those so far


def time_left(storage: Storage, counts: Counts, workers: int, *, begun: bool = False) -> TimeLeft | None:
    """What is left of a study, by what trials of each rung took so far; None where nobody can tell.

    Before a trial of the highest fidelity has ended, what is left cannot be foreseen. With `begun`, what is in hand has
    done a part of its work, so that the answer changes while nothing happens; but never all of it: what takes longer
    than expected is a long one, and will not end this moment.

    Args:
        storage: where the study is.
        counts: of its slots.
        workers: that are at it; of none nothing is told.
        begun: whether it counts what trials in hand have done.

    Raises:
        StorageError: the database failed.

    """
    if not workers or counts.settled == counts.target:
        return None
    with storage.read() as connection:
        rungs = _read(connection, counts.study, leases.now(storage))
    if not begun:
        rungs = [replace(rung, known=tuple(trial.anew for trial in rung.known)) for rung in rungs]
    left = _foreseen(rungs)
    if left is None:
        return None
    workers = max(workers, sum(len(rung.in_hand) for rung in left))
    seconds = _played(left, workers)
    deviation = math.sqrt(sum(rung.variance for rung in left)) / min(workers, counts.target - counts.settled)
    # Times are never negative, and a few are very long: as if the logarithm were normal.
    factor = math.exp(_NINETY * math.sqrt(math.log1p((deviation / seconds) ** 2))) if seconds else 1.0
    return TimeLeft(seconds=seconds, range=(seconds / factor, seconds * factor))


@dataclass(frozen=True, kw_only=True)
class _Known:
    """A trial that is not settled, and is in hand or has its configuration."""

    since: float | None = None  # seconds it has been in hand; None: nobody is at it
    below: float | None = None  # seconds its configuration took on the rung below; None: that is not known
    waits: bool = False  # until its rung is due
    fills: bool = False  # begun where there is nothing else to begin

    @property
    def anew(self) -> "_Known":
        """As if it had been begun this moment."""
        return self if self.since is None else replace(self, since=0.0)


@dataclass(frozen=True, kw_only=True)
class _Rung:
    """What is known of the trials of a rung; all times in seconds."""

    slots: int
    settled: int
    ended: int = 0  # whose time is known
    mean: float = 0.0  # of these times
    variance: float = 0.0  # likewise
    known: tuple[_Known, ...] = ()
    candidates: tuple[float, ...] = ()  # what the best of the rung below took there, of those that may climb from it
    both: int = 0  # configurations whose times on this rung and on the one below are known
    ratio: float | None = None  # of the sums of these times; None: nothing is known
    ratio_variance: float = 0.0  # of these times on this rung, about what the ratio says


@dataclass(frozen=True, kw_only=True)
class _Left:
    """What is left of a rung; all times in seconds."""

    slots: int
    settled: int
    in_hand: tuple[float, ...] = ()  # what each trial still takes that somebody is at
    to_do: tuple[float, ...] = ()  # what each takes that anybody may begin
    fills: tuple[float, ...] = ()  # what each takes that is begun where there is nothing else to begin
    waiting: tuple[float, ...] = ()  # what each takes that waits for a promotion
    drawn: int = 0  # trials besides, whose configuration is to be drawn
    each: float = 0.0  # what one of these takes
    variance: float = 0.0  # of the sum of all

    @property
    def times(self) -> tuple[float, ...]:
        """What each still takes of those that are no draws."""
        return self.in_hand + self.to_do + self.fills + self.waiting


def _foreseen(rungs: Sequence[_Rung]) -> list[_Left] | None:
    """What is left of each rung, the lowest first; None where that cannot be told.

    A rung of which nothing is known takes as long a trial as the nearest higher one that has ended some, the one that
    confirms, the last of several, as the one below it.
    """
    ended = [number for number, rung in enumerate(rungs) if rung.ended]
    if not ended or ended[-1] < len(rungs) - 2:
        return None
    found: list[_Left] = []
    for number, rung in enumerate(rungs):
        like = rungs[min(ended, key=lambda other: (other < number, abs(other - number)))]
        if number == len(rungs) - 1 > 0:  # it trains what the one below trained, and perhaps what is still at it there
            rung = replace(rung, ratio=rung.ratio or 1.0, candidates=(*rung.candidates, *found[-1].times))
        found.append(_left(rung, like, climbed=number > 0))
    return found


def _left(rung: _Rung, like: _Rung, *, climbed: bool) -> _Left:
    """What is left of a rung, of which as much is known as of a like one at the least."""
    left = rung.slots - rung.settled
    if not left:
        return _Left(slots=rung.slots, settled=rung.settled)
    each, seen, spread = like.mean, like.ended, like.variance
    off = _OFF
    kinds, unlike = 1, 0.0  # how many of those that will climb are known, and how much their times differ
    if rung.ratio is not None:
        seen, spread, off = max(1, rung.both), rung.ratio_variance, _FAR_OFF
        if rung.candidates:
            each = rung.ratio * fmean(rung.candidates)
            kinds, unlike = len(rung.candidates), rung.ratio**2 * pvariance(rung.candidates)
    times = [
        (trial, rung.ratio * trial.below if rung.ratio is not None and trial.below is not None else like.mean)
        for trial in rung.known
    ]
    others = left - len(times)
    mean = (sum(seconds for _, seconds in times) + others * each) / left
    # As if one trial more had been off as much: a single one says nothing of how much they differ.
    of_one = (seen * spread + (off * mean) ** 2) / (seen + 1)
    return _Left(
        slots=rung.slots,
        settled=rung.settled,
        in_hand=tuple(
            max(seconds - trial.since, _NOT_YET * seconds) for trial, seconds in times if trial.since is not None
        ),
        to_do=tuple(seconds for trial, seconds in times if trial.since is None and not trial.waits and not trial.fills),
        fills=tuple(seconds for trial, seconds in times if trial.since is None and trial.fills),
        waiting=(*(seconds for trial, seconds in times if trial.waits), *([each] * others if climbed else [])),
        drawn=0 if climbed else others,
        each=each,
        variance=of_one * left * (1 + left / seen) + others * (1 + others / kinds) * unlike,
    )


def _played(rungs: Sequence[_Left], workers: int) -> float:
    """Seconds until all has ended, where whoever is free begins what is due on the highest rung."""
    settled = [rung.settled for rung in rungs]
    to_do = [sorted(rung.to_do) for rung in rungs]  # the longest is begun first
    waiting = [sorted(rung.waiting) for rung in rungs]
    fills = [(seconds, number) for number, rung in enumerate(rungs) for seconds in sorted(rung.fills)]
    last = len(rungs) - 1
    drawn = [rung.drawn for rung in rungs]
    # Of very many draws several are one, so that the play does not grow with the study.
    at_once = [max(1, rung.drawn // max(_PLAYED, workers)) for rung in rungs]
    hands = [(seconds, number, 1) for number, rung in enumerate(rungs) for seconds in rung.in_hand]
    heapq.heapify(hands)

    def counts(number: int) -> RungCounts:
        return RungCounts(
            rung=number,
            target=rungs[number].slots,
            settled=settled[number],
            waiting=len(waiting[number]),
            prior=False,
        )

    def begin(number: int) -> tuple[float, int] | None:
        """What a trial of that rung takes, and how many it stands for; None where none may begin."""
        if to_do[number]:
            return to_do[number].pop(), 1
        if waiting[number] and due(counts(number - 1), counts(number), confirms=number == last):
            return waiting[number].pop(), 1
        together = min(drawn[number], at_once[number])
        drawn[number] -= together
        return (together * rungs[number].each, together) if together else None

    now = 0.0
    while True:
        for number in reversed(range(len(rungs))):
            while len(hands) < workers and (begun := begin(number)):
                heapq.heappush(hands, (now + begun[0], number, begun[1]))
        while len(hands) < workers and fills:
            seconds, number = fills.pop()
            heapq.heappush(hands, (now + seconds, number, 1))
        if not hands:
            return now
        now, number, together = heapq.heappop(hands)
        settled[number] += together


def _read(connection: Connection, study: str, now: ColumnElement[float]) -> list[_Rung]:
    """What is known of each rung of a study, the lowest first; of one that was deleted meanwhile there is none."""
    found = climbing(connection, study)
    if found is None:
        return []
    times = connection.execute(
        select(
            _slot.c.rung,
            func.count(),
            func.count(_slot.c.outcome),
            func.count(_TOOK),
            func.avg(_TOOK),
            func.avg(_TOOK * _TOOK),
        )
        .where(_slot.c.study_id == found.id)
        .group_by(_slot.c.rung)
        .order_by(_slot.c.rung)
    ).all()
    known = _known(connection, found.id, now)
    both = _both(connection, found.id)
    rungs = []
    for rung, slots, settled, ended, mean, square in times:
        its = tuple(known.get(rung, ()))
        others = slots - settled - len(its)
        climb = in_order(connection, found, rung, at_most=min(others, _LOOKED_AT)) if rung and others > 0 else []
        rungs.append(
            _Rung(
                slots=slots,
                settled=settled,
                ended=ended,
                mean=mean or 0.0,
                variance=max(0.0, square - mean**2) if ended else 0.0,
                known=its,
                candidates=tuple(each.seconds for each in climb if each.seconds is not None),
                **both.get(rung, {}),
            )
        )
    return rungs


def _known(connection: Connection, study_id: int, now: ColumnElement[float]) -> dict[int, list[_Known]]:
    """Rung -> its trials that are in hand, and those above the first rung that have their configuration."""
    since = case((lease_runs(now), now - _slot.c.started_at))
    configured = and_(_slot.c.rung > 0, _slot.c.digest.is_not(None))
    query = select(_slot.c.rung, since, _TOOK_BELOW, _slot.c.state == "waiting", _slot.c.turn > 0).where(
        _slot.c.study_id == study_id, UNSETTLED, or_(since.is_not(None), configured)
    )
    found: dict[int, list[_Known]] = {}
    for rung, seconds, below, waits, fills in connection.execute(query):
        found.setdefault(rung, []).append(_Known(since=seconds, below=below, waits=waits, fills=fills))
    return found


def _both(connection: Connection, study_id: int) -> dict[int, dict[str, Any]]:
    """Rung -> how its times compare with those of the rung below, of configurations that came to their end on both."""
    pairs = (
        select(_slot.c.rung, _TOOK.label("here"), _TOOK_BELOW.label("below"))
        .where(_slot.c.study_id == study_id, _slot.c.rung > 0, COMPLETE)
        .subquery()
    )
    here, below = pairs.c.here, pairs.c.below
    query = (
        select(
            pairs.c.rung,
            func.count(),
            func.sum(here),
            func.sum(below),
            func.avg(here * here),
            func.avg(here * below),
            func.avg(below * below),
        )
        .where(here.is_not(None), below > 0)
        .group_by(pairs.c.rung)
    )
    found = {}
    for rung, count, of_here, of_below, square, product, square_below in connection.execute(query):
        ratio = of_here / of_below
        about = square - 2 * ratio * product + ratio**2 * square_below
        found[rung] = {"both": count, "ratio": ratio, "ratio_variance": max(0.0, about)}
    return found
