"""What the trials of a search, and the trainings of tables, saw inside their networks."""

from typing import TYPE_CHECKING, Any

from hpo.experiments.findings.findings_record import ProbedNetwork
from hpo.search.trainings import PROBES
from hpo.storage import Storage
from hpo.storage.queries import stored_trials

if TYPE_CHECKING:
    from hpo.training.probes import Probe

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
    found = []
    for source, swept in ((study, False), (tables, True)):
        for trial in stored_trials.read(storage, source) if source else ():
            looks = trial.user.records(PROBES, _probe)
            if looks:
                after = next((look for look in looks if look.epoch), None)
                found.append(
                    ProbedNetwork(number=trial.number, swept=swept, params=trial.params, start=looks[0], after=after)
                )
    return tuple(found)


def _probe(document: Any) -> "Probe":
    """The look that is; raises TypeError, ValueError or DefinitionError where it is none."""
    from hpo.training.probes import Probe

    probe = Probe.from_json(document)
    if not probe.layers:
        raise ValueError("no layers")
    return probe
