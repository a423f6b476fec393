"""A comparison left to a fleet: asked for again and again, each time opening what can be trained now; the last judges.

Which trainings a stage needs hangs on what those before it came to, so they cannot all be opened at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection

from hpo.experiments import measure
from hpo.experiments.compare.comparison_plan import ComparePlan, Stage, walk
from hpo.experiments.compare.comparison_run import conclude, withdraw_others
from hpo.experiments.measure import Result
from hpo.storage.worker_registry import serving

__all__ = ["ComparisonLeft", "leave_comparison"]


@dataclass(frozen=True, kw_only=True)
class ComparisonLeft:
    """How far a comparison is that is left to the fleet."""

    study: str  # name of the search
    state: Literal["waiting", "done"]  # for trainings; judged
    stage: str | None  # what is being trained, as `hpo compare` calls it; None: it is judged
    measured_in: str | None  # name of the study whose trials these are; None likewise
    target: int  # trainings of that stage; 0 where it is judged
    settled: int  # of these
    added: int  # trainings opened just now
    serving: tuple[str, ...]  # names of the workers that are there to take them
    report: dict[str, Any] | None  # the verdict, as `hpo compare --json` tells it; None: there is none yet


class _Waiting(Exception):  # noqa: N818 - an outcome
    """A stage is not trained yet."""

    def __init__(self, left: ComparisonLeft) -> None:
        super().__init__(left.study)
        self.left = left


def leave_comparison(plan: ComparePlan, charge: Callable[[Connection, int], None]) -> ComparisonLeft:
    """Open the trainings of the next stage, or judge where all are done.

    Args:
        plan: what to compare.
        charge: who pays for the trainings, within the transaction that opens them; raises HpoError where nobody does.

    Raises:
        StudyError: one side could not be trained at all, or a study of its stages is stopped.
        StorageError: the database cannot be reached, read or written.
        HpoError: nobody pays.

    """
    storage, search = plan.storage, plan.contest.record.name
    _ = storage.rdb  # which imports Optuna, and nobody shall wait for that
    opened = 0

    def do(stage: Stage) -> Mapping[str, Result]:
        nonlocal opened
        withdraw_others(storage, stage, plan.contest.request.limits)
        with storage.exclusive() as connection:
            record, added = measure.open_jobs(storage, stage.plan, stage.jobs)
            charge(connection, added)
        opened += added
        found = measure.results(storage, record.name)
        settled = sum(job.key in found for job in stage.jobs)
        if settled == len(stage.jobs):
            return found
        raise _Waiting(
            ComparisonLeft(
                study=search,
                state="waiting",
                stage=stage.name,
                measured_in=record.name,
                target=len(stage.jobs),
                settled=settled,
                added=opened,
                serving=tuple(worker.name for worker in serving(storage, record.name).ready),
                report=None,
            )
        )

    try:
        report = conclude(storage, plan.contest, walk(storage, plan.contest, do))
    except _Waiting as waiting:
        return waiting.left
    return ComparisonLeft(
        study=search,
        state="done",
        stage=None,
        measured_in=None,
        target=0,
        settled=0,
        added=opened,
        serving=(),
        report=report.to_json(),
    )
