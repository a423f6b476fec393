"""Why a study came to nothing: all its trials are settled, and none of them is complete."""

from dataclasses import dataclass

from sqlalchemy import desc, select

from hpo.service.slots.queries import of_study
from hpo.service.slots.slot import Counts
from hpo.service.storage import Storage, schema

__all__ = ["Fruitless", "fruitless"]

_slot = schema.slots


@dataclass(frozen=True, kw_only=True)
class Fruitless:
    """What became of the trials of a study none of which is complete."""

    why: str  # how many ended how, and the reason of the last: "6 pruned, the last with diverged: …"
    trial: int | None  # Optuna's number of the last of them; None: it never began


def fruitless(storage: Storage, study: str, counts: Counts) -> Fruitless | None:
    """Why no trial of the study is complete; None where one is, or may still come to be. Raises StorageError."""
    if counts.complete or not counts.target or counts.settled < counts.target:
        return None
    parts: list[str] = []
    last: int | None = None
    for outcome, number in (("pruned", counts.pruned), ("failed", counts.failed)):  # a failure has more to show
        if number:
            last, reason = _last(storage, study, outcome)
            parts.append(f"{number} {outcome}, the last with {reason or 'no reason recorded'}")
    return Fruitless(why="; ".join(reversed(parts)), trial=last)


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
