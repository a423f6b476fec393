"""Measuring: jobs, each a configuration known already, done by the workers that run a search.

A study that measures is planned by `study`; its jobs, slots like any other, are done by `measure` and read by
`results`, so they resume and survive kills; `withdraw` takes back jobs nobody asks for any more. What sweeps and
comparisons stand on.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from hpo.errors import UsageError
from hpo.experiments.study_execution import code_changed, execute, fleet_workers, wall_seconds
from hpo.fleet.run_limits import MAX_WORKERS, Limits
from hpo.storage import Storage, schema
from hpo.storage.json_columns import Noted
from hpo.storage.queries import status, stored_trials
from hpo.storage.queries.status import Progress
from hpo.storage.queries.stored_trials import StoredTrial
from hpo.storage.schema import LONGEST_NAME
from hpo.storage.slots.slot import Outcome, Slot, of_study
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import Kind, StudyPlan, StudyRecord, create_or_resume, lookup
from hpo.storage.studies.study_record import refuse_stopped
from hpo.study import Fidelity, Params, registry
from hpo.study.searchable import Searchable

if TYPE_CHECKING:
    from hpo.search.job import Job, RowsKind

__all__ = [
    "Limits",
    "Result",
    "changed",
    "estimate",
    "measure",
    "open_jobs",
    "results",
    "study",
    "unwanted",
    "withdraw",
]


_AT_ONCE = 500  # ids in one statement; SQLite and PostgreSQL limit how many values one may hold


def study(
    definition: Searchable,
    reference: str,
    *,
    kind: Kind,
    space: str,
    fidelity: str,
    parent: str | None = None,
    seed: int = 0,
    name: str | None = None,
) -> StudyPlan:
    """The plan of a study that measures.

    Args:
        definition: what is measured.
        reference: the definition as `registry.load` takes it.
        kind: what the measurements are for; not search.
        space: name of the space whose words the configurations are in.
        fidelity: name of the fidelity.
        parent: name of the search whose findings are measured; it takes its measurements along when deleted.
        seed: of the study; the seeds of the jobs are their own.
        name: None: DEFINITION-KIND-FIDELITY, or PARENT-KIND-FIDELITY where there is a parent.

    Raises:
        UsageError: there is no such space or fidelity, or the name is too long.

    """
    if kind == "search":
        raise UsageError("a search is no measurement: hpo optimize runs it")
    found, wanted = definition.space(space), definition.fidelity(fidelity)
    name = name or f"{parent or definition.name}-{kind}-{wanted.name}"
    if len(name) > LONGEST_NAME:
        raise UsageError(
            f"the study to measure in would have a name of {len(name)} characters, and {LONGEST_NAME} is the most: "
            "search under a shorter --name"
        )
    return StudyPlan(
        name=name,
        reference=reference,
        definition=definition.name,
        space=found.name,
        fingerprint=found.fingerprint,
        fidelity=wanted.name,
        direction=definition.direction,
        metric=definition.metric,
        seed=seed,
        sampler="random",  # draws nothing: every job says its whole configuration
        pruner="none",
        kind=kind,
        parent=parent,
    )


def measure(
    storage: Storage,
    plan: StudyPlan,
    jobs: "Sequence[Job]",
    limits: Limits,
    on_progress: Callable[[Progress], None] | None = None,
) -> Progress:
    """Do the jobs that have not been done, in the order given, and whatever an earlier run of the study left undone.

    A job that has a result is not done again, whatever the result: it would come to the same. Several of these on one
    study at once share its jobs. How it ends is told as `optimize` tells it, without a best trial: of measurements,
    most of them on test rows, the luckiest is nothing to look at before all are done, nor to choose by afterwards.

    With no workers here the fleet does it, and this only looks on.

    Args:
        storage: where the study is, or is made.
        plan: from `study`.
        jobs: what to measure.
        limits: how the run is carried out.
        on_progress: told a few times a second how far the study is, earlier jobs of it included.

    Raises:
        UsageError: there are no jobs at all, or one has a configuration that is none of the study's space.
        DefinitionError: the definition cannot be loaded.
        StudyError: there is a study of that name that was asked for otherwise or is stopped, or every job fails.
        StorageError: the database cannot be reached, read or written.
        HpoError: a worker could not go on; nothing is lost.

    """
    # As many however few jobs are left: the threads a worker gets, and so the last digits of a result, hang on it.
    here = limits.processes(MAX_WORKERS)
    record, _ = open_jobs(storage, replace(plan, trial_timeout=None if here else limits.trial_timeout), jobs)
    if not Slots(storage).counts(record.name).target:
        raise UsageError(f"there is nothing to measure in {record.name!r}")
    on_its = None if on_progress is None else lambda now: on_progress(replace(now, best=None))
    return replace(execute(storage, record, limits, workers=here, on_progress=on_its), best=None)


def open_jobs(storage: Storage, plan: StudyPlan, jobs: "Sequence[Job]") -> tuple[StudyRecord, int]:
    """Make the study, or find it, and give each new job a slot; how many these are. Raises as `measure`."""
    _refuse_foreign(plan, jobs)
    record = create_or_resume(storage, replace(plan, version=registry.version(plan.reference)))
    refuse_stopped(record)
    return record, Slots(storage).add(record.name, jobs)


def changed(storage: Storage, plan: StudyPlan) -> bool:
    """Whether the definition's code is another one than when the study was asked for last.

    Raises:
        DefinitionError: the definition cannot be loaded.
        StorageError: the database cannot be reached or read.

    """
    return code_changed(lookup(storage, plan.name), registry.version(plan.reference))


def estimate(storage: Storage, plan: StudyPlan, jobs: "Sequence[Job]", workers: int | None) -> tuple[int, float | None]:
    """How many of the jobs are left to do, and about how many seconds they take; None: nothing to tell it from.

    By the pace of the study's own jobs; before there is one, by what the trials of its search took, and where that had
    none of this fidelity, by what the definition says of a trial on one core.

    Raises:
        DefinitionError: the definition cannot be loaded.
        StorageError: the database cannot be reached or read.

    """
    slots = Slots(storage).list(plan.name)
    done = {slot.digest for slot in slots if slot.outcome is not None}
    left = {job.key: job for job in jobs if job.key not in done}
    if not left:
        return 0, 0.0
    pace = status.mean_seconds(storage, plan.name)
    if pace is None:
        definition, trials = registry.find(plan.reference), _trial_seconds(storage, plan.parent)
        paces = [_foreseen(definition, definition.fidelity(plan.fidelity), job.rows, trials) for job in left.values()]
        total = None if None in paces else sum(pace for pace in paces if pace is not None)
    else:
        total = pace * len(left)
    at_work = Limits(workers=workers).processes(MAX_WORKERS) or fleet_workers(storage, plan.name)
    return len(left), wall_seconds(total, len(left), at_work)


def _trial_seconds(storage: Storage, search: str | None) -> dict[str, float]:
    """What a trial of a search took that came to its end, by fidelity; a fidelity that had none is missing."""
    record = None if search is None else lookup(storage, search)
    if record is None:
        return {}
    rungs = status.seconds_by_rung(storage, record.name, whole=True)
    return {record.fidelities[rung]: seconds for rung, seconds in sorted(rungs.items())}


def _foreseen(
    definition: Searchable, fidelity: Fidelity, rows: "RowsKind", trials: Mapping[str, float]
) -> float | None:
    """Seconds one job takes on one core, from what a trial of a search takes; None: nothing says that.

    A fidelity that searches on a part of the rows says little about a training on all of them, so another one's
    word is taken for that, by the epoch. Of k folds each trains on k - 1 of k parts: together, k - 1 times all rows.
    """
    known = {each.name: trials.get(each.name, each.trial_seconds) for each in definition.fidelities}
    own = known.get(fidelity.name)
    if rows == "validation":
        return own
    like = next((f for f in (fidelity, *reversed(definition.fidelities)) if f.rows is None and known.get(f.name)), None)
    seconds = None if like is None else known[like.name]
    if like is None or seconds is None:
        return own
    evaluation = definition.evaluation
    trainings = max(evaluation.trainings(like.folds) - 1, 1) if evaluation.folded else 1
    return seconds * fidelity.epochs / like.epochs / trainings


def _refuse_foreign(plan: StudyPlan, jobs: "Sequence[Job]") -> None:
    """Refuse what no worker could do, before anything is written. Raises UsageError."""
    space = registry.find(plan.reference).space(plan.space)
    for job in jobs:
        if problem := space.problem(job.params):
            what = f"job {job.note!r}" if job.note else "a job"
            raise UsageError(f"the configuration of {what} is none of space {space.name!r}: {problem}")


def unwanted(storage: Storage, study: str, wanted: Collection[str]) -> list[int]:
    """Ids of the slots of a study that are not settled and whose job's key is none of `wanted`."""
    table = schema.slots
    query = select(table.c.id, table.c.digest).where(of_study(study), table.c.state != "settled")
    with storage.read() as connection:
        return [row.id for row in connection.execute(query) if row.digest not in wanted]


