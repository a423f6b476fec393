"""Leaving a search to a fleet: its slots are opened, and workers anywhere take them."""

from dataclasses import dataclass, replace

from hpo.service import storage as storages
from hpo.service.optimize.opening import check, open_study
from hpo.service.optimize.request import Request
from hpo.service.storage import Storage
from hpo.service.studies import StudyRecord, find, list_all, lookup, refuse_other
from hpo.service.views.serving import Serving, serving
from hpo.study import registry

__all__ = ["Submitted", "meant", "submit"]


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """What was left to the fleet."""

    study: str  # name
    added: int  # slots that were opened just now
    serving: Serving  # who is there to take them


def meant(request: Request) -> Request:
    """The request with its definition, where it names a study in its place: that one goes on as it was made.

    A word that is neither a study nor a definition that could be loaded means the only study of the definition of
    that name, as it does to every other command.

    Raises:
        UsageError: the URL is none of a storage.
        StudyError: the study of that name is no search, or the definition of that name has several studies.
        StorageError: the database is there and cannot be read, or is another program's.

    """
    opened = storages.find(request.storage) if request.name is None else None
    if opened is None:
        return request
    try:
        record = lookup(opened, request.definition) or _only(opened, request.definition)
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
        objectives=request.objectives or record.objectives,
    )


def _only(opened: Storage, word: str) -> StudyRecord | None:
    """The only study of the definition of that name, where nothing installed has it; None where there is none."""
    if word in registry.names() or all(word != record.definition for record in list_all(opened)):
        return None
    return find(opened, word)


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
    search = check(replace(meant(request), limits=replace(request.limits, workers=0)))
    storage = storages.prepare(request.storage)
    try:
        opened = open_study(storage, search)
        name = opened.record.name
        return Submitted(study=name, added=opened.added, serving=serving(storage, name))
    finally:
        storage.close()
