"""Whether a study gives slots at all: not while it is stopped, nor once a value as good as was asked for is there."""

from sqlalchemy import ColumnElement, and_, case, exists, or_, select

from hpo.service.storage import Storage, schema
from hpo.service.storage.errors import translated

__all__ = ["gives", "gives_slots", "is_giving"]

_study, _slot = schema.studies, schema.slots


def gives_slots() -> ColumnElement[bool]:
    """Of a row of hpo_study, within a query on that table: whether the study gives slots."""
    done = _slot.alias("done")
    better = case(
        (_study.c.direction == "maximize", done.c.value >= _study.c.until), else_=done.c.value <= _study.c.until
    )
    reached = exists().where(done.c.study == _study.c.name, done.c.outcome == "complete", better)
    return and_(_study.c.stopped_at.is_(None), or_(_study.c.until.is_(None), ~reached))


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
