"""How each study stands, as a record for a person or a program.

Nothing here trains or needs Optuna, and no trial is read: the slots know it all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import func, select

from hpo.storage import Storage, schema, studies
from hpo.storage.queries.progress import Best
from hpo.storage.queries.running_trials import RunningTrial, running_trials
from hpo.storage.queries.study_results import FrontTrial, NothingComplete, front, nothing_complete
from hpo.storage.slots.slot import Counts
from hpo.storage.slots.slot_queries import of_study
from hpo.storage.slots.slots import Slots

__all__ = [
    "RungStatus",
    "RunningTrial",
    "State",
    "StudyStatus",
    "all_statuses",
    "mean_seconds",
    "names",
    "seconds_by_rung",
    "study_status",
]

State = Literal["running", "waiting", "stopped", "done"]
"""Workers are at it; slots are open and nobody is at work; it gives no slots until it is resumed; nothing is left:
all is settled, or a value as good as was asked for is there."""

_slot = schema.slots


@dataclass(frozen=True, kw_only=True)
class RungStatus:
    """How far one rung of a search is."""

    fidelity: str  # name
    target: int
    settled: int


@dataclass(frozen=True, kw_only=True)
class StudyStatus:
    """One study; the numbers count slots: target = settled + running + open, settled = complete + pruned + failed."""

    study: str  # name
    definition: str
    space: str
    fidelity: str | None  # None: it climbs
    target: int
    settled: int
    complete: int
    pruned: int
    failed: int
    running: int
    open: int
    rungs: tuple[RungStatus, ...]  # lowest first; the last one of a search that climbs confirms what was found
    best: Best | None  # None: no trial is complete yet, or they measure and none of them is to be chosen
    direction: str
    metric: str
    sampler: str
    pruner: str
    seed: int
    created_at: datetime  # UTC
    kind: studies.Kind
    parent: str | None  # name of the search it measures
    workers: tuple[str, ...]  # names of those that hold a lease
    eta_seconds: float | None  # None: nothing is settled yet, nobody is at work, or all is done
    state: State
    stopped_at: datetime | None  # UTC; None: it is not stopped
    stopped_by: str | None
    stopped_why: str | None
    until: float | None  # nothing is begun once the best value is this good; None: no such value
    trial_timeout: float | None  # seconds of one trial; None: no limit of the study's own
    running_trials: tuple[RunningTrial, ...]  # by worker; a lease that ran out is in nobody's hand
    objectives: tuple[str, ...] = ()  # the metric and what is weighed against it; empty: the metric alone
    front: tuple[FrontTrial, ...] = ()  # the trials none beats in all objectives, best metric first
    nothing_complete: NothingComplete | None = (
        None  # why no trial is complete, where all are settled; None: one is, or may be yet
    )


def study_status(storage: Storage, word: str) -> StudyStatus:
    """The study of that name, or the only one of the definition of that name. Raises StudyError."""
    return _status(storage, studies.find(storage, word))


def all_statuses(storage: Storage) -> list[StudyStatus]:
    """Every study, the oldest first."""
    return [_status(storage, record) for record in studies.list_all(storage)]


def names(storage: Storage) -> Iterator[tuple[str, str]]:
    """Name and one line of every study."""
    for record in studies.list_all(storage):
        kind = "" if record.kind == "search" else f"{record.kind} of "
        yield record.name, f"{kind}{record.definition}, space {record.space}, {record.work}"


def _status(storage: Storage, record: studies.StudyRecord) -> StudyStatus:
    slots = Slots(storage)
    counts = slots.counts(record.name)
    leader = slots.incumbent(record.name, record.direction) if record.kind == "search" else None
    ahead = front(storage, record)
    best = None if leader is None else Best.of(leader)
    if ahead:  # of equal metrics the cheapest
        best = Best(number=ahead[0].number, value=ahead[0].values[0], params=ahead[0].params)
    hands = running_trials(storage, record.name)
    return StudyStatus(
        study=record.name,
        definition=record.definition,
        space=record.space,
        fidelity=record.fidelity if record.rungs is None else None,
        target=counts.target,
        settled=counts.settled,
        complete=counts.complete,
        pruned=counts.pruned,
        failed=counts.failed,
        running=counts.running,
        open=counts.open,
        rungs=tuple(
            RungStatus(fidelity=record.fidelities[each.rung], target=each.target, settled=each.settled)
            for each in slots.rungs(record.name)
        ),
        best=best,
        direction=record.direction,
        metric=record.metric,
        sampler=record.sampler,
        pruner=record.pruner,
        seed=record.seed,
        created_at=datetime.fromtimestamp(record.created_at, UTC),
        kind=record.kind,
        parent=record.parent,
        workers=tuple(dict.fromkeys(one.worker for one in hands)),
        eta_seconds=_eta(storage, record.name, counts),
        state=_state(record, counts, best),
        stopped_at=None if record.stopped_at is None else datetime.fromtimestamp(record.stopped_at, UTC),
        stopped_by=record.stopped_by,
        stopped_why=record.stopped_why,
        until=record.until,
        trial_timeout=record.trial_timeout,
        running_trials=hands,
        objectives=(record.metric, *record.costs) if record.costs else (),
        front=ahead,
        nothing_complete=nothing_complete(storage, record.name, counts),
    )


def _state(record: studies.StudyRecord, counts: Counts, best: Best | None) -> State:
    if counts.settled == counts.target:
        return "done"
    if record.stopped_at is not None:
        return "stopped"
    if counts.running:
        return "running"
    return "done" if best is not None and record.reached(best.value, best.trainings) else "waiting"


def _eta(storage: Storage, study: str, counts: Counts) -> float | None:
    """What is left, at the mean time a trial took so far, by those at work now."""
    if not counts.running or counts.settled == counts.target:
        return None
    seconds = mean_seconds(storage, study)
    return None if seconds is None else seconds * (counts.target - counts.settled) / counts.running


def seconds_by_rung(storage: Storage, study: str) -> dict[int, float]:
    """What a trial of each rung took so far; a rung where none has a result is missing."""
    seconds = func.avg(_slot.c.settled_at - _slot.c.started_at)
    query = (
        select(_slot.c.rung, seconds)
        .where(of_study(study), _slot.c.outcome.is_not(None), _slot.c.started_at.is_not(None))
        .group_by(_slot.c.rung)
    )
    with storage.read() as connection:
        return {rung: float(mean) for rung, mean in connection.execute(query)}


def mean_seconds(storage: Storage, study: str) -> float | None:
    """What a trial of the study took so far, from its claim to its result; None where none has one."""
    mean = select(func.avg(_slot.c.settled_at - _slot.c.started_at)).where(
        of_study(study), _slot.c.outcome.is_not(None), _slot.c.started_at.is_not(None)
    )
    with storage.read() as connection:
        seconds = connection.execute(mean).scalar()
    return None if seconds is None else float(seconds)
