"""Making the study a plan is for and opening its slots: what running it here and leaving it to a fleet share."""

from dataclasses import dataclass

from hpo.errors import UsageError
from hpo.experiments.optimize.search_plan import Plan
from hpo.search import digest
from hpo.storage.slots.slots import Configuration, Slots
from hpo.storage.studies import StudyPlan, StudyRecord, create_or_resume, forget
from hpo.study import Params

__all__ = ["Opened", "open_study"]


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A study whose slots are open."""

    record: StudyRecord
    added: int  # slots that were opened just now


def open_study(plan: Plan) -> Opened:
    """Make the study, or find it, and bring it to its number of slots.

    Raises:
        UsageError: the study has more trials than asked for.
        StudyError: there is a study of that name that was asked for otherwise.
        StorageError: the database cannot be reached, read or written.

    """
    request, definition, existing = plan.request, plan.definition, plan.record
    limits = request.limits
    wanted = StudyPlan(
        name=plan.study,
        reference=request.definition,
        definition=definition.name,
        space=plan.space.name,
        fingerprint=plan.space.fingerprint,
        fidelity=plan.fidelity.name,
        rungs=None if not plan.rungs else ",".join(rung.fidelity for rung in plan.rungs[:-1]),
        direction=definition.direction,
        metric=definition.metric,
        seed=request.seed,
        sampler=request.sampler,
        pruner=plan.pruner if request.pruner or existing is None else None,
        version=definition.version,
        objectives=plan.objectives,
        trial_timeout=limits.trial_timeout if _kept(plan, existing.trial_timeout if existing else None) else None,
        # A study that climbs confirms early what is as good as asked for, so it must know.
        until=request.until if plan.rungs or _kept(plan, existing.until if existing else None) else None,
    )
    record = create_or_resume(plan.storage, wanted)
    if request.forget:
        forget(plan.storage, record.name, request.forget)
    return Opened(record=record, added=_open(plan, record))


def _kept(plan: Plan, there: float | None) -> bool:
    """Whether a limit is the study's, and not only the run's: workers elsewhere know the study alone.

    A limit the study has already is replaced, or it would hold against what the run was told.
    """
    return not plan.workers or there is not None


def _open(plan: Plan, record: StudyRecord) -> int:
    """Bring the study to its number of slots; configurations that are new to it go to the first of the new slots."""
    trials, first = plan.request.trials, list(plan.first)
    slots = Slots(plan.storage, max_attempts=plan.request.limits.max_attempts)
    there = [slot for slot in slots.list(record.name) if not slot.rung] if plan.tried else []
    if there:
        known = [dict(slot.fixed) for slot in there]
        new: list[Params] = [params for params in plan.tried if params not in known]
        if len(new) > trials - len(there):
            raise UsageError(
                f"study {record.name!r} has {len(there)} trials and {len(new)} configurations to try are new to it: "
                f"give --trials {len(there) + len(new)} or more"
            )
        nothing: list[Params] = [{} for _ in there]
        first = nothing + new
    if not plan.rungs:
        return slots.open(record.name, trials, first)
    known_first = [Configuration(params=params, digest=digest(params)) if params else None for params in first]
    prior = None if plan.prior is None else Configuration(params=plan.prior, digest=digest(plan.prior))
    return slots.open_rungs(record.name, plan.rungs, first=known_first, prior=prior)
