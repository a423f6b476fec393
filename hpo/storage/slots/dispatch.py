"""Which studies have a slot to give now, and how many workers each has: what a worker of a fleet chooses from."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select

from hpo.storage import Storage, schema
from hpo.storage.slots.eligibility import gives_slots
from hpo.storage.slots.slot_queries import LEASED, UNSETTLED
from hpo.storage.slots.slots import Slots
from hpo.storage.waiting import repeatable

__all__ = ["Offer", "Unsettled", "offers", "unsettled"]

_study, _slot = schema.studies, schema.slots


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A study that has something to claim."""

    study: str  # name
    study_id: int
    version: str | None  # of the definition's code it asks for; None: any
    trial_timeout: float | None  # seconds one of its trials may take; None: as long as it takes
    leases: int  # its slots that somebody holds, the lease not run out


@repeatable
def offers(storage: Storage, slots: Slots, *, only: Collection[str] = ()) -> Sequence[Offer]:
    """The studies that are neither stopped nor satisfied and have a slot that is free; in no order.

    One statement. It costs the more the more studies and workers there are, not the more slots.

    Args:
        storage: where the studies are.
        slots: theirs, with the limit of attempts that the claims will have.
        only: names of the studies to look at; empty: all.

    Raises:
        StorageError: the database failed.

    """
    mine = _slot.c.study_id == _study.c.id
    held = select(func.count()).select_from(_slot).where(mine, LEASED, slots.alive()).scalar_subquery()
    # Not `exists`, for which PostgreSQL may read the table from its beginning: the first in turn it finds by index.
    free = (
        select(_slot.c.position)
        .where(mine, UNSETTLED, slots.claimable())
        .order_by(_slot.c.turn, _slot.c.rung.desc(), _slot.c.position)
        .limit(1)
    )
    query = select(
        _study.c.name.label("study"),
        _study.c.id.label("study_id"),
        _study.c.version,
        _study.c.trial_timeout,
        held.label("leases"),
    ).where(gives_slots(), free.scalar_subquery().is_not(None))
    if only:
        query = query.where(_study.c.name.in_(only))
    with storage.read() as connection:
        return [Offer(**row._mapping) for row in connection.execute(query)]


@dataclass(frozen=True, kw_only=True)
class Unsettled:
    """A study with slots that are not settled, be they free or in hand."""

    study: str  # name
    slots: int  # of those, above 0
    gives: bool  # whether any of them may be claimed: the study is neither stopped nor satisfied
    stopped_by: str | None  # who stopped it; None: nobody
    stopped_why: str | None


@repeatable
def unsettled(storage: Storage, *, only: Collection[str] = ()) -> Sequence[Unsettled]:
    """The studies that are not settled, by name.

    Args:
        storage: where the studies are.
        only: as `offers`.

    Raises:
        StorageError: the database failed.

    """
    mine = _slot.c.study_id == _study.c.id
    number = select(func.count()).select_from(_slot).where(mine, UNSETTLED).scalar_subquery()
    query = select(
        _study.c.name.label("study"),
        number.label("slots"),
        case((gives_slots(), 1), else_=0).label("gives"),
        _study.c.stopped_by,
        _study.c.stopped_why,
    ).order_by(_study.c.name)
    if only:
        query = query.where(_study.c.name.in_(only))
    with storage.read() as connection:
        rows = connection.execute(query.where(number > 0)).all()
    return [Unsettled(**{**row._mapping, "gives": bool(row.gives)}) for row in rows]
