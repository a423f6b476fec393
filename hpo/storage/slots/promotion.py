"""Promotion: the best of a rung climb to the next one, when enough of the rung is known to tell.

The slots of the higher rungs are there from the beginning, so that the budget is exact, and wait for a configuration.
Whoever settles a slot fills those that are due. Filling is done under a lock on the study, in one short transaction;
done again, or by many at once, it changes nothing.

What it looks at does not grow with the study: how far a rung is stands in hpo_rung, which the database keeps, and the
best of a rung is looked for among what has not climbed. That mark only shortens the way: what is on the next rung is
never promoted to it, marked or not.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from sqlalchemy import ColumnElement, Connection, func, select, update

from hpo.storage import Storage, leases, schema
from hpo.storage.slots.openings import announce
from hpo.storage.slots.rung_counts import rung_counts
from hpo.storage.slots.slot import COMPLETE, WAITING, RungCounts
from hpo.storage.waiting import repeatable
from hpo.study.direction import MAXIMIZE, at_least

__all__ = ["NOTHING_LEFT", "Candidate", "Climbing", "climbing", "due", "in_order", "promote"]

NOTHING_LEFT = "nothing was left to promote: too few trials of the rung below are complete"
"""The reason of a slot that settled without a trial."""

_DEAR = 3.0  # times what a trial of the rung usually takes: what took longer is dear
_USUAL = 500  # positions of a rung whose median says what one of its trials usually takes
_LOOKED_AT = 20  # of the best besides, among which cost is weighed

_study, _slot = schema.studies, schema.slots
_next_rung = _slot.alias("next_rung")
_SECONDS = _slot.c.settled_at - _slot.c.started_at
_WAITS = select(_slot.c.id).where(_slot.c.study_id == _study.c.id, WAITING).exists()


@dataclass(frozen=True, kw_only=True)
class Climbing:
    """What of a study says how its rungs are climbed."""

    id: int
    direction: str
    until: float | None
    margin: float | None  # a difference of values too small to matter; None: costs are not weighed
    rungs: str | None  # names of fidelities, by commas; None: it stays on one

    @property
    def higher(self) -> range:
        """The rungs above the first; the last of them confirms."""
        return range(1, 0 if self.rungs is None else self.rungs.count(",") + 2)

    def confirms(self, rung: int) -> bool:
        """Whether that rung trains again what the one below it found best."""
        return rung == self.higher.stop - 1


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A configuration that may be promoted."""

    digest: str
    params: str  # JSON
    value: float
    seconds: float | None  # its training took; None: not known


_NOTHING = RungCounts(rung=0, target=0, settled=0, waiting=0, prior=False)  # of a rung without slots


@repeatable
def promote(storage: Storage, study: str) -> int:
    """Fill the slots of the study's higher rungs that are due; how many that were.

    Of a rung that takes m of the n below it, the first so-and-so many are due as m / n of those below are settled; of
    the rung that confirms, those that what is not settled below cannot oust, and one where a value is as good as the
    study was to reach. Where the rung below is over and has nothing left to promote, the slot settles as pruned.

    The best of the rung below is promoted; but where its trial took more than three times as long as usual there, it
    has to be better by the study's margin for each three times more. Of what is confirmed the best of all stays,
    whatever it costs.

    Raises:
        StorageError: the database failed.

    """
    with storage.read() as connection:
        found = climbing(connection, study, _WAITS)
        if found is None:
            return 0
        counts = rung_counts(connection, found.id)
        if not any(_next(connection, found, rung, counts) for rung in found.higher):
            return 0
    with storage.exclusive() as connection:  # one at a time: two would promote one each where one was due
        filled = sum(_fill(connection, found, rung, leases.now(storage)) for rung in found.higher)
        if filled:
            announce(connection)
        return filled


@repeatable
def waiting(storage: Storage) -> list[str]:
    """Names of the studies with slots that wait for a promotion."""
    with storage.read() as connection:
        return list(connection.execute(select(_study.c.name).where(_WAITS)).scalars())


def climbing(connection: Connection, study: str, *also: ColumnElement[bool]) -> Climbing | None:
    """The study of that name, of which that holds too; None: there is none."""
    columns = (_study.c.id, _study.c.direction, _study.c.until, _study.c.margin, _study.c.rungs)
    row = connection.execute(select(*columns).where(_study.c.name == study, *also)).one_or_none()
    return None if row is None else Climbing(**row._mapping)


def _fill(connection: Connection, study: Climbing, rung: int, now: ColumnElement[float]) -> int:
    """Fill what is due of one rung; how many slots that were."""
    filled = 0
    while values := _next(connection, study, rung, rung_counts(connection, study.id)):
        first = (
            select(_slot.c.id)
            .where(_slot.c.study_id == study.id, _slot.c.rung == rung, WAITING)
            .order_by(_slot.c.position)
            .limit(1)
            .scalar_subquery()
        )
        values = {**values, **({"settled_at": now} if values["state"] == "settled" else {})}
        filled += connection.execute(update(_slot).where(_slot.c.id == first).values(values)).rowcount
        if "digest" in values:
            below = (_slot.c.study_id == study.id, _slot.c.rung == rung - 1, _slot.c.digest == values["digest"])
            connection.execute(update(_slot).where(*below).values(promoted_at=now))
    return filled


