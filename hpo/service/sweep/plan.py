"""What a sweep is going to do and about how long it takes, found out without training anything."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.service import measuring
from hpo.service import storage as storages
from hpo.service.slots.slots import Slots
from hpo.service.sweep.request import SweepRequest, chosen_sweeps
from hpo.service.sweep.run import study_seed, sweep_jobs, sweep_plan
from hpo.service.workers.limits import MAX_WORKERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hpo.search.job import Job
    from hpo.service.storage import Storage
    from hpo.service.studies import StudyPlan
    from hpo.study import Fidelity, StudyDefinition

__all__ = ["SweepPlan", "plan_greedy", "plan_sweep"]


@dataclass(frozen=True, kw_only=True)
class SweepPlan:
    """What a sweep is going to do."""

    study: str  # name
    definition: "StudyDefinition"
    fidelity: "Fidelity"
    repeats: int  # trainings of each configuration; splits, for the greedy method
    tables: int
    rows: int  # of these tables together
    jobs: int  # distinct trainings they come from; of the greedy method those ahead, about: they hang on its choices
    left: int  # of these, still to do
    others: int  # trainings that an earlier run of the study began and left undone: they are done along
    workers: int  # processes
    seconds: float | None  # about how long all that takes; None: nothing to tell it from
    measured: bool  # the estimate comes from this study's own trainings, not from its definition
    changed: bool  # the definition's code is another one than when the study was asked for last
    safe_url: str  # of the storage, without a password


def plan_sweep(request: SweepRequest) -> SweepPlan:
    """What `sweep(request)` is going to do.

    Raises:
        UsageError: the request names what there is not.
        DefinitionError: the definition cannot be loaded, or has no tables.
        StudyError: the study was made with another seed.
        StorageError: the database cannot be reached, read or written.

    """
    definition, fidelity = request.resolve()
    sweeps = chosen_sweeps(definition, request.sweeps)
    storage = storages.prepare(request.storage)
    try:
        seed = study_seed(storage, definition, fidelity.name, request.seed)
        plan = sweep_plan(definition, request.definition, fidelity.name, seed)
        jobs = sweep_jobs(definition, sweeps, request.repeats, seed)
        rows = sum(len(table.rows) for table in sweeps)
        return _plan(storage, plan, request, definition, jobs, len(sweeps), rows)
    finally:
        storage.close()


def plan_greedy(request: SweepRequest) -> SweepPlan:
    """What `greedy(request)` is going to do, as far as that can be told: later tables hang on earlier choices.

    Raises as `plan_sweep` does, and UsageError where the request names tables.

    """
    from hpo.service.sweep.greedy import KIND, ahead, refuse_some, walk

    definition, fidelity = request.resolve()
    refuse_some(request, definition)
    storage = storages.prepare(request.storage)
    try:
        seed = study_seed(storage, definition, fidelity.name, request.seed, kind=KIND)
        plan = sweep_plan(definition, request.definition, fidelity.name, seed, kind=KIND)
        at = walk(definition, measuring.results(storage, plan.name), repeats=request.repeats, seed=seed)
        jobs = ahead(definition, at, repeats=request.repeats, seed=seed)
        rows = sum(len(table.rows) for table in definition.sweeps)
        return _plan(storage, plan, request, definition, jobs, len(definition.sweeps), rows)
    finally:
        storage.close()


def _plan(
    storage: "Storage",
    plan: "StudyPlan",
    request: SweepRequest,
    definition: "StudyDefinition",
    jobs: "Sequence[Job]",
    tables: int,
    rows: int,
) -> SweepPlan:
    left, seconds = measuring.estimate(storage, plan, jobs, request.limits.workers)
    slots = Slots(storage).list(plan.name)
    wanted = {job.key for job in jobs}
    others = sum(slot.outcome is None and slot.digest not in wanted for slot in slots)
    if seconds is not None and left:
        seconds *= (left + others) / left
    return SweepPlan(
        study=plan.name,
        definition=definition,
        fidelity=definition.fidelity(plan.fidelity),
        repeats=request.repeats,
        tables=tables,
        rows=rows,
        jobs=len(jobs),
        left=left,
        others=others,
        workers=request.limits.processes(MAX_WORKERS),
        seconds=None if others and not left else seconds,
        measured=any(slot.outcome is not None for slot in slots),
        changed=measuring.changed(storage, plan),
        safe_url=storage.safe_url,
    )
