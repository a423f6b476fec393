"""The main job: bring a study to so many settled slots with workers on this machine."""

from collections.abc import Callable

from hpo.errors import UsageError
from hpo.service import storage as storages
from hpo.service.optimize.plan import study_name
from hpo.service.optimize.request import Request
from hpo.service.storage import Storage
from hpo.service.studies import StudyPlan, StudyRecord, create_or_resume, lookup
from hpo.service.studies.progress import Progress
from hpo.service.studies.slots import Slots
from hpo.service.workers.drain import drain
from hpo.settings import DEFAULT_SAMPLER
from hpo.study import Fidelity, Params, Space, StudyDefinition, registry

__all__ = ["optimize"]


def optimize(request: Request, on_progress: Callable[[Progress], None] | None = None) -> Progress:
    """Do what is asked, or go on with it, and say how far it came and why it ended.

    Everything is checked before anything is written. A study that is settled already starts no worker. Several of
    these on one study at once share its slots, from one machine or many.

    Args:
        request: what is asked for.
        on_progress: told a few times a second how far the study is.

    Raises:
        UsageError: the request names what there is not, or contradicts itself or the definition.
        DefinitionError: the definition cannot be loaded.
        StudyError: there is a study of that name that was asked for otherwise, or its trials all fail.
        StorageError: the database cannot be reached, read or written.
        HpoError: a worker could not go on; nothing is lost.

    """
    definition = registry.load(request.definition)
    space = definition.space(request.space)
    fidelity = definition.fidelity(request.fidelity) if request.fidelity is not None else definition.fidelities[0]
    first = _first(request, definition, space)
    pruner = _checked_search(request, definition, space, fidelity)
    storage = storages.prepare(request.storage)
    try:
        name = request.name or study_name(definition, space, fidelity)
        plan = StudyPlan(
            name=name,
            reference=request.definition,
            definition=definition.name,
            space=space.name,
            fingerprint=space.fingerprint,
            fidelity=fidelity.name,
            direction=definition.direction,
            metric=definition.metric,
            seed=request.seed,
            sampler=request.sampler,
            pruner=pruner if request.pruner or lookup(storage, name) is None else None,
        )
        record = create_or_resume(storage, plan)
        _open(storage, record, request, first)
        return drain(
            storage,
            record,
            request.effort,
            workers=request.processes,
            until=request.until,
            objective=request.objective,
            on_progress=on_progress,
        )
    finally:
        storage.close()


def _first(request: Request, definition: StudyDefinition, space: Space) -> list[Params]:
    """The configurations that come before any that is sampled, no two alike. Raises UsageError."""
    first = _baseline(request, definition, space)
    for number, params in enumerate(request.try_, start=1):
        problem = space.problem(params)
        if problem:
            raise UsageError(f"configuration {number} to try first is none of space {space.name!r}: {problem}")
        if dict(params) not in [dict(other) for other in first]:
            first.append(dict(params))
    if len(first) > request.trials:
        raise UsageError(
            f"{len(first)} configurations are to be tried first, a baseline counted, and only {request.trials} trials "
            f"in all: give --trials {len(first)} or more"
        )
    return first


def _baseline(request: Request, definition: StudyDefinition, space: Space) -> list[Params]:
    """The baseline the search begins with, if any."""
    return [definition.baselines[0].params_in(space.name)] if request.baseline and definition.baselines else []


def _checked_search(request: Request, definition: StudyDefinition, space: Space, fidelity: Fidelity) -> str:
    """The pruner of the study where it is new.

    Raises UsageError where the sampler or the pruner cannot work on it: now, not in each worker.
    """
    from hpo.search import default_pruner, make_pruner, make_sampler

    make_sampler(request.sampler or DEFAULT_SAMPLER, space=space, seed=request.seed or 0)
    pruner = request.pruner or default_pruner(definition, fidelity)
    make_pruner(pruner, definition=definition, fidelity=fidelity)
    return pruner


def _open(storage: Storage, record: StudyRecord, request: Request, first: list[Params]) -> None:
    """Bring the study to its number of slots; configurations that are new to it go to the first of the new slots."""
    slots = Slots(storage, max_attempts=request.max_attempts)
    there = slots.list(record.name) if request.try_ else []
    if there:
        known = [dict(slot.fixed) for slot in there]
        new: list[Params] = [params for params in map(dict, request.try_) if params not in known]
        if len(new) > request.trials - len(there):
            raise UsageError(
                f"study {record.name!r} has {len(there)} trials and {len(new)} configurations to try are new to it: "
                f"give --trials {len(there) + len(new)} or more"
            )
        nothing: list[Params] = [{} for _ in there]
        first = nothing + new
    slots.open(record.name, request.trials, first)
