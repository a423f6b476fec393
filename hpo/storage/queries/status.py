"""How each study stands, as a record for a person or a program, at one moment or watched until it is done.

Nothing here trains or needs Optuna, and no trial is read: the slots know it all.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import func, select

from hpo.storage import Storage, schema, studies
from hpo.storage.queries.study_results import Best, FrontTrial, NothingComplete, best_of, leading, nothing_complete
from hpo.storage.queries.time_left import time_left
from hpo.storage.slots.dispatch import claimable
from hpo.storage.slots.slot import Counts, of_study
from hpo.storage.slots.slots import Slots
from hpo.storage.worker_registry import RunningTrial, running_trials

__all__ = [
    "Ended",
    "Progress",
    "RungStatus",
    "State",
    "StudyStatus",
    "all_statuses",
    "mean_seconds",
    "names",
    "paced",
    "seconds_by_rung",
    "snapshot",
    "study_status",
    "watch",
]

State = Literal["running", "waiting", "stopped", "done", "failed"]
"""Workers are at it; slots are open and nobody is at work; it gives no slots until it is resumed; nothing is left:
all is settled, or a value as good as was asked for is there; all is settled and no trial is complete."""

Ended = Literal["done", "interrupted", "timeout", "until", "stopped"]
"""Why a run ended: all settled, a signal, its time was up, a value as good as was asked for, the study was stopped."""

_LOOK = 0.5  # seconds between looks at the least
_SHARE = 10  # times as long as a look took, so that watching costs a tenth of a database's time at the most

_slot = schema.slots


@dataclass(frozen=True, kw_only=True)
class Progress(Counts):
    """How far a study is, cheap to make."""

    best: Best | None  # None until a trial is complete
    workers: int = 0  # processes of this run that are alive
    elapsed_seconds: float = 0.0  # since this run began
    eta_seconds: float | None = None  # until all is settled; None until a trial of the study has come to its end
    eta_range: tuple[float, float] | None = None  # seconds it will most likely take; None likewise
    timeout_seconds: float | None = None  # until this run's own time is up; None: it has no limit
    new: int = 0  # slots settled since this run began
    ended: Ended | None = None  # None while it runs


@dataclass(frozen=True, kw_only=True)
class RungStatus:
    """How far one rung of a search is."""

    fidelity: str  # name
    target: int
    settled: int


@dataclass(frozen=True, kw_only=True)
class StudyStatus(Counts):
    """All there is to say of how a study stands."""

    definition: str
    space: str
    fidelity: str | None  # None: it climbs
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
    eta_range: tuple[float, float] | None  # seconds it will most likely take; None likewise
    state: State
    stopped_at: datetime | None  # UTC; None: it is not stopped
    stopped_by: str | None
    stopped_why: str | None
    until: float | None  # nothing is begun once the best value is this good; None: no such value
    trial_timeout: float | None  # seconds of one trial; None: no limit of the study's own
    running_trials: tuple[RunningTrial, ...]  # by worker; a lease that ran out is in nobody's hand
    claimable: int  # slots a worker could take now; none while it is stopped, or as good as was asked for
    objectives: tuple[str, ...] = ()  # the metric and what is weighed against it; empty: the metric alone
    directions: tuple[str, ...] = ()  # which values are better, of each of these; empty likewise
    front: tuple[FrontTrial, ...] = ()  # the trials none beats in all objectives, best metric first
    nothing_complete: NothingComplete | None = (
        None  # why no trial is complete, where all are settled; None: one is, or may be yet
    )

    @property
    def against(self) -> dict[str, str]:
        """What is weighed against the metric -> which values of it are better; empty where nothing is."""
        return dict(zip(self.objectives[1:], self.directions[1:], strict=True))

    @property
    def drawn(self) -> int:
        """What --trials says: all trials, or where it climbs those on the first rung."""
        return self.rungs[0].target if self.rungs else self.target

    @property
    def ended(self) -> bool:
        """Whether nothing of it is left to do."""
        return self.state in ("done", "failed")

    @property
    def work(self) -> str:
        """The fidelity it stays on, or how far each rung is, in words."""
        if self.fidelity is not None:
            return f"fidelity {self.fidelity}"
        return "rungs " + ", ".join(f"{name} {rung.settled}/{rung.target}" for name, rung in self.named_rungs)

    @property
    def named_rungs(self) -> tuple[tuple[str, RungStatus], ...]:
        """Each rung with its name: its fidelity, or of the last one that it confirms; empty where it does not climb."""
        if self.fidelity is not None or not self.rungs:
            return ()
        *climbed, last = self.rungs
        return (*((rung.fidelity, rung) for rung in climbed), (studies.CONFIRMATION, last))


def snapshot(storage: Storage, study: str, *, direction: str | None = None, workers: int | None = None) -> Progress:
    """Where the study stands now, without a run around it. Small queries on the slots; no trial is read.

    Args:
        storage: where it is.
        study: its name.
        direction: of the study, for whoever knows it already.
        workers: that are at it; None: as many as have a trial in hand.

    Raises:
        StudyError: there is no such study.
        StorageError: the database failed.

    """
    slots = Slots(storage)
    counts = slots.counts(study)
    direction = direction or studies.get(storage, study).direction
    left = time_left(storage, counts, workers or counts.running, begun=True)
    return Progress(
        **vars(counts),
        best=best_of(slots.incumbent(study, direction) if counts.complete else None),
        eta_seconds=left.seconds if left else None,
        eta_range=left.range if left else None,
    )


def paced(seen: Progress, first: Progress, elapsed: float, timeout: float | None) -> Progress:
    """What is seen now, what came of it since `first` was seen, and how long the run has that began `elapsed` s ago."""
    left = None if timeout is None else max(0.0, timeout - elapsed)
    return replace(seen, elapsed_seconds=elapsed, timeout_seconds=left, new=seen.settled - first.settled)


def watch(
    storage: Storage,
    study: str,
    *,
    timeout: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Progress:
    """Look on until a study is settled, or is stopped or good enough and nothing of it is in hand any more.

    Ctrl-C ends the watching, and nothing else: nothing here is at work.

    Args:
        storage: where the study is.
        study: its name.
        timeout: seconds to watch for at the most.
        on_progress: told how far the study is, about twice a second.

    Raises:
        StudyError: there is no such study, or it was deleted meanwhile.
        StorageError: the database stayed away.

    """
    began = time.monotonic()
    first: Progress | None = None
    seen: Progress | None = None
    try:
        while True:
            looked = time.monotonic()
            record = studies.get(storage.patient, study)
            now = snapshot(storage.patient, study, direction=record.direction)
            first = first or now
            elapsed = time.monotonic() - began
            late = timeout is not None and elapsed >= timeout
            ended = _ended(record, now) or ("timeout" if late else None)
            seen = replace(paced(now, first, elapsed, timeout), ended=ended)
            if on_progress is not None:
                on_progress(seen)
            if seen.ended is not None:
                return seen
            time.sleep(max(_LOOK, _SHARE * (time.monotonic() - looked)))
    except KeyboardInterrupt:
        if seen is None:
            raise
        return replace(seen, ended="interrupted")


def _ended(record: studies.StudyRecord, seen: Progress) -> Ended | None:
    """What is in hand is waited for: it counts."""
    if seen.settled == seen.target:
        return "done"
    if seen.running:
        return None
    if record.stopped_at is not None:
        return "stopped"
    return "until" if seen.best is not None and record.reached(seen.best.value, seen.best.trainings) else None


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
    counts = Slots(storage).counts(record.name)
    best, front = leading(storage, record) if record.kind == "search" else (None, ())
    hands = running_trials(storage, record.name)
    left = time_left(storage, counts, counts.running)
    return StudyStatus(
        **vars(counts),
        **{name: getattr(record, name) for name in _AS_ASKED},
        fidelity=record.fidelity if record.rungs is None else None,
        rungs=tuple(
            RungStatus(fidelity=record.fidelities[each.rung], target=each.target, settled=each.settled)
            for each in Slots(storage).rungs(record.name)
        ),
        best=best,
        created_at=datetime.fromtimestamp(record.created_at, UTC),
        workers=tuple(dict.fromkeys(one.worker for one in hands)),
        eta_seconds=left.seconds if left else None,
        eta_range=left.range if left else None,
        state=_state(record, counts, best),
        stopped_at=None if record.stopped_at is None else datetime.fromtimestamp(record.stopped_at, UTC),
        running_trials=hands,
        claimable=claimable(storage, Slots(storage), only=(record.name,)).get(record.name, 0),
        objectives=(record.metric, *record.costs) if record.costs else (),
        directions=record.directions if record.costs else (),
        front=front,
        nothing_complete=nothing_complete(storage, counts),
    )


_AS_ASKED = {each.name for each in fields(StudyStatus)} & {each.name for each in fields(studies.StudyRecord)} - {
    "created_at",
    "fidelity",
    "rungs",
    "stopped_at",
    "objectives",
}
"""What a status has of a study as it is kept there."""


def _state(record: studies.StudyRecord, counts: Counts, best: Best | None) -> State:
    if counts.settled == counts.target:
        return "done" if counts.complete or not counts.target else "failed"
    if record.stopped_at is not None:
        return "stopped"
    if counts.running:
        return "running"
    return "done" if best is not None and record.reached(best.value, best.trainings) else "waiting"


def seconds_by_rung(storage: Storage, study: str, *, whole: bool = False) -> dict[int, float]:
    """What a trial of each rung took so far; a rung where none has a result is missing.

    `whole`: of those that came to their end, and were neither pruned nor failed.
    """
    ended = _slot.c.outcome == "complete" if whole else _slot.c.outcome.is_not(None)
    seconds = func.avg(_slot.c.settled_at - _slot.c.started_at)
    query = (
        select(_slot.c.rung, seconds)
        .where(of_study(study), ended, _slot.c.started_at.is_not(None))
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
