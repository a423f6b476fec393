"""Studies: what was asked of each when it was made, kept beside Optuna's own record of it."""

import contextlib
import secrets
import shlex
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, select, update

from hpo.errors import StudyError, UnknownStudyError
from hpo.optuna_internals import METRIC_NAMES, metadata, tables
from hpo.settings import DEFAULT_PRUNER, DEFAULT_SAMPLER
from hpo.storage import Storage, schema
from hpo.storage.slots.openings import announce
from hpo.storage.slots.slots import Slots
from hpo.storage.studies.study_record import (
    NAMED_ONCE,
    StudyPlan,
    StudyRecord,
    named_by,
    refuse_mismatch,
    refuse_other_rows,
)
from hpo.storage.waiting import repeatable
from hpo.study import registry

if TYPE_CHECKING:
    import optuna

__all__ = [
    "agree_on_rows",
    "create_or_resume",
    "create_within",
    "delete",
    "find",
    "forget",
    "get",
    "halved",
    "list_all",
    "load",
    "lookup",
    "measured",
]

_study = schema.studies
_parent = _study.alias("parent")
_COLUMNS = [
    *(column for column in _study.c if column is not _study.c.parent_id),
    select(_parent.c.name)
    .where(_parent.c.id == _study.c.parent_id)
    .correlate(_study)
    .scalar_subquery()
    .label("parent"),
]
"""What a `StudyRecord` is read from."""

_AMENDABLE = ("reference", "version", "margin", "trial_timeout", "until")
"""What may change in a study: where its definition lies and how its code reads, what it says is too small a difference
to matter, and the limits it keeps."""


def create_or_resume(storage: Storage, plan: StudyPlan) -> StudyRecord:
    """The study of that plan: made, in our table and in Optuna's at once, or found as it was planned before.

    Of several processes exactly one makes it. Of a study that is there, the definition's place and version and the
    limits become those of the plan, where it says any; of one that was adopted, all that the plan's objective says.

    Raises:
        StudyError: there is one of that name that was asked for otherwise, or that is not hpo's.
        StorageError: the database failed.

    """
    plan = replace(plan, reference=registry.reference(plan.reference))
    existing = lookup(storage, plan.name)
    if existing is None:
        _ = storage.rdb  # which imports Optuna, and nobody shall wait for that
        with storage.exclusive() as connection:
            existing = _read(connection, plan.name)  # somebody else may have made it meanwhile
            if existing is None:
                return create_within(storage, connection, plan)
    named = named_by(existing, plan)
    refuse_mismatch(named, plan)
    wanted = {name: getattr(plan, name) for name in _AMENDABLE if getattr(plan, name) is not None}
    if existing.unnamed:
        wanted |= {name: getattr(named, name) for name in NAMED_ONCE}
        study = storage.rdb.get_study_id_from_name(plan.name)
        storage.rdb.set_study_system_attr(study, METRIC_NAMES, [plan.metric, *plan.costs])
    return _amend(storage, existing, wanted)


def forget(storage: Storage, name: str, what: Collection[Literal["trial_timeout", "until"]]) -> None:
    """Take a study's own limit away. Raises StudyError."""
    _amend(storage, get(storage, name), dict.fromkeys(what))


def get(storage: Storage, name: str) -> StudyRecord:
    """The study of that name. Raises StudyError."""
    record = lookup(storage, name)
    if record is None:
        raise _unknown(storage, name, list_all(storage))
    return record


def find(storage: Storage, word: str) -> StudyRecord:
    """The study of that name, of whatever kind, or the only search of the definition of that name.

    Raises:
        StudyError: there is none, or the definition has several; the message lists them.

    """
    record = lookup(storage, word)
    if record is not None:
        return record
    everything = list_all(storage)
    its = [record for record in everything if record.definition == word and record.kind == "search"]
    if len(its) == 1:
        return its[0]
    if its:
        raise StudyError(f"{word!r} has {len(its)} studies, so say which: {', '.join(r.name for r in its)}")
    raise _unknown(storage, word, everything)


