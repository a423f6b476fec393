"""What the pages show of studies and workers: the service's records, with what a template needs beside them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpo.storage import Storage
from hpo.storage.queries import live_queries
from hpo.storage.queries.status import StudyStatus, all_statuses
from hpo.storage.worker_registry import Roster, RunningTrial, WorkerRecord

__all__ = ["Fleet", "Hand", "Overview", "StudyCard", "WorkerCard", "fleet", "overview", "short"]


@dataclass(frozen=True, kw_only=True)
class StudyCard:
    """One study in the overview."""

    status: StudyStatus
    number: int | None  # in Optuna's tables; None: another program has deleted it there
    measurements: tuple["StudyCard", ...] = ()  # of this search, the oldest first


@dataclass(frozen=True, kw_only=True)
class Hand:
    """A trial somebody works on now."""

    study: str  # name
    trial: RunningTrial

    @property
    def worker(self) -> str:
        """The worker's name for people."""
        return short(self.trial.worker)


@dataclass(frozen=True, kw_only=True)
class WorkerCard:
    """One worker of the fleet."""

    record: WorkerRecord
    hand: Hand | None  # the trial in hand

    @property
    def name(self) -> str:
        """Its name for people."""
        return short(self.record.name)


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Who works, and on what."""

    workers: tuple[WorkerCard, ...]  # those of the roster, by host
    guests: tuple[Hand, ...]  # in the hands of workers that are on no roster


@dataclass(frozen=True, kw_only=True)
class Overview:
    """All that the overview shows: searches with what measures them, other studies, workers."""

    searches: tuple[StudyCard, ...]  # the newest first, what measures them within
    tables: tuple[StudyCard, ...]  # studies that measure no search: a definition's tables
    fleet: Fleet


def short(worker: str) -> str:
    """Host and process of a worker's name, which goes on with what only programs need."""
    return ":".join(worker.split(":")[:2])


def overview(storage: Storage) -> Overview:
    """Everything there is now. Raises StorageError."""
    statuses = all_statuses(storage)
    numbers = live_queries.numbers(storage)
    measuring: dict[str, list[StudyCard]] = defaultdict(list)
    known = {status.study for status in statuses}
    for status in statuses:
        if status.parent in known:
            measuring[status.parent or ""].append(StudyCard(status=status, number=numbers.get(status.study)))
    tops = [
        StudyCard(status=status, number=numbers.get(status.study), measurements=tuple(measuring.get(status.study, ())))
        for status in reversed(statuses)
        if status.parent not in known
    ]
    return Overview(
        searches=tuple(card for card in tops if card.status.kind == "search"),
        tables=tuple(card for card in tops if card.status.kind != "search"),
        fleet=fleet(Roster(storage).present(), statuses),
    )


def fleet(present: Sequence[WorkerRecord], statuses: Sequence[StudyStatus]) -> Fleet:
    """The workers with what each has in hand in the studies of `statuses`."""
    hands = [Hand(study=status.study, trial=trial) for status in statuses for trial in status.running_trials]
    by_worker: Mapping[str, Hand] = {hand.trial.worker: hand for hand in hands}
    ordered = sorted(present, key=lambda record: (record.host, record.started_at, record.name))
    listed = {record.name for record in present}
    return Fleet(
        workers=tuple(WorkerCard(record=record, hand=by_worker.get(record.name)) for record in ordered),
        guests=tuple(hand for hand in hands if hand.trial.worker not in listed),
    )
