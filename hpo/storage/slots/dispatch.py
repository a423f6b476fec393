"""Which studies give slots now, and how many workers each has: what a worker of a fleet chooses from.

A study gives none while it is stopped, nor once a value as good as was asked for is there.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, case, exists, false, func, or_, select, true

from hpo.storage import Storage, schema
from hpo.storage.slots.slot import LEASED, RANKED, UNSETTLED
from hpo.storage.waiting import repeatable
from hpo.study.direction import MAXIMIZE, MINIMIZE

if TYPE_CHECKING:
    from hpo.storage.slots.claiming import Claims

__all__ = ["Offer", "Unsettled", "claimable", "gives", "held", "offers", "unsettled", "work_sql"]

_study, _slot = schema.studies, schema.slots
_its = _slot.c.study_id == _study.c.id


def gives(study: str) -> ColumnElement[bool]:
    """Whether the study of that name gives slots; one that is not there does not."""
    return exists(select(_study.c.name).where(_study.c.name == study, _gives_slots()))


def _gives_slots() -> ColumnElement[bool]:
    """Of a row of hpo_study, within a query on that table: whether the study gives slots."""
    rising = and_(_study.c.direction == MAXIMIZE, _best(func.max) >= _study.c.until)
    falling = and_(_study.c.direction == MINIMIZE, _best(func.min) <= _study.c.until)
    reached = func.coalesce(or_(rising, falling), false())  # NULL: nothing is complete yet
    return and_(_study.c.stopped_at.is_(None), or_(_study.c.until.is_(None), ~reached))


def _best(extreme: Callable[..., ColumnElement[float]]) -> ColumnElement[float]:
    """The study's best value; as an extreme it is one look at the index, however many values there are.

    Where the study climbs, the best mean of what was confirmed: a single value may be luck.
    """
    first, again = _slot.alias(), _slot.alias()
    mean = select(extreme((first.c.value + again.c.value) / 2)).where(
        again.c.study_id == _study.c.id,
        again.c.outcome == "complete",
        again.c.highest,
        first.c.study_id == again.c.study_id,
        first.c.digest == again.c.digest,
        first.c.rung == again.c.rung - 1,
        first.c.outcome == "complete",
        first.c.highest,
    )
    return case(
        (
            _study.c.rungs.is_(None),
            select(extreme(_slot.c.value)).where(_its, RANKED).correlate(_study).scalar_subquery(),
        ),
        else_=mean.correlate(_study).scalar_subquery(),
    )


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A study that has something to claim."""

    study: str  # name
    study_id: int
    version: str | None  # of the definition's code it asks for; None: any
    trial_timeout: float | None  # seconds one of its trials may take; None: as long as it takes
    rung: int  # of the slot a claim would take next


@repeatable
def offers(storage: Storage, slots: "Claims", *, only: Collection[str] = ()) -> Sequence[Offer]:
    """The studies that are neither stopped nor satisfied and have a slot that is free; in no order.

    One statement. It costs the more the more studies there are, not the more slots or workers.

    Args:
        storage: where the studies are.
        slots: theirs, with the limit of attempts that the claims will have.
        only: names of the studies to look at; empty: all.

    Raises:
        StorageError: the database failed.

    """
    # Not `exists`, for which PostgreSQL may read the table from its beginning: the first in turn it finds by index.
    free = (
        select(_slot.c.rung)
        .where(_its, UNSETTLED, slots.claimable())
        .order_by(_slot.c.turn, _slot.c.rung.desc(), _slot.c.position)
        .limit(1)
        .scalar_subquery()
    )
    query = select(
        _study.c.name.label("study"),
        _study.c.id.label("study_id"),
        _study.c.version,
        _study.c.trial_timeout,
        free.label("rung"),
    ).where(_gives_slots(), free.is_not(None), _one_of(only))
    with storage.read() as connection:
        return [Offer(**row._mapping) for row in connection.execute(query)]


@repeatable
def claimable(storage: Storage, slots: "Claims", *, only: Collection[str] = ()) -> dict[str, int]:
    """How many slots of each study a claim could take now; a study without any is missing. As `offers`.

    Raises:
        StorageError: the database failed.

    """
    return _by_study(storage, _gives_slots(), slots.claimable(), _one_of(only))


@repeatable
def held(storage: Storage, slots: "Claims", *, only: Collection[str] = ()) -> dict[str, int]:
    """How many slots of each study somebody holds, the lease not run out; one without any is missing.

    As `offers`; but it costs the more the more workers there are.

    Raises:
        StorageError: the database failed.

    """
    return _by_study(storage, LEASED, slots.alive(), _one_of(only))


def work_sql(storage: Storage, slots: "Claims", *, only: Collection[str] = ()) -> str:
    """How many slots can be taken or are in hand, as one statement of PostgreSQL that needs nothing of hpo to be asked.

    For whoever asks the database itself how many workers are wanted, such as KEDA. As `offers`, of a PostgreSQL
    database.
    """
    counted = or_(and_(_gives_slots(), slots.claimable()), and_(LEASED, slots.alive()))
    query = select(func.count().label("workers")).select_from(_study).join(_slot, _its)
    statement = query.where(UNSETTLED, counted, _one_of(only))
    compiled = statement.compile(storage.engine, compile_kwargs={"literal_binds": True})
    return " ".join(str(compiled).split())


def _by_study(storage: Storage, *where: ColumnElement[bool]) -> dict[str, int]:
    """How many unsettled slots of each study fit."""
    query = (
        select(_study.c.name, func.count().label("slots"))
        .join(_slot, _its)
        .where(UNSETTLED, *where)
        .group_by(_study.c.name)
    )
    with storage.read() as connection:
        return {row.name: row.slots for row in connection.execute(query)}


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
    """The studies that are not settled, by name; `only` as `offers`. Raises StorageError."""
    number = select(func.count()).select_from(_slot).where(_its, UNSETTLED).scalar_subquery()
    query = (
        select(
            _study.c.name.label("study"),
            number.label("slots"),
            case((_gives_slots(), 1), else_=0).label("gives"),
            _study.c.stopped_by,
            _study.c.stopped_why,
        )
        .where(number > 0, _one_of(only))
        .order_by(_study.c.name)
    )
    with storage.read() as connection:
        return [Unsettled(**{**row._mapping, "gives": bool(row.gives)}) for row in connection.execute(query)]


def _one_of(names: Collection[str]) -> ColumnElement[bool]:
    """Of a study: whether its name is among these; any is where there are none."""
    return _study.c.name.in_(names) if names else true()
