"""What a search came to beside its best trial: the Pareto front, or why nothing is complete."""

from dataclasses import dataclass

from sqlalchemy import desc, select

from hpo.storage import Storage, schema
from hpo.storage.slots.slot import Counts
from hpo.storage.slots.slot_queries import SlotQueries, of_study
from hpo.storage.studies import StudyRecord
from hpo.study import Params

__all__ = ["FrontTrial", "NothingComplete", "front", "nothing_complete"]

_slot = schema.slots


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


@dataclass(frozen=True, kw_only=True)
class NothingComplete:
    """What became of the trials of a study none of which is complete."""

    why: str  # how many ended how, and the reason of the last: "6 pruned, the last with diverged: …"
    trial: int | None  # Optuna's number of the last of them; None: it never began


def nothing_complete(storage: Storage, study: str, counts: Counts) -> NothingComplete | None:
    """Why no trial of the study is complete; None where one is, or may still come to be. Raises StorageError."""
    if counts.complete or not counts.target or counts.settled < counts.target:
        return None
    parts: list[str] = []
    last: int | None = None
    for outcome, number in (("pruned", counts.pruned), ("failed", counts.failed)):  # a failure has more to show
        if number:
            last, reason = _last(storage, study, outcome)
            parts.append(f"{number} {outcome}, the last with {reason or 'no reason recorded'}")
    return NothingComplete(why="; ".join(reversed(parts)), trial=last)


def _last(storage: Storage, study: str, outcome: str) -> tuple[int | None, str | None]:
    """Number and reason of the trial that ended so last."""
    query = (
        select(_slot.c.trial_number, _slot.c.reason)
        .where(of_study(study), _slot.c.outcome == outcome)
        .order_by(desc(_slot.c.settled_at), desc(_slot.c.id))
        .limit(1)
    )
    with storage.read() as connection:
        found = connection.execute(query).first()
    return (None, None) if found is None else (found.trial_number, found.reason)
