"""The trainings behind the tables of a report, and the study that holds them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hpo.errors import StudyError
from hpo.experiments import measure
from hpo.storage import Storage
from hpo.storage.studies import Kind, StudyPlan, lookup

if TYPE_CHECKING:
    from hpo.search.job import Job
    from hpo.study import Params, StudyDefinition, Sweep

__all__ = ["GREEDY", "SWEEP", "as_reported", "repeat_job", "repeat_seed", "study_seed", "sweep_jobs", "sweep_plan"]

SWEEP: Kind = "sweep"  # of the study of the tables as they are; it is called DEFINITION-sweep-FIDELITY
GREEDY: Kind = "greedy"  # of the hand method followed anew; it is called DEFINITION-greedy-FIDELITY


def as_reported(
    definition: "StudyDefinition", params: "Params", repeats: int, seed: int, note: str = ""
) -> "list[Job]":
    """One configuration trained as the report says, on all development rows, `repeats` times.

    The jobs are those of the sweep's rows with these params, so what a sweep of the same seed has trained is there.

    Args:
        definition: whose configuration it is.
        params: in the words of the definition's first space.
        repeats: trainings, each with a seed of its own.
        seed: of the sweep: `study_seed` tells it.
        note: what this is, for a person.

    Raises:
        StudyError: the configuration is none of the first space.

    """
    if problem := definition.space().problem(params):
        space = definition.space().name
        raise StudyError(f"this is no configuration of {definition.name}'s space {space!r}: {problem}")
    note = note or "as reported"
    return [repeat_job(params, seed, repeat, f"{note}, repeat {repeat + 1}") for repeat in range(repeats)]


def sweep_jobs(definition: "StudyDefinition", sweeps: "Iterable[Sweep]", repeats: int, seed: int) -> "list[Job]":
    """The distinct trainings of those tables, in their order; repeats of a row together, for they share a program."""
    jobs: dict[str, Job] = {}
    for table in sweeps:
        for number, row in enumerate(table.rows, start=1):
            note = f"{table.id} {number}/{len(table.rows)}"
            for job in as_reported(definition, table.configuration(row), repeats, seed, note):
                jobs.setdefault(job.key, job)
    return list(jobs.values())


def sweep_plan(
    definition: "StudyDefinition", reference: str, fidelity: str, seed: int, *, kind: Kind = SWEEP
) -> StudyPlan:
    """The study of the definition's tables at that fidelity. Raises UsageError where there is no such fidelity."""
    return measure.study(definition, reference, kind=kind, space=definition.space().name, fidelity=fidelity, seed=seed)


def repeat_seed(seed: int, repeat: int) -> int:
    """The seed of one repeat (from 0), the same for every row of every table. `seed` is the sweep's."""
    from hpo.search.seeds import derive

    return derive(seed, "repeat", repeat)


def study_seed(
    storage: Storage, definition: "StudyDefinition", fidelity: str, wanted: int | None = None, *, kind: Kind = SWEEP
) -> int:
    """The seed of the definition's sweep at that fidelity; `wanted`, or else 0, where there is none yet.

    Raises:
        UsageError: there is no such fidelity.
        StudyError: there is one, made with another seed than `wanted`.

    """
    name = sweep_plan(definition, definition.name, fidelity, 0, kind=kind).name
    record = lookup(storage, name)
    if record is None:
        return wanted or 0
    if wanted is not None and wanted != record.seed:
        raise StudyError(
            f"study {name!r} in {storage.safe_url} was made with seed {record.seed}, not {wanted}: leave --seed out to "
            f"go on with it, or give the new one another --storage"
        )
    return record.seed


def repeat_job(params: "Params", seed: int, repeat: int, note: str = "") -> "Job":
    """One training of a configuration on all development rows. `seed` is the sweep's, `repeat` counts from 0."""
    from hpo.search.job import Job

    return Job(rows="development", params=params, seed=repeat_seed(seed, repeat), note=note)
