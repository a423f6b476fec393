"""What the pages show: the overview of studies and workers, and one study."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from hpo.errors import HpoError
from hpo.report import formatting
from hpo.storage import Storage, studies
from hpo.storage.queries import live_queries
from hpo.storage.queries.live_queries import Failure
from hpo.storage.queries.status import StudyStatus, all_statuses, study_status
from hpo.storage.slots.slot import Outcome, Slot
from hpo.storage.worker_registry import Roster, RunningTrial, WorkerRecord
from hpo.study import Params, registry
from hpo.study.baseline import hand_picked
from hpo.web.pages import chart
from hpo.web.pages.chart import Drawing

__all__ = [
    "BaselineCard",
    "Fleet",
    "Hand",
    "Overview",
    "ParamRow",
    "StudyCard",
    "StudyPage",
    "WorkerCard",
    "fleet",
    "overview",
    "short",
    "study_page",
]

_RECENT = 15  # trials shown
_REASONS = 10  # reasons of failures shown


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


@dataclass(frozen=True, kw_only=True)
class BaselineCard:
    """The definition's first baseline, and what became of it in this search."""

    name: str
    params: Params
    outcome: Outcome | None  # None: not settled, or not tried
    number: int | None  # of its trial
    value: float | None


@dataclass(frozen=True, kw_only=True)
class ParamRow:
    """One parameter of the best configuration beside the baseline's, as text."""

    name: str
    best: str
    baseline: str
    differs: bool


@dataclass(frozen=True, kw_only=True)
class StudyPage:
    """All that the page of one study shows."""

    status: StudyStatus
    number: int | None  # in Optuna's tables
    baseline: BaselineCard | None  # None: the definition has none, or cannot be loaded here
    rows: tuple[ParamRow, ...]  # parameters of the best configuration; empty where there is none
    chart: Drawing | None  # None: there is nothing to draw
    recent: Sequence[Slot]  # the latest first
    failures: Sequence[Failure]  # the most frequent first
    fleet: Fleet  # the workers that are at this study, or refuse it
    measurements: tuple[StudyCard, ...]


def study_page(storage: Storage, name: str) -> StudyPage:
    """The study of that name as it is now.

    Raises:
        StudyError: there is none.
        StorageError: the database failed.

    """
    record = studies.get(storage, name)
    status = study_status(storage, name)
    numbers = live_queries.numbers(storage)
    baseline = _baseline(storage, record) if record.kind == "search" else None
    present = [
        worker
        for worker in Roster(storage).present()
        if worker.study == name or worker.name in status.workers or name in worker.refuses
    ]
    return StudyPage(
        status=status,
        number=numbers.get(name),
        baseline=baseline,
        rows=_rows(status, baseline),
        chart=chart.draw(live_queries.history(storage, name), status, baseline.value if baseline else None)
        if record.kind == "search"
        else None,
        recent=live_queries.recent(storage, name, _RECENT),
        failures=live_queries.failures(storage, name, _REASONS),
        fleet=fleet(present, [status]),
        measurements=tuple(
            StudyCard(status=study_status(storage, one), number=numbers.get(one))
            for one in studies.measured(storage, name)
        ),
    )


def _rows(status: StudyStatus, baseline: BaselineCard | None) -> tuple[ParamRow, ...]:
    if status.best is None:
        return ()
    best, hand = status.best.params, baseline.params if baseline else {}
    names = [*best, *(name for name in hand if name not in best)]
    return tuple(
        ParamRow(
            name=name,
            best=formatting.setting(best[name]) if name in best else formatting.NONE,
            baseline=formatting.setting(hand[name]) if name in hand else formatting.NONE,
            differs=(name in best, best.get(name)) != (name in hand, hand.get(name)),
        )
        for name in names
    )


def _baseline(storage: Storage, record: studies.StudyRecord) -> BaselineCard | None:
    found = _hand_picked(record.reference, record.space, record.fingerprint, record.prior)
    if found is None:
        return None
    name, params = found
    slot = live_queries.of_configuration(storage, record.name, params)
    return BaselineCard(
        name=name,
        params=params,
        outcome=slot.outcome if slot else None,
        number=slot.trial_number if slot else None,
        value=slot.value if slot else None,
    )


@lru_cache(maxsize=256)
def _hand_picked(reference: str, space: str, fingerprint: str, prior: str | None) -> tuple[str, Params] | None:
    """Name and configuration of the hand-picked one; None where it cannot be had here.

    Looked up once: a definition is code, which nobody wants run every two seconds.
    """
    try:
        definition = registry.find(reference)
        if definition.space(space).fingerprint != fingerprint:  # it has changed since
            return None
        first = hand_picked(definition.baselines, space, None if prior is None else json.loads(prior))
        return None if first is None else (first.name, dict(first.params_in(space)))
    except HpoError:
        return None