def _next(connection: Connection, study: Climbing, rung: int, counts: Mapping[int, RungCounts]) -> dict[str, object]:
    """What the first slot of a rung that waits becomes now; empty where nothing is due."""
    below, here = counts.get(rung - 1, _NOTHING), counts.get(rung, _NOTHING)
    confirms = study.confirms(rung)
    may_be = due(below, here, confirms=confirms) or (confirms and study.until is not None)
    if here.given == here.target or not may_be:  # whatever is best below, which is looked for only then
        return {}
    best = next(iter(in_order(connection, study, rung, at_most=1)), None)
    if not _due(study, below, here, best, confirms=confirms):
        return {}
    if best is not None:
        return {"state": "open", "digest": best.digest, "params": best.params}
    return {"state": "settled", "outcome": "pruned", "reason": NOTHING_LEFT} if below.over else {}


def due(below: RungCounts, here: RungCounts, *, confirms: bool) -> bool:
    """Whether a rung is to be given one configuration more of the rung below.

    What confirms is dear, and long trials are best begun early: the best so far is given to it as soon as too little is
    left of the rung below to oust it.
    """
    if confirms:
        return here.given < here.target - (below.target - below.settled)
    return here.given < (here.target if below.over else here.target * below.settled // below.target)


def _due(study: Climbing, below: RungCounts, here: RungCounts, best: Candidate | None, *, confirms: bool) -> bool:
    if due(below, here, confirms=confirms):
        return True
    if not confirms or study.until is None or best is None or not at_least(study.direction, best.value, study.until):
        return False
    return here.waiting > 1  # one is kept for what is best in the end


def in_order(connection: Connection, study: Climbing, rung: int, *, at_most: int) -> list[Candidate]:
    """Those that may climb to a rung, in the order in which they would if no more of the rung below were settled."""
    value = _slot.c.value.desc() if study.direction == MAXIMIZE else _slot.c.value.asc()
    rows = connection.execute(
        select(_slot.c.digest, _slot.c.params, _slot.c.value, _SECONDS.label("seconds"))
        .where(*_may_climb(study.id, rung))
        .order_by(value, _slot.c.position)
        .limit(at_most if study.margin is None else at_most + _LOOKED_AT)
    )
    found = [Candidate(**row._mapping) for row in rows]
    if study.margin is None or len(found) < 2:
        return found
    best, margin = found[0], study.margin
    dear = _DEAR * _usual_seconds(connection, study, rung - 1)
    found.sort(key=lambda each: abs(each.value - best.value) + margin * _dearness(each, dear))
    if study.confirms(rung) and at_least(study.direction, best.value, _leading_value(connection, study, rung - 1)):
        found.remove(best)  # it is first, whatever it costs
        found.insert(0, best)
    return found[:at_most]


def _dearness(candidate: Candidate, dear: float) -> float:
    """How many times as long as what is dear it took, beyond once; 0 of what is not, or nobody knows."""
    return 0.0 if candidate.seconds is None else max(0.0, candidate.seconds / dear - 1.0)


def _may_climb(study_id: int, rung: int) -> tuple[ColumnElement[bool], ...]:
    """Of a slot: whether its configuration is complete on the rung below that one, and not on it yet."""
    there = _next_rung.c
    here = select(there.id).where(there.study_id == study_id, there.rung == rung, there.digest == _slot.c.digest)
    return (
        _slot.c.study_id == study_id,
        _slot.c.rung == rung - 1,
        COMPLETE,
        _slot.c.promoted_at.is_(None),
        _slot.c.digest.is_not(None),
        ~here.exists(),
    )


def _leading_value(connection: Connection, study: Climbing, rung: int) -> float:
    """The best value of a rung, on which there is one."""
    best = func.max if study.direction == MAXIMIZE else func.min
    its = (_slot.c.study_id == study.id, _slot.c.rung == rung, COMPLETE)
    return float(connection.execute(select(best(_slot.c.value)).where(*its)).scalar_one())


def _usual_seconds(connection: Connection, study: Climbing, rung: int) -> float:
    """The median of what complete trials of the rung took, of its first ones, so that the look does not grow.

    Infinite where nothing is known, or all took no time: then nothing is dear.
    """
    its = (_slot.c.study_id == study.id, _slot.c.rung == rung, _slot.c.position < _USUAL, COMPLETE)
    took = [seconds for seconds in connection.execute(select(_SECONDS).where(*its)).scalars() if seconds is not None]
    return (median(took) if took else 0.0) or math.inf
