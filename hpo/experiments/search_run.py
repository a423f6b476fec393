"""The main job: bring a study to so many settled slots, by workers here, or leave it to those of a fleet."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from hpo.errors import UsageError
from hpo.experiments.search_plan import Plan, Request, plan
from hpo.experiments.study_execution import execute
from hpo.fleet.supervisor.own_process import work_here
from hpo.observers.hosting import observing
from hpo.search import digest
from hpo.storage import Storage
from hpo.storage.queries.status import Progress, StudyStatus, study_status
from hpo.storage.slots import slot_trials
from hpo.storage.slots.slots import Configuration, Slots
from hpo.storage.studies import StudyPlan, StudyRecord, create_or_resume, find, forget, load
from hpo.storage.studies.study_record import refuse_stopped
from hpo.storage.worker_registry import Serving, serving
from hpo.study import Params, StudyDefinition
from hpo.study.searchable import Searchable

__all__ = [
    "Charge",
    "Submitted",
    "SubmittedStatus",
    "leave",
    "open_study",
    "optimize",
    "run",
    "submit",
    "submitted_status",
]


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """What was left to the fleet."""

    study: str  # name
    added: int  # slots that were opened just now
    serving: Serving  # who is there to take them


@dataclass(frozen=True, kw_only=True)
class SubmittedStatus(StudyStatus):
    """How a study stands that was left to the fleet."""

    added: int  # slots that were opened just now
    serving: tuple[str, ...]  # names of the workers that are there to take them


Charge = Callable[[Connection, int], None]
"""Has somebody pay for so many new slots, within the transaction that opens them; raises HpoError where they cannot."""


def optimize(request: Request, on_progress: Callable[[Progress], None] | None = None) -> Progress:
    """Plan what is asked for and do it, as `run` does. Raises what `plan` and `run` raise."""
    with closing(plan(request)) as planned:
        return run(planned, on_progress)


def run(planned: Plan, on_progress: Callable[[Progress], None] | None = None) -> Progress:
    """Do what is planned, or go on with it, and say how far it came and why it ended.

    A study that is settled already starts no worker. Several of these on one study at once share its slots, from one
    machine or many. With no workers here the fleet does it, and this only looks on.

    Args:
        planned: what to do.
        on_progress: told a few times a second how far the study is.

    Raises:
        UsageError: the study has got more trials than asked for.
        StudyError: there is a study of that name that was asked for otherwise or is stopped, or its trials all fail.
        StorageError: the database cannot be reached, read or written.
        HpoError: a worker could not go on; nothing is lost.

    """
    if planned.record is not None:
        refuse_stopped(planned.record)
    record, _ = open_study(planned)
    with observing(planned.storage.url, planned.request.observers, (record.name,)) as observed:
        progress = _run(planned, record, on_progress)
        if planned.request.processes:  # else a fleet goes on with it
            observed.ended(progress.ended)
    return progress


def _run(planned: Plan, record: StudyRecord, on_progress: Callable[[Progress], None] | None) -> Progress:
    """Settle the slots of the study in this process, by workers here, or by a fleet."""
    request = planned.request
    if request.here:
        return work_here(planned.storage, record, request.limits, until=request.until, on_progress=on_progress)
    return execute(
        planned.storage,
        record,
        request.limits,
        workers=planned.workers,
        until=request.until,
        objective=request.objective,
        on_progress=on_progress,
    )


def submit(request: Request) -> Submitted:
    """Plan what is asked for and leave it to the fleet; `request.definition` may be a study's name.

    The limits of the request are kept with the study. Raises what `plan` and `leave` raise.
    """
    with closing(plan(replace(request, limits=replace(request.limits, workers=0)), by_study=True)) as planned:
        return leave(planned)


def leave(planned: Plan, charge: Charge | None = None) -> Submitted:
    """Open what slots the study lacks, and return. A study that is stopped gets them too, and stays stopped.

    Args:
        planned: of a request for no workers here.
        charge: who pays for the slots. Study, slots and payment come about at once, or none of them does; such a study
            cannot begin with what an earlier search found, which Optuna keeps through connections of its own.

    Raises:
        UsageError: the study has got more trials than asked for.
        StudyError: there is a study of that name that was asked for otherwise.
        StorageError: the database cannot be reached, read or written.
        HpoError: nobody pays.

    """
    if charge is None:
        record, added = open_study(planned)
    else:
        _ = planned.storage.rdb  # which imports Optuna, and nobody shall wait for that
        with planned.storage.exclusive() as connection:
            record, added = open_study(planned)
            charge(connection, added)
    return Submitted(study=record.name, added=added, serving=serving(planned.storage, record.name))


def submitted_status(storage: Storage, left: Submitted) -> SubmittedStatus:
    """What is told of what was left to the fleet. Raises StudyError where it was deleted since."""
    found = study_status(storage, left.study)
    serving = tuple(worker.name for worker in left.serving.ready)
    return SubmittedStatus(**vars(found), added=left.added, serving=serving)


def open_study(planned: Plan) -> tuple[StudyRecord, int]:
    """Make the study, or find it, and bring it to its number of slots; how many of them are new.

    Raises:
        UsageError: the study has more trials than asked for.
        StudyError: there is a study of that name that was asked for otherwise.
        StorageError: the database cannot be reached, read or written.

    """
    request, definition, existing = planned.request, planned.definition, planned.record
    limits = request.limits
    wanted = StudyPlan(
        name=planned.study,
        reference=request.definition,
        definition=definition.name,
        space=planned.space.name,
        fingerprint=planned.space.fingerprint,
        fidelity=planned.fidelity.name,
        rungs=",".join(rung.fidelity for rung in planned.rungs[:-1]) or None,
        direction=definition.direction,
        metric=definition.metric,
        seed=request.seed,
        sampler=request.sampler,
        pruner=planned.pruner if request.pruner or existing is None else None,
        version=definition.version,
        margin=_margin(definition),
        objectives=planned.objectives,
        prior=None if planned.prior is None or (existing and not request.prior) else json.dumps(planned.prior),
        trial_timeout=limits.trial_timeout if _kept(planned, existing.trial_timeout if existing else None) else None,
        # A study that climbs confirms early what is as good as asked for, so it must know.
        until=request.until if planned.rungs or _kept(planned, existing.until if existing else None) else None,
    )
    record = create_or_resume(planned.storage, wanted)
    if request.forget:
        forget(planned.storage, record.name, request.forget)
    if planned.earlier:
        _tell_earlier(planned, record)
    return record, _open(planned, record)


def _margin(definition: Searchable) -> float | None:
    """The difference by which promotions weigh what is dear; None: cost has no say in them."""
    weighs = definition.weigh_costs if isinstance(definition, StudyDefinition) else True
    return definition.margin if weighs else None


def _tell_earlier(planned: Plan, record: StudyRecord) -> None:
    """Tell the study what an earlier one found."""
    source = find(planned.storage, planned.request.from_study or "").name
    study = load(planned.storage, record.name)
    slot_trials.tell_earlier(study, source, planned.earlier, planned.space)


def _kept(planned: Plan, there: float | None) -> bool:
    """Whether a limit is the study's, and not only the run's: workers elsewhere know the study alone.

    A limit the study has already is replaced, or it would hold against what the run was told.
    """
    return not planned.workers or there is not None


def _open(planned: Plan, record: StudyRecord) -> int:
    """Bring the study to its number of slots; configurations that are new to it go to the first of the new slots."""
    trials, first = planned.request.trials, list(planned.first)
    slots = Slots(planned.storage, max_attempts=planned.request.limits.max_attempts)
    there = [slot for slot in slots.list(record.name) if not slot.rung] if planned.tried else []
    if there:
        known = [dict(slot.fixed) for slot in there]
        new: list[Params] = [params for params in planned.tried if params not in known]
        if len(new) > trials - len(there):
            raise UsageError(
                f"study {record.name!r} has {len(there)} trials and {len(new)} configurations to try are new to it: "
                f"give --trials {len(there) + len(new)} or more"
            )
        nothing: list[Params] = [{} for _ in there]
        first = nothing + new
    if not planned.rungs:
        return slots.open(record.name, trials, first)
    known_first = [Configuration(params=params, digest=digest(params)) if params else None for params in first]
    prior = None if planned.prior is None else Configuration(params=planned.prior, digest=digest(planned.prior))
    return slots.open_rungs(record.name, planned.rungs, first=known_first, prior=prior)
