"""What each side spent to come by its configuration: the search its trials, the hand its tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from hpo.experiments import measure
from hpo.optuna_internals import RUNG
from hpo.storage import Storage
from hpo.storage.queries import stored_trials
from hpo.storage.slots.slot import Slot
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyRecord
from hpo.study import Fidelity, Params
from hpo.study.direction import is_better
from hpo.study.searchable import Searchable

__all__ = ["Budget", "Spent", "budget", "trials_to_pass"]


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What one side did to come by its configuration."""

    trials: int  # configurations tried: settled trials of the search, distinct configurations of the tables
    epochs: float | None  # all trainings together; a search's trial on k folds counts k times
    seconds: float | None  # training and compiling, all together; of the hand: where its tables were measured here
    rows: int | None = None  # of the tables
    tables: int | None = None


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What both sides spent."""

    search: Spent
    hand: Spent | None  # None: the definition has no tables with figures of somebody's
    trials_to_pass: int | None
    # settled trials, the passing one included, until one was better than the baseline in the same search; None: none
    # was, or the baseline has no value there


def budget(storage: Storage, record: StudyRecord, definition: Searchable, baseline: Params) -> Budget:
    """Add up what is known.

    Args:
        storage: where the search is.
        record: the search.
        definition: its definition.
        baseline: the hand-picked configuration as the search's space writes it.

    """
    slots = Slots(storage).list(record.name)
    return Budget(
        search=_search(storage, record, definition, sum(slot.outcome is not None for slot in slots)),
        hand=_hand(storage, definition) if definition.tried_by_hand else None,
        trials_to_pass=trials_to_pass(slots, baseline, record.direction),
    )


def trials_to_pass(slots: Sequence[Slot], baseline: Params, direction: str) -> int | None:
    """How many trials were settled, in the order they ended, when the first one was better than the baseline's.

    Only trials of the highest fidelity count, each against the baseline's on its own rung.
    """
    settled = sorted((slot for slot in slots if slot.outcome is not None), key=lambda slot: slot.settled_at or 0.0)
    values = [slot.value if slot.outcome == "complete" and slot.highest else None for slot in settled]
    marks: dict[int, float] = {}
    for value, slot in zip(values, settled, strict=True):
        if value is not None and _is(slot, baseline):
            marks.setdefault(slot.rung, value)
    for number, (value, slot) in enumerate(zip(values, settled, strict=True), start=1):
        if value is not None and slot.rung in marks and is_better(direction, value, marks[slot.rung]):
            return number
    return None


def _is(slot: Slot, params: Params) -> bool:
    return slot.params is not None and dict(slot.params) == dict(params)


def _search(storage: Storage, record: StudyRecord, definition: Searchable, settled: int) -> Spent:
    trials = stored_trials.read(storage, record.name)  # superseded attempts too: they were paid for
    folds = [_folds(definition, definition.fidelity(name)) for name in record.fidelities]
    epochs = [
        number * folds[trial.system.whole(RUNG) or 0]
        for trial in trials
        if (number := trial.user.whole("epochs")) is not None
    ]
    seconds = [
        spent + (trial.user.number("compile_seconds") or 0.0)
        for trial in trials
        if (spent := trial.user.number("fit_seconds")) is not None
    ]
    return Spent(
        trials=settled,
        epochs=sum(epochs) if epochs else None,
        seconds=sum(seconds) if seconds else None,
    )


def _folds(definition: Searchable, fidelity: Fidelity) -> int:
    return definition.evaluation.trainings(fidelity.folds)


def _hand(storage: Storage, definition: Searchable) -> Spent:
    """The tables, each distinct configuration trained once at the last fidelity, which is the report's own epochs."""
    from hpo.experiments.sweep.sweep_jobs import sweep_study
    from hpo.search import digest

    fidelity = definition.fidelities[-1]
    distinct = {digest(sweep.configuration(row)) for sweep in definition.tried_by_hand for row in sweep.rows}
    paces: dict[str, list[float]] = {}
    study = sweep_study(storage, definition, definition.name, fidelity.name).name
    for result in measure.results(storage, study).values():
        if result.seconds is not None:
            paces.setdefault(digest(result.params), []).append(result.seconds + (result.compile_seconds or 0.0))
    measured = distinct <= set(paces)
    return Spent(
        trials=len(distinct),
        epochs=len(distinct) * fidelity.epochs,
        seconds=sum(fmean(paces[key]) for key in distinct) if measured else None,
        rows=sum(len(sweep.rows) for sweep in definition.tried_by_hand),
        tables=len(definition.tried_by_hand),
    )
