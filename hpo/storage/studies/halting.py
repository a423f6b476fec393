"""Stopping a study and letting it go on, for every worker on every machine at once.

Both are one transaction on the study's own row, which a claim reads within its one statement: once `stop` has
returned, nothing new begins. A study whose first trials all fail is stopped rather than burnt through: something is
wrong with all of it.
"""

import time
from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, desc, select, text, update

from hpo.errors import StudyError
from hpo.storage import Storage, schema
from hpo.storage.slots.openings import announce
from hpo.storage.slots.slot import of_study
from hpo.storage.slots.slots import Slots
from hpo.storage.waiting import repeatable

__all__ = ["BY_HPO", "FAIL_FAST", "first_all_failed", "resume", "stop", "stop_if_all_failed"]

BY_HPO = "hpo"
"""Who stopped a study that no person did."""

FAIL_FAST = 5
"""Trials of a study that may fail before one does not; with this many, none of the rest is begun."""

_LONGEST_NAME = 255  # characters of who stopped it; as the column has it
_LONGEST_WHY = 500  # characters of a reason; it is told in one line

_study, _slot = schema.studies, schema.slots


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
    values = {"stopped_at": time.time(), "stopped_by": by[:_LONGEST_NAME], "stopped_why": _line(why)}
    with storage.exclusive() as connection:
        if now:
            _settle_claims(connection)
        changed = _mark(storage, connection, study, _study.c.stopped_at.is_(None), values)
        if now:
            reason = f"{by} stopped the study" + (f": {_line(why)}" if _line(why) else "")
            Slots(storage).release_where(of_study(study), reason, connection)
        if changed:
            announce(connection)  # who waits for nothing else may end
    return changed


def resume(storage: Storage, study: str) -> bool:
    """Let a stopped study go on, and say whether it was stopped until now.

    Raises:
        StudyError: there is no such study.
        StorageError: the database failed.

    """
    values = {"stopped_at": None, "stopped_by": None, "stopped_why": None}
    with storage.exclusive() as connection:
        changed = _mark(storage, connection, study, _study.c.stopped_at.is_not(None), values)
        if changed:
            announce(connection)
        return changed


def _mark(
    storage: Storage, connection: Connection, study: str, which: ColumnElement[bool], values: Mapping[str, object]
) -> bool:
    """Write into the study's row where it is so; whether it was. Raises StudyError where there is no such study."""
    changed = connection.execute(update(_study).where(_study.c.name == study, which).values(values)).rowcount == 1
    if not changed:
        Slots(storage).study_id(connection, study)
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


@repeatable
def first_all_failed(storage: Storage, study: str, *, known: int = 0) -> str | None:
    """What is wrong where all trials of a study have failed so far, and enough of them; None where it may go on.

    Args:
        storage: where the study is.
        study: its name.
        known: failures of an earlier run, whose cause somebody may have mended since; only later ones count as enough.

    Raises:
        StorageError: the database failed.

    """
    counts = Slots(storage).counts(study)
    if counts.complete or counts.pruned or counts.failed - known < FAIL_FAST:
        return None
    last = select(_slot.c.reason).where(of_study(study), _slot.c.outcome == "failed")
    with storage.read() as connection:
        reason = connection.execute(last.order_by(desc(_slot.c.settled_at)).limit(1)).scalar()
    return f"its first {counts.failed} trials all failed, the last with: {reason or 'no reason was recorded'}"


@repeatable
def stop_if_all_failed(storage: Storage, study: str) -> str | None:
    """Stop the study where its first trials have all failed; why, or None where it is not so or is stopped already.

    In a fleet nobody may be watching, so whoever settles a trial as failed asks this.

    Raises:
        StorageError: the database failed.

    """
    why = first_all_failed(storage, study)
    try:
        return why if why is not None and stop(storage, study, by=BY_HPO, why=why) else None
    except StudyError:  # deleted meanwhile
        return None
