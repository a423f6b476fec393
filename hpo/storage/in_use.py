"""What of a database is in use here, and so must be in one that takes its place."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hpo.optuna_internals import SLOT
from hpo.storage import schema

__all__ = ["Holding", "Holdings"]


@dataclass(frozen=True, kw_only=True)
class Holding:
    """A slot that is in hand, with its trial: ids that mean the same only in a copy of the same database."""

    study: str  # name
    study_id: int
    slot: int  # id
    attempt: int
    worker: str  # name
    trial: int | None = None  # Optuna's id; None: there is none yet


class Holdings:
    """What this process uses of a database; several threads may ask and change it."""

    def __init__(self) -> None:
        self._studies: dict[str, tuple[int, float]] = {}  # name -> id, and when it was made
        self._in_hand: Holding | None = None  # by the worker this process is

    @contextlib.contextmanager
    def slot(self, study: str, study_id: int, slot: int, attempt: int, worker: str) -> Iterator[None]:
        """While inside, no database will do that does not know of this attempt at a slot."""
        self._in_hand = Holding(study=study, study_id=study_id, slot=slot, attempt=attempt, worker=worker)
        try:
            yield
        finally:
            self._in_hand = None

    def trial(self, trial: int) -> None:
        """The slot in hand has this trial."""
        assert self._in_hand is not None
        self._in_hand = replace(self._in_hand, trial=trial)

    @contextlib.contextmanager
    def study(self, name: str, id_: int, created_at: float) -> Iterator[None]:
        """While inside, no database will do that has not this study.

        In another one the same id may be another study's of the same name, which was made at another moment.
        """
        before = dict(self._studies)
        self._studies[name] = (id_, created_at)
        try:
            yield
        finally:
            self._studies = before

    def lacking(self, connection: sqlite3.Connection) -> str | None:
        """What another database of ours lacks to be worked on in place of this one, in words; None: nothing."""
        for name, made in self._studies.items():
            query = f"SELECT id, created_at FROM {schema.studies.name} WHERE name = ?"
            found = connection.execute(query, (name,)).fetchone()
            if found is None:
                return f"has no study {name!r}"
            if found != made:
                return f"has another study of the name {name!r}"
        held = self._in_hand
        if held is not None and not _knows(connection, held):
            return f"knows nothing of the trial in hand of study {held.study!r}"
        return None


def _knows(connection: sqlite3.Connection, held: Holding) -> bool:
    """Whether the slot is held by that attempt there, and the trial is its."""
    token = (held.slot, held.study_id, held.attempt, held.worker)
    query = (
        f"SELECT 1 FROM {schema.slots.name} "
        "WHERE id = ? AND study_id = ? AND attempt = ? AND worker = ? AND state = 'leased'"
    )
    if connection.execute(query, token).fetchone() is None:
        return False
    if held.trial is None:
        return True
    query = (
        "SELECT 1 FROM trials JOIN trial_system_attributes USING (trial_id) "
        "WHERE trial_id = ? AND state = 'RUNNING' AND key = ? AND value_json = ?"
    )
    return connection.execute(query, (held.trial, SLOT, json.dumps(held.slot))).fetchone() is not None
