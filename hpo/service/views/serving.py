"""Which of the workers there are would serve a study."""

from collections.abc import Mapping
from dataclasses import dataclass

from hpo.service.hosts.roster import Roster, WorkerRecord
from hpo.service.storage import Storage

__all__ = ["Serving", "serving"]


@dataclass(frozen=True, kw_only=True)
class Serving:
    """The workers that give signs of life, by what they would do for one study."""

    ready: tuple[WorkerRecord, ...]  # they serve it, now or when they are done with what they have in hand
    refusing: Mapping[str, str]  # name of a worker that cannot serve it -> why


def serving(storage: Storage, study: str) -> Serving:
    """Who would serve the study of that name, which need not be there yet. Raises StorageError."""
    alive = [worker for worker in Roster(storage).present() if worker.alive and worker.study in (None, study)]
    return Serving(
        ready=tuple(worker for worker in alive if study not in worker.refuses),
        refusing={worker.name: worker.refuses[study] for worker in alive if study in worker.refuses},
    )
