"""Making the study a person asks for and opening its slots: what running it here and leaving it to a fleet share."""

from dataclasses import dataclass

from hpo.errors import UsageError
from hpo.service.optimize.plan import study_name
from hpo.service.optimize.request import Request
from hpo.service.slots.slots import Slots
from hpo.service.storage import Storage
from hpo.service.studies import StudyPlan, StudyRecord, create_or_resume, forget, lookup
from hpo.settings import DEFAULT_SAMPLER
from hpo.study import Fidelity, Params, Space, StudyDefinition, registry
from hpo.study.objectives import parse_objectives

__all__ = ["Opened", "Search", "check", "open_study"]


@dataclass(frozen=True, kw_only=True)
class Search:
    """A request that has passed every check that needs no database."""

    request: Request
    name: str  # of the study
    definition: StudyDefinition
    space: Space
    fidelity: Fidelity
    pruner: str  # of the study where it is new
    objectives: str | None  # as the study keeps them; None: the metric alone
    first: list[Params]  # the configurations that come before any that is sampled, no two alike


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A study whose slots are open."""

    record: StudyRecord
    added: int  # slots that were opened just now


def check(request: Request) -> Search:
    """Check what is asked, so that nothing is written of what cannot be done.

    Raises:
        UsageError: the request names what there is not, or contradicts itself or the definition.
        DefinitionError: the definition cannot be loaded.

    """
    definition = registry.load(request.definition)
    space = definition.space(request.space)
    fidelity = definition.fidelity(request.fidelity) if request.fidelity is not None else definition.fidelities[0]
    costs = parse_objectives(request.objectives, definition) if request.objectives is not None else ()
    return Search(
        request=request,
        name=request.name or study_name(definition, space, fidelity, costs),
        objectives=",".join((definition.metric, *costs)) if costs else None,
        definition=definition,
        space=space,
        fidelity=fidelity,
        first=_first(request, definition, space),
        pruner=_pruner(request, definition, space, fidelity),
    )


def open_study(storage: Storage, search: Search) -> Opened:
    """Make the study, or find it, and bring it to its number of slots.

    Raises:
        UsageError: the study has more trials than asked for.
        StudyError: there is a study of that name that was asked for otherwise.
        StorageError: the database cannot be reached, read or written.

    """
    request, definition = search.request, search.definition
    limits = request.limits
    existing = lookup(storage, search.name)
    plan = StudyPlan(
        name=search.name,
        reference=request.definition,
        definition=definition.name,
        space=search.space.name,
        fingerprint=search.space.fingerprint,
        fidelity=search.fidelity.name,
        direction=definition.direction,
        metric=definition.metric,
        seed=request.seed,
        sampler=request.sampler,
        pruner=search.pruner if request.pruner or existing is None else None,
        version=definition.version,
        objectives=search.objectives,
        trial_timeout=limits.trial_timeout if _kept(request, existing.trial_timeout if existing else None) else None,
        until=request.until if _kept(request, existing.until if existing else None) else None,
    )
    record = create_or_resume(storage, plan)
    if request.forget:
        forget(storage, record.name, request.forget)
    return Opened(record=record, added=_open(storage, record, request, search.first))


def _kept(request: Request, there: float | None) -> bool:
    """Whether a limit is the study's, and not only the run's: workers elsewhere know the study alone.

    A limit the study has already is replaced, or it would hold against what the run was told.
    """
    return request.limits.workers == 0 or there is not None


def _first(request: Request, definition: StudyDefinition, space: Space) -> list[Params]:
    first: list[Params] = []
    if request.baseline and definition.baselines:
        first.append(definition.baselines[0].params_in(space.name))
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


def _pruner(request: Request, definition: StudyDefinition, space: Space, fidelity: Fidelity) -> str:
    """The pruner of the study where it is new.

    Raises UsageError where the sampler or the pruner cannot work on it: now, not in each worker.
    """
    from hpo.search import default_pruner, make_pruner, make_sampler

    make_sampler(request.sampler or DEFAULT_SAMPLER, space=space, seed=request.seed or 0)
    pruner = "none" if request.objectives else request.pruner or default_pruner(definition, fidelity)
    make_pruner(pruner, definition=definition, fidelity=fidelity)
    return pruner


def _open(storage: Storage, record: StudyRecord, request: Request, first: list[Params]) -> int:
    """Bring the study to its number of slots; configurations that are new to it go to the first of the new slots."""
    slots = Slots(storage, max_attempts=request.limits.max_attempts)
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
    return slots.open(record.name, request.trials, first)
