"""The main job: bring a study to so many settled slots, with workers on this machine or with those of a fleet."""

from collections.abc import Callable

from hpo.service import storage as storages
from hpo.service.optimize.opening import check, open_study
from hpo.service.optimize.request import Request
from hpo.service.studies import lookup
from hpo.service.studies.refusals import refuse_stopped
from hpo.service.supervisors.drain import drain
from hpo.service.views.progress import Progress
from hpo.service.views.watching import watch

__all__ = ["optimize"]


def optimize(request: Request, on_progress: Callable[[Progress], None] | None = None) -> Progress:
    """Do what is asked, or go on with it, and say how far it came and why it ended.

    Everything is checked before anything is written. A study that is settled already starts no worker. Several of
    these on one study at once share its slots, from one machine or many. With no workers here the fleet does it, and
    this only looks on.

    Args:
        request: what is asked for.
        on_progress: told a few times a second how far the study is.

    Raises:
        UsageError: the request names what there is not, or contradicts itself or the definition.
        DefinitionError: the definition cannot be loaded.
        StudyError: there is a study of that name that was asked for otherwise or is stopped, or its trials all fail.
        StorageError: the database cannot be reached, read or written.
        HpoError: a worker could not go on; nothing is lost.

    """
    search = check(request)
    storage = storages.prepare(request.storage)
    try:
        existing = lookup(storage, search.name)
        if existing is not None:
            refuse_stopped(existing)
        record = open_study(storage, search).record
        limits = request.limits
        if not request.processes:
            return watch(storage, record.name, timeout=limits.timeout, on_progress=on_progress)
        return drain(
            storage,
            record,
            limits,
            workers=request.processes,
            until=request.until,
            objective=request.objective,
            on_progress=on_progress,
        )
    finally:
        storage.close()
