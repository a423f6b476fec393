"""How many workers are wanted, and having an engine start or end as many: by what is in the database alone."""

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from hpo.errors import StorageError, UsageError
from hpo.fleet.engines.fleet_engine import Engine, EngineError
from hpo.fleet.run_limits import refuse_beyond
from hpo.storage import Storage
from hpo.storage.slots.dispatch import claimable, held, unsettled, work_sql
from hpo.storage.slots.slots import Slots

__all__ = ["MOST", "Bounds", "Change", "Demand", "demand", "keep_scaling", "question", "said", "scale"]

MOST = 10_000
"""Workers of one fleet; more is a typing error."""
_log = logging.getLogger("hpo.fleet")


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How many workers there shall be.

    Raises:
        UsageError: they are out of range.

    """

    least: int = 0
    most: int

    def __post_init__(self) -> None:
        refuse_beyond("max workers", self.most, 1, MOST)
        refuse_beyond("min workers", self.least, 0, self.most)


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What there is to do now, in the studies that a fleet serves."""

    claimable: int  # slots a worker could take
    held: int  # slots that workers have in hand, of this fleet or not
    unsettled: int  # slots that are to be settled yet, and may be: of no study that is stopped

    def workers(self, bounds: Bounds, there: int) -> int:
        """How many a fleet shall have that has so many: one for each slot to take, and those that have one in hand.

        Slots may be in the hands of others, so no more of the fleet are taken to be at work than are there.
        """
        return max(bounds.least, min(bounds.most, self.claimable + min(self.held, there)))


@dataclass(frozen=True, kw_only=True)
class Change:
    """What one look came to."""

    demand: Demand
    there: int  # workers of the fleet that run or wait to, before
    wanted: int
    started: int
    ended: int  # of those that waited for a place


def demand(storage: Storage, only: Collection[str] = ()) -> Demand:
    """What there is to do; `only`: names of the studies to look at; empty: all. Raises StorageError."""
    slots = Slots(storage)
    return Demand(
        claimable=sum(claimable(storage, slots, only=only).values()),
        held=sum(held(storage, slots, only=only).values()),
        unsettled=sum(each.slots for each in unsettled(storage, only=only) if each.gives),
    )


def question(storage: Storage, only: Collection[str] = ()) -> str:
    """The same as one statement of SQL, less the bounds. Raises UsageError where the database is no PostgreSQL."""
    if storage.engine.dialect.name != "postgresql":
        raise UsageError(f"--sql is for PostgreSQL, and {storage.safe_url} is a SQLite file: leave it out")
    return work_sql(storage, Slots(storage), only=only)


def scale(engine: Engine, now: Demand, bounds: Bounds) -> Change:
    """Have the engine start what is missing, or end what waits for a place in vain.

    Those that run and find nothing to take end by themselves. Raises EngineError.
    """
    jobs = engine.jobs()
    running = sum(job.state == "running" for job in jobs)
    wanted = now.workers(bounds, running)
    surplus = [job for job in reversed(jobs) if job.state == "pending"][: max(0, len(jobs) - wanted)]
    if surplus:
        engine.end(surplus)
    missing = max(0, wanted - len(jobs))
    if missing:
        engine.start(missing)
    return Change(demand=now, there=len(jobs), wanted=wanted, started=missing, ended=len(surplus))


def keep_scaling(
    storage: Storage,
    engine: Engine,
    bounds: Bounds,
    *,
    only: Collection[str] = (),
    every: float,
    drain: bool = False,
    stopped: Callable[[], object],
    wait: Callable[[float], object] = time.sleep,
) -> bool:
    """Scale again and again, until somebody stops it, or where it shall drain, nothing is left to do.

    A database or an engine that does not answer is asked again later; what runs goes on meanwhile.

    Args:
        storage: where the studies are.
        engine: what starts workers.
        bounds: how many.
        only: names of the studies that count; empty: all.
        every: seconds between looks.
        drain: whether to end once all is settled and no worker is left.
        stopped: whether to end now.
        wait: waits for so many seconds, or until it is stopped.

    Returns:
        Whether it drained.

    """
    trouble = ""
    while not stopped():
        try:
            now = demand(storage, only)
            over = drain and not now.unsettled
            change = scale(engine, now, replace(bounds, least=0) if over else bounds)
        except (StorageError, EngineError) as error:
            if str(error) != trouble:
                trouble = str(error)
                _log.warning("cannot look after the fleet now, so it stays as it is: %s", error)
        else:
            trouble = ""
            if change.started or change.ended:
                _log.info(said(change))
            if over and not change.there:
                return True
        wait(every)
    return False


def said(change: Change) -> str:
    """One look in words."""
    now = change.demand
    done = []
    if change.started:
        done.append(f"{change.started} started")
    if change.ended:
        done.append(f"{change.ended} that waited ended")
    work = f"trials to take: {now.claimable}, in hand: {now.held}"
    workers = f"workers wanted: {change.wanted}, there: {change.there}"
    return f"{work}; {workers}; {', '.join(done) or 'nothing to change'}"
