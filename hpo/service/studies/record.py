"""Studies: what was asked of each when it was made, kept beside Optuna's own record of it."""

import contextlib
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, Row, select, update

from hpo.errors import StudyError
from hpo.service.storage import Storage, schema
from hpo.service.storage.engine import exclusive
from hpo.service.storage.errors import translated
from hpo.settings import DEFAULT_PRUNER, DEFAULT_SAMPLER
from hpo.study import registry

if TYPE_CHECKING:
    import optuna

__all__ = [
    "Kind",
    "StudyPlan",
    "StudyRecord",
    "create_or_resume",
    "delete",
    "find",
    "get",
    "halved",
    "list_all",
    "load",
    "lookup",
    "measured",
    "purpose",
    "refuse_other",
]

Kind = Literal["search", "sweep", "greedy", "race", "pairs", "resampled"]
"""What a study is for. A search looks for a configuration; all others measure configurations that are known already:
the tables of a report, the hand method followed anew, and of a search its best ones, pairs, and redrawn pairs."""


@dataclass(frozen=True, kw_only=True)
class StudyPlan:
    """What a person asks of a study."""

    name: str  # DEFINITION-SPACE-FIDELITY unless the person says otherwise
    reference: str  # the definition as `registry.load` takes it, on any machine and in any folder
    definition: str  # the definition's own name
    space: str  # name of the space
    fingerprint: str  # of the space: changes when a domain does
    fidelity: str
    direction: str  # maximize or minimize
    metric: str  # what the value is
    seed: int | None = None  # None: the study's own, drawn where it is new
    sampler: str | None = None  # a name in settings.SAMPLERS; None: the study's own, or the default where it is new
    pruner: str | None = None  # a name in settings.PRUNERS; None likewise
    kind: Kind = "search"
    parent: str | None = None  # name of the search it measures; None: of none
    version: str | None = None  # of the definition's code, `StudyDefinition.version`; None: not known
    trial_timeout: float | None = None  # seconds for one trial; a trial over it fails; None: no limit of its own
    until: float | None = None  # nothing is begun once the best value is at least this good; None: no such value


@dataclass(frozen=True, kw_only=True)
class StudyRecord(StudyPlan):
    """A study as it was made."""

    seed: int
    sampler: str
    pruner: str
    created_at: float  # seconds since 1970
    incarnation: str  # tells it from an earlier or later study of the same name
    stopped_at: float | None = None  # seconds since 1970; None: it is not stopped
    stopped_by: str | None = None  # who stopped it
    stopped_why: str | None = None  # the reason, where one was given


def create_or_resume(storage: Storage, plan: StudyPlan) -> StudyRecord:
    """The study of that plan: made, in our table and in Optuna's at once, or found as it was planned before.

    Of several processes exactly one makes it.

    Raises:
        StudyError: there is one of that name that was asked for otherwise, or that is not hpo's.
        StorageError: the database failed.

    """
    plan = replace(plan, reference=registry.reference(plan.reference))
    with translated(storage.where):
        existing = lookup(storage, plan.name)
        if existing is None:
            with exclusive(storage.engine) as connection:
                existing = _read(connection, plan.name)  # somebody else may have made it meanwhile
                if existing is None:
                    return _create(storage, connection, plan)
        _refuse_mismatch(existing, plan)
        if existing.reference != plan.reference:  # the file was moved, or is named otherwise
            with storage.engine.begin() as connection:
                table = schema.studies
                connection.execute(update(table).where(table.c.name == plan.name).values(reference=plan.reference))
            existing = replace(existing, reference=plan.reference)
    return existing


def get(storage: Storage, name: str) -> StudyRecord:
    """The study of that name. Raises StudyError."""
    record = lookup(storage, name)
    if record is None:
        raise StudyError(_unknown(name, list_all(storage), storage))
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
    raise StudyError(_unknown(word, everything, storage))


def list_all(storage: Storage) -> list[StudyRecord]:
    """Every study, the oldest first."""
    table = schema.studies
    with translated(storage.where), storage.engine.connect() as connection:
        rows = connection.execute(select(table).order_by(table.c.created_at, table.c.name)).all()
    return [_record(row) for row in rows]


def measured(storage: Storage, name: str) -> list[str]:
    """Names of the studies that measure what the search of that name found, the oldest first."""
    with translated(storage.where), storage.engine.connect() as connection:
        return _measured(connection, name)


def delete(storage: Storage, name: str, *, force: bool = False) -> None:
    """Delete a study with its slots and trials, and with what was measured of it, all or nothing.

    Raises:
        StudyError: there is none of that name, or workers hold leases on it and `force` is not set.

    """
    from hpo.service.studies.slots import Slots

    with translated(storage.where), exclusive(storage.engine) as connection:
        if _read(connection, name) is None:
            raise StudyError(f"there is no study {name!r} in {storage.safe_url}")
        doomed = [name, *_measured(connection, name)]
        for each in doomed:
            running = Slots(storage).live(each, connection)
            if running and not force:
                raise StudyError(f"study {each!r} has {running} trials running: stop their workers first, or force it")
        connection.execute(schema.looks.delete().where(schema.looks.c.study == name))
        for each in doomed:
            _delete(storage, connection, each)
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
    known = storage.incarnations.get(name)
    if known is not None and known != record.incarnation:
        storage.forget()
    storage.incarnations[name] = record.incarnation
    with translated(storage.where):
        try:
            return optuna.load_study(study_name=name, storage=storage.optuna, sampler=sampler, pruner=pruner)
        except KeyError:
            raise halved(storage, name) from None


def lookup(storage: Storage, name: str) -> StudyRecord | None:
    """The study of that name; None where there is none."""
    with translated(storage.where), storage.engine.connect() as connection:
        return _read(connection, name)


