"""The Pareto front of a search with several objectives."""

from dataclasses import dataclass

from hpo.service.slots.queries import SlotQueries
from hpo.service.storage import Storage
from hpo.service.studies import StudyRecord
from hpo.study import Params

__all__ = ["FrontTrial", "front"]


@dataclass(frozen=True, kw_only=True)
class FrontTrial:
    """A trial that no other beats in every objective."""

    number: int | None  # Optuna's number
    values: tuple[float, ...]  # of each objective, the metric first
    params: Params


def front(storage: Storage, record: StudyRecord) -> tuple[FrontTrial, ...]:
    """The trials on the front, best metric first; none for a search with one objective. Raises StorageError."""
    from hpo.analysis.methods import pareto

    if not record.costs:
        return ()
    its = [
        FrontTrial(number=slot.trial_number, values=(slot.value, *slot.further), params=slot.params or {})
        for slot in SlotQueries(storage).complete(record.name)
        if slot.value is not None and len(slot.further) == len(record.costs)
    ]
    return tuple(its[place] for place in pareto.front([trial.values for trial in its], record.directions))
