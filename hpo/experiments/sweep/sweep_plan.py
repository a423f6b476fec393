"""What a person asks of a sweep, what it is going to do and about how long it takes; nothing is trained by planning.

The database is opened here and handed on with the plan.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hpo import storage as storages
from hpo.errors import DefinitionError, UsageError
from hpo.experiments import measure
from hpo.experiments.sweep.greedy_method import ahead, walk
from hpo.experiments.sweep.sweep_jobs import GREEDY, SWEEP, sweep_jobs, sweep_study
from hpo.fleet.run_limits import MAX_WORKERS, Limits, refuse_beyond
from hpo.messages import did_you_mean
from hpo.observers.naming import Named
from hpo.observers.observer import Observer
from hpo.storage import Storage
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan
from hpo.study import registry

if TYPE_CHECKING:
    from hpo.search.job import Job
    from hpo.study import Fidelity, StudyDefinition, Sweep

__all__ = ["MAX_REPEATS", "SweepPlan", "SweepRequest", "chosen_sweeps", "plan_sweep"]

MAX_REPEATS = 1000  # of each configuration


@dataclass(frozen=True, kw_only=True)
class SweepRequest:
    """Train the rows of a definition's tables again, each so many times.

    Raises:
        UsageError: a number is out of range.

    """

    definition: str  # as `registry.load` takes it: cnn, package.module:attribute, path/to/file.py:attribute
    sweeps: tuple[str, ...] = ()  # ids of tables; none: all of them
    greedy: bool = False  # follow the hand method anew: each table from the winner so far, chosen on validation rows
    repeats: int = 1  # trainings of each configuration, with seeds of their own; earlier runs included
    fidelity: str | None = None  # None: the definition's last, as the report trained
    storage: str = field(default="sqlite:///hpo.db", repr=False)  # URL; may hold a password, so never print it
    seed: int | None = None  # None: the study's own, 0 where it is new
    limits: Limits = field(default_factory=Limits)  # how it is carried out
    observers: Sequence[Named | Observer] = field(default=(), repr=False)  # who is told of its trainings

    def __post_init__(self) -> None:
        refuse_beyond("repeats", self.repeats, 1, MAX_REPEATS)
        if self.seed is not None:
            refuse_beyond("seed", self.seed, 0, 2**32 - 1)

    def resolve(self) -> "tuple[StudyDefinition, Fidelity]":
        """The definition and the fidelity that are meant.

        Raises:
            UsageError: there is no such definition or fidelity, or tables are named for the greedy method.
            DefinitionError: the definition cannot be loaded, or has no tables.

        """
        definition = registry.load(self.definition)
        if not definition.tables:
            raise DefinitionError(
                f"definition {definition.name!r} has no sweeps, so there is no table to run: give its StudyDefinition "
                "sweeps=(Sweep(...), ...), or search it with hpo optimize"
            )
        if self.greedy and self.sweeps:
            raise UsageError(
                f"--greedy follows all tables of {definition.name} from the first one, each from the winner so far: "
                f"leave out {', '.join(self.sweeps)}"
            )
        fidelity = definition.fidelities[-1] if self.fidelity is None else definition.fidelity(self.fidelity)
        return definition, fidelity


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

    What the greedy method takes, as far as that can be told: later tables hang on earlier choices.

    Raises:
        UsageError: the request names what there is not, or tables for the greedy method: each builds on all before it.
        DefinitionError: the definition cannot be loaded, or has no tables.
        StudyError: the study was made with another seed.
        StorageError: the database cannot be reached, read or written.

    """
    definition, fidelity = request.resolve()
    sweeps = definition.sweeps if request.greedy else chosen_sweeps(definition, request.sweeps)
    storage = storages.prepare(request.storage)
    try:
        kind = GREEDY if request.greedy else SWEEP
        study = sweep_study(storage, definition, request.definition, fidelity.name, kind=kind, seed=request.seed)
        return _planned(request, storage, study, definition, sweeps)
    except BaseException:
        storage.close()
        raise


def _planned(
    request: SweepRequest,
    storage: Storage,
    study: StudyPlan,
    definition: "StudyDefinition",
    sweeps: "Sequence[Sweep]",
) -> SweepPlan:
    repeats, seed = request.repeats, study.seed or 0
    if request.greedy:
        at = walk(definition, measure.results(storage, study.name), repeats=repeats, seed=seed)
        jobs = ahead(definition, at, repeats=repeats, seed=seed)
    else:
        jobs = sweep_jobs(definition, sweeps, repeats, seed)
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


def chosen_sweeps(definition: "StudyDefinition", ids: tuple[str, ...]) -> "tuple[Sweep, ...]":
    """The tables of those ids, each once, in the report's order; all where none is named. Raises UsageError."""
    known = [sweep.id for sweep in definition.tables]
    for wanted in ids:
        if wanted not in known:
            there = did_you_mean(wanted, known, f"it has: {', '.join(known)}")
            raise UsageError(f"{definition.name} has no sweep {wanted!r}; {there}")
    return tuple(sweep for sweep in definition.tables if not ids or sweep.id in ids)