def withdraw(storage: Storage, study: str, wanted: Collection[str]) -> int:
    """Delete the open slots of a study whose job's key is none of `wanted`; how many that were.

    A comparison of 100 pairs that was stopped early must not make a later one of 12 wait for 100. What is settled
    stays, and so does what a worker has in hand.
    """
    table = schema.slots
    ids = unwanted(storage, study, wanted)
    gone = 0
    for first in range(0, len(ids), _AT_ONCE):
        these = delete(table).where(table.c.id.in_(ids[first : first + _AT_ONCE]), table.c.state == "open")
        with storage.write() as connection:
            gone += connection.execute(these).rowcount
    return gone


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of one job."""

    key: str  # the job's
    outcome: Outcome  # complete; pruned: infeasible or diverged; failed
    value: float | None  # the metric on the rows the job is scored on; None where it did not come to the end
    train: float | None = None  # the metric on the rows it was trained on, after the last epoch
    seconds: float | None = None  # training alone
    compile_seconds: float | None = None
    epochs: int | None = None  # trained
    seed: int  # the job's
    params: Params  # the job's
    trial_number: int | None = None  # Optuna's number in the study
    lost: int = 0  # attempts before the one that counts: its process died, or ran out of memory
    reason: str | None = None  # one line: why it did not come to the end
    curve: tuple[tuple[int, float], ...] = ()
    # (epoch, metric): on validation rows where the job has them, else as seen while training
    train_curve: tuple[tuple[int, float], ...] = ()  # the same on training rows; where there are validation rows
    predictions: Mapping[str, Sequence[Any]] | None = field(default=None, repr=False)
    # {"labels": (test rows,)} or {"values": (test rows,)}, in the order of the test rows; None where not kept


def results(storage: Storage, study: str) -> dict[str, Result]:
    """What has come of each job of a study so far, by the job's key; empty where there is no such study.

    One read of the slots and one of Optuna's trials; nothing is trained or written, and no TensorFlow is imported.

    Raises:
        StudyError: another program has deleted the study's trials.
        StorageError: the database cannot be reached or read.

    """
    settled = [slot for slot in Slots(storage).list(study) if slot.outcome is not None and "job" in slot.payload]
    trials = {trial.number: trial for trial in stored_trials.read(storage, study)} if settled else {}
    found = (_result(slot, None if slot.trial_number is None else trials.get(slot.trial_number)) for slot in settled)
    return {result.key: result for result in found if result is not None}


def _result(slot: Slot, trial: StoredTrial | None) -> Result | None:
    """The slot has the last word on the outcome; what else there is to know, its trial noted. None: it is no job."""
    from hpo.search.job import Job

    try:
        job = Job.from_payload(slot.payload)
    except (KeyError, TypeError, ValueError):
        return None
    if slot.digest is None:  # a job has its key from the beginning
        return None
    assert slot.outcome is not None  # it is settled
    noted = Noted() if trial is None else trial.user
    return Result(
        key=slot.digest,
        outcome=slot.outcome,
        value=slot.value if slot.outcome == "complete" else None,
        train=noted.number("train"),
        seconds=noted.number("fit_seconds"),
        compile_seconds=noted.number("compile_seconds"),
        epochs=noted.whole("epochs"),
        seed=job.seed,
        params=job.params,
        trial_number=slot.trial_number,
        lost=slot.lost,
        reason=slot.reason if slot.outcome != "complete" else None,
        curve=() if trial is None else trial.curve,
        train_curve=noted.curve("train_curve"),
        predictions=noted.numbers("predictions"),
    )
