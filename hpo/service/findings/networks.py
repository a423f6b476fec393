"""What the trials of a search, and the trainings of tables, saw inside their networks."""

from hpo.search.notes import PROBES
from hpo.service.findings.records import ProbedNetwork
from hpo.service.storage import Storage
from hpo.service.views import stored

__all__ = ["networks"]


def networks(storage: Storage, study: str, tables: str | None) -> tuple[ProbedNetwork, ...]:
    """One record for each trial that looked: those of the search, then those of its tables, in order of their numbers.

    A search soon leaves the networks alone that do not learn; the tables vary initializer, activation and depth on
    purpose. No TensorFlow is imported.

    Args:
        storage: where both are.
        study: the search.
        tables: the study that measures the definition's tables; None: there is none.

    Raises:
        StudyError: another program has deleted the study's trials.
        StorageError: the database cannot be reached or read.

    """
    from hpo.training.probes.records import Probe

    found = []
    for source, swept in ((study, False), (tables, True)):
        for trial in stored.read(storage, source) if source else ():
            looks = [Probe.from_json(document) for document in trial.user.get(PROBES, ())]
            if looks:
                after = next((look for look in looks if look.epoch), None)
                found.append(
                    ProbedNetwork(number=trial.number, swept=swept, params=trial.params, start=looks[0], after=after)
                )
    return tuple(found)
