"""The trainings behind the tables of a report, and the study that holds them."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from hpo.errors import StudyError
from hpo.experiments import measure
from hpo.storage import Storage
from hpo.storage.studies import Kind, StudyPlan, lookup

if TYPE_CHECKING:
    from hpo.search.job import Job
    from hpo.study import Params, Sweep
    from hpo.study.searchable import Searchable

__all__ = ["GREEDY", "SWEEP", "as_reported", "repeat_job", "repeat_seed", "sweep_jobs", "sweep_study"]

SWEEP: Kind = "sweep"  # of the study of the tables as they are; it is called DEFINITION-sweep-FIDELITY
GREEDY: Kind = "greedy"  # of the hand method followed anew; it is called DEFINITION-greedy-FIDELITY


def as_reported(definition: "Searchable", params: "Params", repeats: int, seed: int, note: str = "") -> "list[Job]":
    """One configuration trained as the report says, on all development rows, `repeats` times.

    The jobs are those of the sweep's rows with these params, so what a sweep of the same seed has trained is there.

    Args:
        definition: whose configuration it is.
        params: in the words of the definition's first space.
        repeats: trainings, each with a seed of its own.
        seed: of the sweep: `sweep_study` tells it.
        note: what this is, for a person.

    Raises:
        StudyError: the configuration is none of the first space.

    """
    if problem := definition.space().problem(params):
        space = definition.space().name
        raise StudyError(f"this is no configuration of {definition.name}'s space {space!r}: {problem}")
    note = note or "as reported"
    return [repeat_job(params, seed, repeat, f"{note}, repeat {repeat + 1}") for repeat in range(repeats)]


def sweep_jobs(definition: "Searchable", sweeps: "Iterable[Sweep]", repeats: int, seed: int) -> "list[Job]":
    """The distinct trainings of those tables, in their order; repeats of a row together, for they share a program."""
    jobs: dict[str, Job] = {}
    for table in sweeps:
        for number, row in enumerate(table.rows, start=1):
            note = f"{table.id} {number}/{len(table.rows)}"
            for job in as_reported(definition, table.configuration(row), repeats, seed, note):
                jobs.setdefault(job.key, job)
    return list(jobs.values())


def sweep_study(
    storage: Storage,
    definition: "Searchable",
    reference: str,
    fidelity: str,
    *,
    kind: Kind = SWEEP,
    seed: int | None = None,
) -> StudyPlan:
    """The study of the definition's tables at that fidelity, as it stands or will be made: its seed is among it.

    Args:
        storage: where it is, or will be.
        definition: whose tables.
        reference: the definition as `registry.load` takes it.
        fidelity: name of the fidelity.
        kind: SWEEP or GREEDY.
        seed: asked for; None: that of the study, or 0 where there is none yet.

    Raises:
        UsageError: there is no such fidelity.
        StudyError: there is one, made with another seed than asked for.

    """
    space = definition.space().name
    plan = measure.study(definition, reference, kind=kind, space=space, fidelity=fidelity, seed=seed or 0)
    record = lookup(storage, plan.name)
    if record is None:
        return plan
    if seed is not None and seed != record.seed:
        raise StudyError(
            f"study {plan.name!r} in {storage.safe_url} was made with seed {record.seed}, not {seed}: leave --seed out "
            f"to go on with it, or give the new one another --storage"
        )
    return replace(plan, seed=record.seed)


def repeat_seed(seed: int, repeat: int) -> int:
    """The seed of one repeat (from 0), the same for every row of every table. `seed` is the sweep's."""
    from hpo.search.seeds import derive

    return derive(seed, "repeat", repeat)


def repeat_job(params: "Params", seed: int, repeat: int, note: str = "") -> "Job":
    """One training of a configuration on all development rows. `seed` is the sweep's, `repeat` counts from 0."""
    from hpo.search.job import Job

    return Job(rows="development", params=params, seed=repeat_seed(seed, repeat), note=note)
