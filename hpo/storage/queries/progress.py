"""How far a study is, in one record that is cheap to make."""

from dataclasses import dataclass, replace
from typing import Literal

from hpo.storage import Storage
from hpo.storage.slots.slot import Incumbent
from hpo.storage.slots.slots import Slots
from hpo.storage.studies.repository import get
from hpo.study import Params

__all__ = ["Best", "Ended", "Progress", "paced", "snapshot"]

Ended = Literal["done", "interrupted", "timeout", "until", "stopped"]
"""Why a run ended: all settled, a signal, its time was up, a value as good as was asked for, the study was stopped."""


@dataclass(frozen=True, kw_only=True)
class Best:
    """The best complete trial; pruned and infeasible ones are none."""

    number: int | None  # Optuna's number of the trial; None where a crash kept it from being recorded
    value: float  # the mean, where it was trained more than once at the highest fidelity
    params: Params
    trainings: int = 1  # so often; of a search that climbs, an optimum that was trained once is not confirmed yet

    @classmethod
    def of(cls, found: Incumbent) -> "Best":
        """What a study has found."""
        slot = found.slot
        return cls(number=slot.trial_number, value=found.value, params=slot.params or {}, trainings=found.trainings)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a study stands, in slots: target = settled + running + open, settled = complete + pruned + failed."""

    study: str  # name
    target: int
    settled: int
    complete: int
    pruned: int
    failed: int
    running: int
    open: int
    best: Best | None  # None until a trial is complete
    workers: int = 0  # processes of this run that are alive
    elapsed_seconds: float = 0.0  # since this run began
    eta_seconds: float | None = None  # until all is settled, by the pace of this run; None until it has one
    new: int = 0  # slots settled since this run began
    ended: Ended | None = None  # None while it runs


def snapshot(storage: Storage, study: str, *, direction: str | None = None) -> Progress:
    """Where the study stands now, without a run around it. Small queries on the slots; no trial is read.

    Args:
        storage: where it is.
        study: its name.
        direction: of the study, for whoever knows it already.

    Raises:
        StudyError: there is no such study.
        StorageError: the database failed.

    """
    slots = Slots(storage)
    counts = slots.counts(study)
    direction = direction or get(storage, study).direction
    best = slots.incumbent(study, direction) if counts.complete else None
    return Progress(
        study=study,
        target=counts.target,
        settled=counts.settled,
        complete=counts.complete,
        pruned=counts.pruned,
        failed=counts.failed,
        running=counts.running,
        open=counts.open,
        best=None if best is None else Best.of(best),
    )


def paced(seen: Progress, first: Progress, elapsed: float) -> Progress:
    """What is seen now with the pace it came at: `first` is what was seen first, `elapsed` seconds ago."""
    new = seen.settled - first.settled
    left = seen.target - seen.settled
    return replace(seen, elapsed_seconds=elapsed, new=new, eta_seconds=elapsed / new * left if new else None)
