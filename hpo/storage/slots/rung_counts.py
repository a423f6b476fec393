"""How far each rung of a study is, at a cost that does not grow with the study: the database counts as slots change."""

from sqlalchemy import Connection, ScalarSelect, select

from hpo.storage import schema
from hpo.storage.slots.slot import GIVEN, RungCounts

__all__ = ["rung_counts"]

_rung, _slot = schema.rungs, schema.slots


def rung_counts(connection: Connection, study: int | ScalarSelect[int]) -> dict[int, RungCounts]:
    """The counts of each rung of a study, by its number, the lowest first; empty where there is no slot.

    Args:
        connection: to the database.
        study: our id of the study.

    """
    here = (_slot.c.study_id == _rung.c.study_id, _slot.c.rung == _rung.c.rung)
    prior = select(_slot.c.id).where(*here, _rung.c.rung > 0, GIVEN)
    query = select(
        _rung.c.rung,
        _rung.c.slots.label("target"),
        _rung.c.settled,
        _rung.c.waiting,
        prior.correlate(_rung).exists().label("prior"),
    )
    rows = connection.execute(query.where(_rung.c.study_id == study).order_by(_rung.c.rung))
    return {
        row.rung: RungCounts(
            rung=row.rung,
            target=row.target,
            settled=row.settled,
            waiting=row.waiting,
            prior=bool(row.prior),
        )
        for row in rows
    }
