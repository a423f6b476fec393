"""Whether a study gives slots at all: not while it is stopped, nor once a value as good as was asked for is there."""

from collections.abc import Callable

from sqlalchemy import ColumnElement, and_, case, exists, false, func, or_, select

from hpo.storage import Storage, schema
from hpo.storage.slots.slot_queries import RANKED
from hpo.storage.waiting import repeatable
from hpo.study.direction import MAXIMIZE, MINIMIZE

__all__ = ["gives", "gives_slots", "is_giving"]

_study, _slot = schema.studies, schema.slots


def gives_slots() -> ColumnElement[bool]:
    """Of a row of hpo_study, within a query on that table: whether the study gives slots."""
    rising = and_(_study.c.direction == MAXIMIZE, _best(func.max) >= _study.c.until)
    falling = and_(_study.c.direction == MINIMIZE, _best(func.min) <= _study.c.until)
    reached = func.coalesce(or_(rising, falling), false())  # NULL: nothing is complete yet
    return and_(_study.c.stopped_at.is_(None), or_(_study.c.until.is_(None), ~reached))


def _best(extreme: Callable[..., ColumnElement[float]]) -> ColumnElement[float]:
    """The study's best value; as an extreme it is one look at the index, however many values there are.

    Where the study climbs, the best mean of what was confirmed: a single value may be luck.
    """
    drawn = select(extreme(_slot.c.value)).where(_slot.c.study_id == _study.c.id, RANKED)
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
        (_study.c.rungs.is_(None), drawn.correlate(_study).scalar_subquery()),
        else_=mean.correlate(_study).scalar_subquery(),
    )


def gives(study: str) -> ColumnElement[bool]:
    """Whether the study of that name gives slots; one that is not there does not."""
    return exists(select(_study.c.name).where(_study.c.name == study, gives_slots()))


@repeatable
def is_giving(storage: Storage, study: str) -> bool:
    """Whether the study of that name gives slots, there being any; one that is not there does not.

    Raises:
        StorageError: the database failed.

    """
    with storage.read() as connection:
        return bool(connection.execute(select(gives(study))).scalar_one())
