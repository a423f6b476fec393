"""The tables of a report, trained again: each row from its own base configuration, with several seeds."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from hpo.errors import StudyError
from hpo.service import measuring
from hpo.service import storage as storages
from hpo.service.storage import Storage
from hpo.service.studies import Kind, StudyPlan, lookup
from hpo.service.sweep.report import SweepReport
from hpo.service.sweep.request import SweepRequest, chosen_sweeps
from hpo.service.views.progress import Ended, Progress

if TYPE_CHECKING:
    from hpo.analysis import RowScores
    from hpo.search.job import Job
    from hpo.service.measuring import Result
    from hpo.study import Params, StudyDefinition, Sweep

__all__ = [
    "KIND",
    "SweepReport",
    "as_reported",
    "read",
    "repeat_seed",
    "study_seed",
    "sweep",
    "sweep_jobs",
    "sweep_plan",
]

KIND: Kind = "sweep"  # of the study; it is called DEFINITION-sweep-FIDELITY


def sweep(request: SweepRequest, on_progress: Callable[[Progress], None] | None = None) -> SweepReport:
    """Train what is missing of the tables asked for, and tell what was measured of them by this run and earlier ones.

    The same configuration and seed is trained once, in however many tables it stands.

    Args:
        request: what is asked for.
        on_progress: told a few times a second how far the study is, its earlier trainings included.

    Raises:
        UsageError: the request names what there is not.
        DefinitionError: the definition cannot be loaded, or has no tables.
        StudyError: the study was made with another seed or space, or every training fails.
        StorageError: the database cannot be reached, read or written.
        HpoError: a worker could not go on; nothing is lost.

    """
    definition, fidelity = request.resolve()
    sweeps = chosen_sweeps(definition, request.sweeps)
    storage = storages.prepare(request.storage)
    try:
        seed = study_seed(storage, definition, fidelity.name, request.seed)
        plan = sweep_plan(definition, request.definition, fidelity.name, seed)
        jobs = sweep_jobs(definition, sweeps, request.repeats, seed)
        progress = measuring.measure(storage, plan, jobs, request.limits, on_progress)
        found = measuring.results(storage, plan.name)
    finally:
        storage.close()
    return _report(definition, plan, sweeps, found, request.repeats, progress.ended)


def read(storage: Storage, definition: "StudyDefinition", fidelity: str) -> SweepReport | None:
    """All tables with whatever has been measured of them so far; None where nothing has. Nothing is trained.

    Raises:
        UsageError: there is no such fidelity.
        StorageError: the database cannot be read.

    """
    if not definition.tables:
        return None
    seed = study_seed(storage, definition, fidelity)
    plan = sweep_plan(definition, definition.name, fidelity, seed)
    found = measuring.results(storage, plan.name)
    report = _report(definition, plan, definition.tables, found, 1, None)
    return report if report.jobs else None


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
    return [_job(params, seed, repeat, f"{note}, repeat {repeat + 1}") for repeat in range(repeats)]


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
    definition: "StudyDefinition", reference: str, fidelity: str, seed: int, *, kind: Kind = KIND
) -> StudyPlan:
    """The study of the definition's tables at that fidelity. Raises UsageError where there is no such fidelity."""
    return measuring.study(
        definition, reference, kind=kind, space=definition.space().name, fidelity=fidelity, seed=seed
    )


def repeat_seed(seed: int, repeat: int) -> int:
    """The seed of one repeat (from 0), the same for every row of every table. `seed` is the sweep's."""
    from hpo.search.seeds import derive

    return derive(seed, "repeat", repeat)


def study_seed(
    storage: Storage, definition: "StudyDefinition", fidelity: str, wanted: int | None = None, *, kind: Kind = KIND
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


def _report(
    definition: "StudyDefinition",
    plan: StudyPlan,
    sweeps: "Sequence[Sweep]",
    found: "Mapping[str, Result]",
    repeats: int,
    ended: Ended | None,
) -> SweepReport:
    """What `found` says of the tables: of all repeats there are, be they more than were asked for."""
    from hpo.analysis import examine
    from hpo.analysis.tables.ablation import examine_ablation

    seed = plan.seed or 0
    asked = {job.key for job in sweep_jobs(definition, sweeps, repeats, seed)}
    ended_keys = {key for key in asked if key in found}
    configurations = [table.configuration(row) for table in sweeps for row in table.rows]
    while more := {key for params in configurations if (key := _job(params, seed, repeats).key) in found}:
        ended_keys |= more
        repeats += 1
    last = plan.fidelity == definition.fidelities[-1].name
    measured = _measured(sweeps, found, repeats, seed)
    asked_for = {table.id for table in sweeps}
    ablations = [one for one in definition.ablations if one.id in asked_for]
    return SweepReport(
        definition=definition.name,
        study=plan.name,
        fidelity=plan.fidelity,
        against_report=last,
        repeats=repeats,
        direction=definition.direction,
        metric=definition.metric,
        unit=definition.unit,
        tables=examine(
            sweeps,
            measured,
            direction=definition.direction,
            against_report=last,
        ),
        jobs=len(ended_keys),
        left=len(asked - ended_keys),
        ended=ended,
        source=definition.source,
        ablations=tuple(examine_ablation(one, measured, direction=definition.direction) for one in ablations),
    )


def _job(params: "Params", seed: int, repeat: int, note: str = "") -> "Job":
    from hpo.search.job import Job

    return Job(rows="development", params=params, seed=repeat_seed(seed, repeat), note=note)


def _measured(
    sweeps: "Iterable[Sweep]", found: "Mapping[str, Result]", repeats: int, seed: int
) -> "dict[tuple[str, int], RowScores]":
    """(sweep id, row index) -> what its trainings gave; rows none of which has ended are left out."""
    measured = {}
    for table in sweeps:
        for index, row in enumerate(table.rows):
            keys = [_job(table.configuration(row), seed, repeat).key for repeat in range(repeats)]
            results = [found[key] for key in keys if key in found]
            if results:
                measured[table.id, index] = _scores(results)
    return measured


def _scores(results: "Sequence[Result]") -> "RowScores":
    from hpo.analysis import RowScores

    good = [result for result in results if result.outcome == "complete"]
    figures = {
        "train": [result.train for result in good],
        "test": [result.value for result in good],
        "seconds": [result.seconds for result in good],
    }
    return RowScores(
        figures={
            name: tuple(value for value in values if value is not None and math.isfinite(value))
            for name, values in figures.items()
        },
        reasons=tuple(result.reason or result.outcome for result in results if result.outcome != "complete"),
    )