@repeatable
def list_all(storage: Storage) -> list[StudyRecord]:
    """Every study, the oldest first."""
    with storage.read() as connection:
        rows = connection.execute(select(*_COLUMNS).order_by(_study.c.created_at, _study.c.name)).all()
    return [StudyRecord(**row._mapping) for row in rows]


def measured(storage: Storage, name: str) -> list[str]:
    """Names of the studies that measure what the search of that name found, the oldest first."""
    with storage.read() as connection:
        return _measured(connection, name)


def delete(storage: Storage, name: str, *, force: bool = False) -> None:
    """Delete a study with its slots and trials, and with what was measured of it, all or nothing.

    Raises:
        StudyError: there is none of that name, or workers hold leases on it and `force` is not set.

    """
    _ = storage.rdb  # as in `create_or_resume`
    with storage.exclusive() as connection:
        if _read(connection, name) is None:
            raise UnknownStudyError(f"there is no study {name!r} in {storage.safe_url}")
        doomed = [name, *_measured(connection, name)]
        for each in doomed:
            running = Slots(storage).live(each, connection)
            if running and not force:
                raise StudyError(f"study {each!r} has {running} trials running: stop their workers first, or force it")
        for each in doomed:
            _delete(connection, each)
    storage.forget()


def load(
    storage: Storage,
    name: str,
    *,
    sampler: "optuna.samplers.BaseSampler | None" = None,
    pruner: "optuna.pruners.BasePruner | None" = None,
) -> "optuna.Study":
    """Optuna's study of that name, for creating trials in it.

    SQLite gives the ids of a deleted study out again, so Optuna's cache is dropped where the study is a new one.

    Raises:
        StudyError: there is none of that name, or only our half of it.

    """
    import optuna

    record = get(storage, name)
    if storage.loaded.get(name, record.id) != record.id:
        storage.forget()
    storage.loaded[name] = record.id
    try:
        return optuna.load_study(study_name=name, storage=storage.optuna, sampler=sampler, pruner=pruner)
    except KeyError:
        raise halved(storage, name) from None


@repeatable
def lookup(storage: Storage, name: str) -> StudyRecord | None:
    """The study of that name; None where there is none."""
    with storage.read() as connection:
        return _read(connection, name)


@repeatable
def agree_on_rows(storage: Storage, record: StudyRecord, found: str) -> None:
    """Have the study keep which rows it is of, where it keeps none yet; a measurement is of its search's rows.

    Of several processes the first to have loaded them decides.

    Args:
        storage: where the study is.
        record: the study.
        found: the rows loaded here, as `hpo.data.digest` says.

    Raises:
        DataError: the study is of other rows.
        StorageError: the database failed.

    """
    name = record.parent or record.name
    mine = _study.c.name == name
    with storage.write() as connection:
        connection.execute(update(_study).where(mine, _study.c.data.is_(None)).values(data=found))
        kept = connection.execute(select(_study.c.data).where(mine)).scalar_one_or_none()
    refuse_other_rows(name, kept, found)


def halved(storage: Storage, name: str) -> StudyError:
    """What to say of a study that Optuna does not know: it was deleted just now, or another program took its half."""
    if lookup(storage, name) is None:
        return _unknown(storage, name, list_all(storage))
    return StudyError(
        f"the trials of study {name!r} in {storage.safe_url} were deleted by another program: "
        f"`hpo delete {shlex.quote(name)}` deletes the rest, then begin it anew"
    )


def _unknown(storage: Storage, word: str, there: Sequence[StudyRecord]) -> StudyError:
    names = ", ".join(record.name for record in there[:10]) + (", …" if len(there) > 10 else "")
    return UnknownStudyError(f"there is no study {word!r} in {storage.safe_url}; there is: {names or 'none yet'}")