def halved(storage: Storage, name: str) -> StudyError:
    """What to say of a study that Optuna does not know: it was deleted just now, or another program took its half."""
    if lookup(storage, name) is None:
        return StudyError(_unknown(name, list_all(storage), storage))
    return StudyError(
        f"the trials of study {name!r} in {storage.safe_url} were deleted by another program: "
        f"`hpo delete {name}` deletes the rest, then begin it anew"
    )


def _read(connection: Connection, name: str) -> StudyRecord | None:
    row = connection.execute(select(schema.studies).where(schema.studies.c.name == name)).one_or_none()
    return None if row is None else _record(row)


def _record(row: Row[Any]) -> StudyRecord:
    return StudyRecord(**row._mapping)


def _create(storage: Storage, connection: Connection, plan: StudyPlan) -> StudyRecord:
    from optuna.exceptions import DuplicatedStudyError
    from optuna.study import StudyDirection
    from optuna.study.study import _SYSTEM_ATTR_METRIC_NAMES

    wanted = {field.name: getattr(plan, field.name) for field in fields(StudyPlan)}
    record = StudyRecord(
        **{
            **wanted,
            "seed": secrets.randbelow(2**31) if plan.seed is None else plan.seed,
            "sampler": plan.sampler or DEFAULT_SAMPLER,
            "pruner": plan.pruner or DEFAULT_PRUNER,
        },
        created_at=time.time(),
        incarnation=secrets.token_hex(16),
    )
    if plan.parent is not None and _read(connection, plan.parent) is None:
        raise StudyError(
            f"there is no study {plan.parent!r} in {storage.safe_url}, so nothing it found can be measured"
        )
    optunas = storage.optuna_within(connection)
    try:
        with _quiet():
            study_id = optunas.create_new_study([StudyDirection[plan.direction.upper()]], plan.name)
    except DuplicatedStudyError:
        raise StudyError(
            f"study {plan.name!r} is in {storage.safe_url} already but was not made by hpo: choose another --name"
        ) from None
    optunas.set_study_system_attr(study_id, _SYSTEM_ATTR_METRIC_NAMES, [plan.metric])
    values = {field.name: getattr(record, field.name) for field in fields(StudyRecord)}
    connection.execute(schema.studies.insert().values(values))
    return record


def _measured(connection: Connection, name: str) -> list[str]:
    table = schema.studies
    query = select(table.c.name).where(table.c.parent == name).order_by(table.c.created_at, table.c.name)
    return list(connection.execute(query).scalars())


def _delete(storage: Storage, connection: Connection, name: str) -> None:
    connection.execute(schema.slots.delete().where(schema.slots.c.study == name))
    connection.execute(schema.studies.delete().where(schema.studies.c.name == name))
    study_id = _optunas(connection, name)
    if study_id is not None:  # else another program has deleted it there already
        _lock(connection, study_id)
        storage.optuna_within(connection).delete_study(study_id)


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


def _optunas(connection: Connection, name: str) -> int | None:
    """Optuna's id of the study. Not asked of Optuna, which would undo the transaction where there is none."""
    from optuna.storages._rdb.models import StudyModel

    return connection.execute(select(StudyModel.study_id).where(StudyModel.study_name == name)).scalar()


def _lock(connection: Connection, study_id: int) -> None:
    """Keep workers that are still at it from adding to what is about to be deleted; SQLite has one writer anyway."""
    from optuna.storages._rdb.models import StudyModel, TrialModel

    for model in (StudyModel, TrialModel):
        connection.execute(select(model.study_id).where(model.study_id == study_id).with_for_update())


def _refuse_mismatch(existing: StudyRecord, plan: StudyPlan) -> None:
    refuse_other(existing, plan)
    # The jobs of a measurement have seeds of their own, and its sampler and pruner do nothing.
    own = ("sampler", "pruner", "seed") if plan.kind == "search" else ()
    for name in ("definition", "space", "fidelity", "direction", "metric", *own):
        was, wanted = getattr(existing, name), getattr(plan, name)
        if wanted is not None and was != wanted:
            raise StudyError(
                f"study {plan.name!r} was made with {name} {was}, not {wanted}: {_remedy(plan.name, plan.kind)}"
            )
    if existing.fingerprint != plan.fingerprint:
        raise StudyError(
            f"study {plan.name!r} was made when space {plan.space!r} was another one (fingerprint "
            f"{existing.fingerprint}, now {plan.fingerprint}): {_remedy(plan.name, plan.kind)}"
        )


def refuse_other(existing: StudyPlan, wanted: StudyPlan | None = None) -> None:
    """Refuse a study that is for something else than `wanted`, or for `None` than searching. Raises StudyError."""
    kind, parent = ("search", None) if wanted is None else (wanted.kind, wanted.parent)
    if (existing.kind, existing.parent) != (kind, parent):
        what = purpose(wanted) if wanted is not None else kind
        raise StudyError(
            f"study {existing.name!r} is a {purpose(existing)}, not a {what}: {_remedy(existing.name, kind)}"
        )


def purpose(plan: StudyPlan) -> str:
    """Kind of a study for a person, and what it measures where that is a search."""
    return plan.kind if plan.parent is None else f"{plan.kind} of {plan.parent}"


def _remedy(name: str, kind: Kind) -> str:
    """How to come by a study of that name, or without it, where there is one that was asked for otherwise."""
    if kind == "search":
        return "give the new one a name of its own, --name OTHER"
    return f"`hpo delete {name}` makes way for the new one"


def _unknown(word: str, everything: list[StudyRecord], storage: Storage) -> str:
    names = ", ".join(record.name for record in everything[:10]) + (", …" if len(everything) > 10 else "")
    return f"there is no study {word!r} in {storage.safe_url}; there is: {names or 'none yet'}"
