"""Leaving a search to a fleet: its slots are opened, and workers anywhere take them."""

from dataclasses import dataclass, replace

from hpo.service import storage as storages
from hpo.service.optimize.opening import check, open_study
from hpo.service.optimize.request import Request
from hpo.service.studies import lookup, refuse_other
from hpo.service.views.serving import Serving, serving

__all__ = ["Submitted", "meant", "submit"]


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """What was left to the fleet."""

    study: str  # name
    added: int  # slots that were opened just now
    serving: Serving  # who is there to take them


def meant(request: Request) -> Request:
    """The request with its definition, where it names a study in its place: that one goes on as it was made.

    Raises:
        UsageError: the URL is none of a storage.
        StudyError: the study of that name is no search.
        StorageError: the database is there and cannot be read, or is another program's.

    """
    opened = storages.find(request.storage) if request.name is None else None
    if opened is None:
        return request
    try:
        record = lookup(opened, request.definition)
    finally:
        opened.close()
    if record is None:
        return request
    refuse_other(record)
    return replace(
        request,
        definition=record.reference,
        name=record.name,
        space=request.space or record.space,
        fidelity=request.fidelity or record.fidelity,
    )


def submit(request: Request) -> Submitted:
    """Open what slots the study lacks, and return. A study that is stopped gets them too, and stays stopped.

    Args:
        request: what is asked for; `definition` may be a study's name. Its limits are kept with the study.

    Raises:
        UsageError: the request names what there is not, or contradicts itself or the definition.
        DefinitionError: the definition cannot be loaded.
        StudyError: there is a study of that name that was asked for otherwise.
        StorageError: the database cannot be reached, read or written.

    """
    search = check(replace(meant(request), effort=replace(request.effort, workers=0)))
    storage = storages.prepare(request.storage)
    try:
        opened = open_study(storage, search)
        name = opened.record.name
        return Submitted(study=name, added=opened.added, serving=serving(storage, name))
    finally:
        storage.close()
