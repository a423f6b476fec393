"""Whether a study gives slots at all: not while it is stopped, nor once a value as good as was asked for is there."""

from sqlalchemy import ColumnElement, and_, exists, literal_column, or_, select

from hpo.service.storage import Storage, schema
from hpo.service.storage.errors import translated
from hpo.service.studies.slot_queries import COMPLETE

__all__ = ["gives", "gives_slots", "is_giving"]

_study, _slot = schema.studies, schema.slots


def gives_slots() -> ColumnElement[bool]:
    """Of a row of hpo_study, within a query on that table: whether the study gives slots."""
    rising = and_(_study.c.direction == "maximize", _exists_complete(_slot.c.value >= _study.c.until))
    falling = and_(_study.c.direction != "maximize", _exists_complete(_slot.c.value <= _study.c.until))
    reached = or_(rising, falling)
    return and_(_study.c.stopped_at.is_(None), or_(_study.c.until.is_(None), ~reached))


def _exists_complete(good: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the study has a complete trial of such a value."""
    return exists(select(literal_column("1")).select_from(_slot).where(_slot.c.study == _study.c.name, COMPLETE, good))


def gives(study: str) -> ColumnElement[bool]:
    """Whether the study of that name gives slots; one that is not there does not."""
    return exists(select(_study.c.name).where(_study.c.name == study, gives_slots()))


def is_giving(storage: Storage, study: str) -> bool:
    """Whether the study of that name gives slots, there being any; one that is not there does not.

    Raises:
        StorageError: the database failed.

    """
    with translated(storage.where), storage.engine.connect() as connection:
        return bool(connection.execute(select(gives(study))).scalar_one())
