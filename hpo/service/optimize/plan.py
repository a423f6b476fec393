"""What a run is going to do and about how long it takes, found out without changing anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.errors import UsageError
from hpo.service.storage.url import parse
from hpo.settings import DEFAULT_SAMPLER, storage_url
from hpo.study import Fidelity, Space, StudyDefinition, registry
from hpo.study.objectives import parse_objectives

if TYPE_CHECKING:
    from hpo.service.optimize.request import Request
    from hpo.service.views.status import StudyStatus

__all__ = ["Plan", "plan", "study_name"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run is going to do."""

    study: str  # name
    reference: str  # of the definition, as it was given
    definition: StudyDefinition
    space: Space
    fidelity: Fidelity
    existing: "StudyStatus | None"  # the study as it stands; None: it will be made
    left: int  # trials to do
    workers: int  # processes here; 0: none, a fleet does it
    serving: int  # workers elsewhere that would serve it; 0 where there are workers here
    sampler: str  # asked for, or the study's own, or the default
    pruner: str  # likewise; the default gives way where it cannot work
    costs: tuple[str, ...]  # weighed against the metric; empty: the metric alone counts
    safe_url: str  # of the storage, without a password
    default_storage: bool  # a command without --storage finds it
    seconds: float | None  # about how long it takes; None: nothing to tell it from
    measured: bool  # the estimate comes from this study's own trials, not from its definition
    changed: bool  # the definition's code is another one than when the study was asked for last


def study_name(definition: StudyDefinition, space: Space, fidelity: Fidelity, costs: Sequence[str] = ()) -> str:
    """What a study is called unless it is told otherwise; `costs`: what is weighed against the metric."""
    return "-".join((definition.name, space.name, fidelity.name, *costs))


def plan(request: "Request") -> Plan:
    """What `optimize(request)` is going to do.

    Raises:
        UsageError: there is no such definition, space or fidelity; the study has more trials than asked for.
        StudyError: the study of that name is no search.
        DefinitionError: the definition cannot be loaded.
        StorageError: the database is there and cannot be read, or is another program's.

    """
    from hpo.search import default_pruner

    definition = registry.load(request.definition)
    space = definition.space(request.space)
    fidelity = definition.fidelity(request.fidelity) if request.fidelity is not None else definition.fidelities[0]
    costs = parse_objectives(request.objectives, definition) if request.objectives is not None else ()
    name = request.name or study_name(definition, space, fidelity, costs)
    where = parse(request.storage)
    existing, pace, version = _existing(request.storage, name)
    settled = existing.settled if existing is not None else 0
    if existing is not None and existing.target > request.trials:
        raise UsageError(
            f"study {name!r} has {existing.target} trials already, so it cannot be brought to {request.trials}; "
            f"give --trials {existing.target} or more, or another --name"
        )
    left = request.trials - settled
    each = pace if pace is not None else fidelity.trial_seconds
    workers = request.processes
    elsewhere = _serving(request.storage, name) if not workers else 0
    return Plan(
        study=name,
        reference=request.definition,
        definition=definition,
        space=space,
        fidelity=fidelity,
        existing=existing,
        left=left,
        workers=workers,
        serving=elsewhere,
        sampler=request.sampler or (existing.sampler if existing is not None else DEFAULT_SAMPLER),
        pruner="none"
        if costs
        else request.pruner or (existing.pruner if existing is not None else default_pruner(definition, fidelity)),
        costs=costs,
        safe_url=where.safe,
        default_storage=parse(storage_url()).url == where.url,
        seconds=None
        if each is None or not (workers or elsewhere)
        else each * left / min(workers or elsewhere, left or 1),
        measured=pace is not None,
        changed=version not in (None, definition.version),
    )


def _existing(url: str, name: str) -> "tuple[StudyStatus | None, float | None, str | None]":
    """The study of that name, mean seconds of its trials, version of its code; None for what there is not yet."""
    from hpo.service import storage, studies
    from hpo.service.views import status

    opened = storage.find(url)
    if opened is None:
        return None, None, None
    try:
        record = studies.lookup(opened, name)
        if record is None:
            return None, None, None
        studies.refuse_other(record)
        return status.study_status(opened, name), status.mean_seconds(opened, name), record.version
    finally:
        opened.close()


def _serving(url: str, name: str) -> int:
    """Workers that would serve the study of that name."""
    from hpo.service import storage
    from hpo.service.views.serving import serving

    opened = storage.find(url)
    if opened is None:
        return 0
    try:
        return len(serving(opened, name).ready)
    finally:
        opened.close()