def _read(connection: Connection, name: str) -> StudyRecord | None:
    try:
        name.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which no database can be asked for
        return None
    if "\0" in name and connection.dialect.name == "postgresql":  # likewise
        return None
    row = connection.execute(select(*_COLUMNS).where(_study.c.name == name)).one_or_none()
    return None if row is None else StudyRecord(**row._mapping)


def _amend(storage: Storage, existing: StudyRecord, wanted: Mapping[str, Any]) -> StudyRecord:
    changed = {name: value for name, value in wanted.items() if getattr(existing, name) != value}
    if changed:
        with storage.write() as connection:
            connection.execute(update(_study).where(_study.c.id == existing.id).values(changed))
            announce(connection)  # who refused it may serve it now
    return replace(existing, **changed)


def create_within(storage: Storage, connection: Connection, plan: StudyPlan) -> StudyRecord:
    """Make a study within the caller's transaction, in our table and in Optuna's. Raises StudyError."""
    from optuna.exceptions import DuplicatedStudyError
    from optuna.study import StudyDirection

    values = {  # of a plan alone: a record, which is one too, has an id that is not the new one's
        **{field.name: getattr(plan, field.name) for field in fields(StudyPlan)},
        "seed": secrets.randbelow(2**31) if plan.seed is None else plan.seed,
        "sampler": plan.sampler or DEFAULT_SAMPLER,
        "pruner": plan.pruner or DEFAULT_PRUNER,
        "created_at": time.time(),
    }
    parent = None if plan.parent is None else _read(connection, plan.parent)
    if plan.parent is not None and parent is None:
        raise StudyError(
            f"there is no study {plan.parent!r} in {storage.safe_url}, so nothing it found can be measured"
        )
    optunas = storage.optuna_within(connection)
    try:
        with _quiet():
            study_id = optunas.create_new_study(
                [StudyDirection[direction.upper()] for direction in plan.directions], plan.name
            )
    except DuplicatedStudyError:
        raise StudyError(
            f"study {plan.name!r} is in {storage.safe_url} already but was not made by hpo: choose another --name"
        ) from None
    optunas.set_study_system_attr(study_id, METRIC_NAMES, [plan.metric, *plan.costs])
    row = {name: value for name, value in values.items() if name != "parent"} | {"parent_id": parent and parent.id}
    id_ = connection.execute(_study.insert().values(row).returning(_study.c.id)).scalar_one()
    return StudyRecord(id=id_, **values)


def _measured(connection: Connection, name: str) -> list[str]:
    query = select(_study.c.name).where(_study.c.parent_id == schema.id_of(name))
    query = query.order_by(_study.c.created_at, _study.c.name)
    return list(connection.execute(query).scalars())


def _delete(connection: Connection, name: str) -> None:
    connection.execute(_study.delete().where(_study.c.name == name))  # and all that belongs to it
    theirs, trials = tables().studies, tables().trials
    study_id = connection.execute(select(theirs.c.study_id).where(theirs.c.study_name == name)).scalar()
    for table in (theirs, trials):  # keeps workers that are still at it from adding; SQLite has one writer anyway
        connection.execute(select(table.c.study_id).where(table.c.study_id == study_id).with_for_update())
    # A statement a table. Optuna reads each row to delete it, which takes minutes for a hundred thousand trials.
    own = select(trials.c.trial_id).where(trials.c.study_id == study_id)
    for table in reversed(metadata().sorted_tables):
        if "study_id" in table.c:
            connection.execute(table.delete().where(table.c.study_id == study_id))
        elif "trial_id" in table.c:
            connection.execute(table.delete().where(table.c.trial_id.in_(own)))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without Optuna's own line about a study it made: whoever watches a run is told by the run."""
    from optuna.logging import WARNING, get_verbosity, set_verbosity

    before = get_verbosity()
    set_verbosity(max(before, WARNING))
    try:
        yield
    finally:
        set_verbosity(before)
