"""What a comparison is going to do and about how long it takes, found out without changing anything.

The database is opened here and handed on with the plan.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hpo import storage as storages
from hpo.experiments import measure
from hpo.experiments.compare.comparison_request import CompareRequest
from hpo.experiments.compare.contestants import Contest, contest
from hpo.experiments.compare.stages import Stage, walk
from hpo.experiments.measure import Result
from hpo.storage import Storage

__all__ = ["ComparePlan", "Foreseen", "plan_comparison"]


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    """One stage before it runs."""

    stage: Stage  # while an earlier stage is not done, with the favourite for the winner
    left: int  # trainings to do
    seconds: float | None  # about; None: nothing to tell it from


@dataclass(frozen=True, kw_only=True)
class ComparePlan:
    """What a comparison is going to do. It holds the database open until it is closed (`contextlib.closing`)."""

    request: CompareRequest
    storage: Storage  # open
    contest: Contest
    stages: tuple[Foreseen, ...]
    changed: bool  # the definition's code is another one than when one of its studies was asked for last
    workers: int  # processes here; 0: none, a fleet does it

    @property
    def left(self) -> int:
        """Trainings to do, all stages together."""
        return sum(stage.left for stage in self.stages)

    @property
    def seconds(self) -> float | None:
        """About how long they take; None: nothing to tell it from."""
        known = [stage.seconds for stage in self.stages if stage.seconds is not None]
        return sum(known) if len(known) == len(self.stages) else None

    def close(self) -> None:
        """Close the database."""
        self.storage.close()


def plan_comparison(request: CompareRequest) -> ComparePlan:
    """What is going to be done and about how long it takes. Nothing is trained or written.

    Raises:
        StudyError, DefinitionError, UsageError: as `contest`.
        StorageError: the database cannot be read.

    """
    storage = storages.open(request.storage)
    foreseen: list[Foreseen] = []

    def foresee(stage: Stage) -> Mapping[str, Result] | None:
        left, seconds = measure.estimate(storage, stage.plan, stage.jobs, request.limits.workers)
        foreseen.append(Foreseen(stage=stage, left=left, seconds=seconds))
        return None if left else measure.results(storage, stage.plan.name)

    try:
        both = contest(storage, request)
        walk(storage, both, request, foresee)
        return ComparePlan(
            request=request,
            storage=storage,
            contest=both,
            stages=tuple(foreseen),
            changed=any(measure.changed(storage, stage.stage.plan) for stage in foreseen),
            workers=request.limits.processes(max([stage.left for stage in foreseen], default=1) or 1),
        )
    except BaseException:
        storage.close()
        raise
