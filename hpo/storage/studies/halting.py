"""Stopping a study and letting it go on, for every worker on every machine at once.

Both are one transaction on the study's own row, which a claim reads within its one statement: once `stop` has
returned, nothing new begins.
"""

import time

from sqlalchemy import Connection, text, update

from hpo.storage import Storage, schema
from hpo.storage.slots.slot import of_study
from hpo.storage.slots.slots import Slots

__all__ = ["BY_HPO", "resume", "stop"]

BY_HPO = "hpo"
"""Who stopped a study that no person did."""

_LONGEST_NAME = 255  # characters of who stopped it; as the column has it
_LONGEST_WHY = 500  # characters of a reason; it is told in one line


def stop(storage: Storage, study: str, *, by: str, why: str | None = None, now: bool = False) -> bool:
    """Begin nothing new in a study, and say whether it was running until now.

    What is in hand is finished and counts, unless `now`: then its slots go back with their parameters, unblamed, and
    their workers drop them at their next sign of life. A study that is stopped already keeps who stopped it and why.

    Args:
        storage: where the study is.
        study: its name.
        by: who stops it; told to people.
        why: the reason, in a line.
        now: give back what is in hand, also of a study that was stopped before.

    Raises:
        StudyError: there is no such study.
        StorageError: the database failed.

    """
    table = schema.studies
    with storage.exclusive() as connection:
        if now:
            _settle_claims(connection)
        values = {
            "stopped_at": time.time(),
            "stopped_by": by[:_LONGEST_NAME],
            "stopped_why": _line(why),
        }
        running = (table.c.name == study, table.c.stopped_at.is_(None))
        changed = connection.execute(update(table).where(*running).values(values)).rowcount == 1
        if not changed:
            Slots(storage).study_id(connection, study)  # refuses one that is not there
        if now:
            told = f"{by} stopped the study" + (f": {_line(why)}" if _line(why) else "")
            Slots(storage).hand_back_where(of_study(study), told, connection)
    return changed


def resume(storage: Storage, study: str) -> bool:
    """Let a stopped study go on, and say whether it was stopped until now.

    Raises:
        StudyError: there is no such study.
        StorageError: the database failed.

    """
    table = schema.studies
    with storage.exclusive() as connection:
        stopped = (table.c.name == study, table.c.stopped_at.is_not(None))
        values = {"stopped_at": None, "stopped_by": None, "stopped_why": None}
        changed = connection.execute(update(table).where(*stopped).values(values)).rowcount == 1
        if not changed:
            Slots(storage).study_id(connection, study)  # refuses one that is not there
    return changed


def _settle_claims(connection: Connection) -> None:
    """Wait for claims under way and hold up new ones, so that none of them slips past what is handed back.

    A claim that began before the stop and commits after it would keep its slot. SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"LOCK TABLE {schema.slots.name} IN SHARE ROW EXCLUSIVE MODE"))


def _line(why: str | None) -> str | None:
    words = " ".join((why or "").split())
    return words[:_LONGEST_WHY] or None
