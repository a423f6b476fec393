"""Every check in turn."""

from collections.abc import Iterator

from hpo.errors import HpoError, UsageError
from hpo.experiments.doctor.check import Check, fail
from hpo.experiments.doctor.database_checks import absent, database_checks
from hpo.experiments.doctor.fleet_checks import fleet_checks, study_checks
from hpo.experiments.doctor.machine_checks import machine_checks, training_checks
from hpo.storage import Storage, find

__all__ = ["examine", "examine_storage"]


def examine(url: str) -> Iterator[Check]:
    """Look at this machine, at the storage at `url` and at who works on it, and at what trainings need.

    Each check comes when it is done; the slow one (TensorFlow starts in a process of its own) is the last.

    Raises:
        UsageError: `url` is no storage URL.

    """
    yield from machine_checks()
    yield from examine_storage(url)
    yield from training_checks()


def examine_storage(url: str) -> Iterator[Check]:
    """The storage, the fleet that shares it and its studies; a database that cannot be used is a check that fails.

    Raises:
        UsageError: `url` is no storage URL.

    """
    storage: Storage | None = None
    try:
        storage = find(url)
        if storage is None:
            yield absent(url)
            return
        yield from database_checks(storage)
        yield from fleet_checks(storage)
        yield from study_checks(storage)
    except UsageError:
        raise
    except HpoError as error:
        yield fail("storage", str(error), "give another --storage, or set HPO_STORAGE")
    finally:
        if storage is not None:
            storage.close()
