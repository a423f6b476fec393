"""Every check in turn."""

from collections.abc import Iterator

from hpo.errors import HpoError, UsageError
from hpo.experiments.doctor import database_checks, fleet_checks, machine_checks, study_checks, training_checks
from hpo.experiments.doctor.check import Check
from hpo.storage import Storage, find

__all__ = ["examine", "examine_storage"]


def examine(url: str) -> Iterator[Check]:
    """Look at this machine, at the storage at `url` and at who works on it, and at what trainings need.

    Each check comes when it is done; the slow one (TensorFlow starts in a process of its own) is the last.

    Raises:
        UsageError: `url` is no storage URL.

    """
    yield from machine_checks.checks()
    yield from examine_storage(url)
    yield from training_checks.checks()


def examine_storage(url: str) -> Iterator[Check]:
    """The storage, the fleet that shares it and its studies; a database that cannot be used is a check that fails.

    Raises:
        UsageError: `url` is no storage URL.

    """
    storage: Storage | None = None
    try:
        storage = find(url)
        if storage is None:
            yield database_checks.absent(url)
            return
        yield from database_checks.checks(storage)
        yield from fleet_checks.checks(storage)
        yield from study_checks.checks(storage)
    except UsageError:
        raise
    except HpoError as error:
        remedy = "give another --storage, or set HPO_STORAGE"
        yield Check(name="storage", state="fail", found=str(error), remedy=remedy)
    finally:
        if storage is not None:
            storage.close()
