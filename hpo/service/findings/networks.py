"""What the trials of a search saw inside their networks."""

from hpo.search.notes import PROBES
from hpo.service.findings.records import ProbedNetwork
from hpo.service.storage import Storage
from hpo.service.views import stored

__all__ = ["networks"]


def networks(storage: Storage, study: str) -> tuple[ProbedNetwork, ...]:
    """One record for each trial that looked, in the order of their numbers. No TensorFlow is imported.

    Raises:
        StudyError: another program has deleted the study's trials.
        StorageError: the database cannot be reached or read.

    """
    from hpo.training.probes.records import Probe

    found = []
    for trial in stored.read(storage, study):
        looks = [Probe.from_json(document) for document in trial.user.get(PROBES, ())]
        if looks:
            after = next((look for look in looks if look.epoch), None)
            found.append(ProbedNetwork(number=trial.number, value=trial.value, start=looks[0], after=after))
    return tuple(found)
