"""One study as its page shows it."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from hpo.errors import HpoError
from hpo.report import formatting
from hpo.storage import Storage, studies
from hpo.storage.queries import live_queries
from hpo.storage.queries.live_queries import Failure
from hpo.storage.queries.status import StudyStatus, study_status
from hpo.storage.slots.slot import Outcome, Slot
from hpo.storage.worker_registry import Roster
from hpo.study import Params, registry
from hpo.web.pages import cards, chart
from hpo.web.pages.cards import Fleet, StudyCard
from hpo.web.pages.chart import Drawing

__all__ = ["BaselineCard", "ParamRow", "StudyPage", "study_page", "word"]

_RECENT = 15  # trials shown
_REASONS = 10  # reasons of failures shown


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
        fleet=cards.fleet(present, [status]),
        measurements=tuple(
            StudyCard(status=study_status(storage, one), number=numbers.get(one))
            for one in studies.measured(storage, name)
        ),
    )


def word(text: str) -> str:
    """A name as it is typed in a shell."""
    return shlex.quote(text)


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
    found = _hand_picked(record.reference, record.space, record.fingerprint)
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
def _hand_picked(reference: str, space: str, fingerprint: str) -> tuple[str, Params] | None:
    """Name and configuration of the definition's first baseline; None where it cannot be had here.

    Looked up once: a definition is code, which nobody wants run every two seconds.
    """
    try:
        definition = registry.load(reference)
        if definition.space(space).fingerprint != fingerprint:  # it has changed since
            return None
        first = definition.baseline()
        return first.name, dict(first.params_in(space))
    except HpoError:
        return None
