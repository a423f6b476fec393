"""What a sweep is going to do and about how long it takes, found out without training anything.

The database is opened here and handed on with the plan.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo import storage as storages
from hpo.errors import UsageError
from hpo.experiments import measure
from hpo.experiments.sweep.greedy_method import ahead, walk
from hpo.experiments.sweep.sweep_jobs import GREEDY, SWEEP, study_seed, sweep_jobs, sweep_plan
from hpo.experiments.sweep.sweep_request import SweepRequest, chosen_sweeps
from hpo.fleet.run_limits import MAX_WORKERS
from hpo.storage import Storage
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan

if TYPE_CHECKING:
    from hpo.search.job import Job
    from hpo.study import Fidelity, StudyDefinition, Sweep

__all__ = ["SweepPlan", "plan_greedy", "plan_sweep"]


@dataclass(frozen=True, kw_only=True)
class SweepPlan:
    """What a sweep is going to do. It holds the database open until it is closed (`contextlib.closing`)."""

    request: SweepRequest
    storage: Storage  # open
    study_plan: StudyPlan  # the study of its trainings
    definition: "StudyDefinition"
    fidelity: "Fidelity"
    sweeps: "tuple[Sweep, ...]"  # its tables, in the report's order
    jobs: "tuple[Job, ...]"
    # distinct trainings the tables come from; of the greedy method those ahead, about: they hang on its choices
    left: int  # of these, still to do
    others: int  # trainings that an earlier run of the study began and left undone: they are done along
    workers: int  # processes
    seconds: float | None  # about how long all that takes; None: nothing to tell it from
    measured: bool  # the estimate comes from this study's own trainings, not from its definition
    changed: bool  # the definition's code is another one than when the study was asked for last

    @property
    def study(self) -> str:
        """Name of the study of its trainings."""
        return self.study_plan.name

    @property
    def seed(self) -> int:
        """The seed that all seeds of that study follow from."""
        return self.study_plan.seed or 0

    @property
    def repeats(self) -> int:
        """Trainings of each configuration; splits, for the greedy method."""
        return self.request.repeats

    @property
    def rows(self) -> int:
        """Of its tables together."""
        return sum(len(table.rows) for table in self.sweeps)

    def close(self) -> None:
        """Close the database."""
        self.storage.close()


def plan_sweep(request: SweepRequest) -> SweepPlan:
    """What measuring the tables asked for is going to take.

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
        study = sweep_plan(definition, request.definition, fidelity.name, seed, kind=SWEEP)
        return _planned(
            request, storage, study, definition, sweeps, sweep_jobs(definition, sweeps, request.repeats, seed)
        )
    except BaseException:
        storage.close()
        raise


def plan_greedy(request: SweepRequest) -> SweepPlan:
    """What the greedy method is going to take, as far as that can be told: later tables hang on earlier choices.

    Raises as `plan_sweep` does, and UsageError where the request names tables: each builds on all before it.

    """
    definition, fidelity = request.resolve()
    if request.sweeps:
        raise UsageError(
            f"--greedy follows all tables of {definition.name} from the first one, each from the winner so far: "
            f"leave out {', '.join(request.sweeps)}"
        )
    storage = storages.prepare(request.storage)
    try:
        seed = study_seed(storage, definition, fidelity.name, request.seed, kind=GREEDY)
        study = sweep_plan(definition, request.definition, fidelity.name, seed, kind=GREEDY)
        at = walk(definition, measure.results(storage, study.name), repeats=request.repeats, seed=seed)
        jobs = ahead(definition, at, repeats=request.repeats, seed=seed)
        return _planned(request, storage, study, definition, definition.sweeps, jobs)
    except BaseException:
        storage.close()
        raise


def _planned(
    request: SweepRequest,
    storage: Storage,
    study: StudyPlan,
    definition: "StudyDefinition",
    sweeps: "Sequence[Sweep]",
    jobs: "Sequence[Job]",
) -> SweepPlan:
    left, seconds = measure.estimate(storage, study, jobs, request.limits.workers)
    slots = Slots(storage).list(study.name)
    wanted = {job.key for job in jobs}
    others = sum(slot.outcome is None and slot.digest not in wanted for slot in slots)
    if seconds is not None and left:
        seconds *= (left + others) / left
    return SweepPlan(
        request=request,
        storage=storage,
        study_plan=study,
        definition=definition,
        fidelity=definition.fidelity(study.fidelity),
        sweeps=tuple(sweeps),
        jobs=tuple(jobs),
        left=left,
        others=others,
        workers=request.limits.processes(MAX_WORKERS),
        seconds=None if others and not left else seconds,
        measured=any(slot.outcome is not None for slot in slots),
        changed=measure.changed(storage, study),
    )
