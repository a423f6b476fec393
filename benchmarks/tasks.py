"""The tasks of the comparisons: the definition each side searches, and the rows one training of it has.

fcnn is judged on one split here instead of folds, so that one trial is one training on every side.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from hpo.data import Rows
from hpo.search.row_splits import cut, load
from hpo.search.seeds import split_seed
from hpo.study import Fidelity, Holdout, StudyDefinition, registry
from studies.fcnn import study as fcnn

__all__ = ["TASKS", "Task", "fcnn_split"]

fcnn_split = replace(
    fcnn,
    name="fcnn-split",
    evaluation=Holdout(rows=81),  # a fifth of the 404 development rows
    fidelities=(Fidelity(name="full", epochs=200),),
)


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is compared."""

    reference: str  # of the definition
    fidelity: str

    @property
    def definition(self) -> StudyDefinition:
        """The definition all sides search."""
        return registry.load(self.reference)

    @property
    def epochs(self) -> int:
        """Of one training."""
        return self.definition.fidelity(self.fidelity).epochs

    def split(self, seed: int) -> tuple[Rows, Rows]:
        """The rows to train on and to judge by that hpo gives every trial of a study of that seed."""
        definition = self.definition
        development = load(definition).development
        parts = cut(definition, definition.fidelity(self.fidelity), development, seed=split_seed(seed))
        return parts[0].train, parts[0].validation


TASKS: Mapping[str, Task] = MappingProxyType(
    {
        "cnn": Task(reference="cnn", fidelity="quick"),
        "fcnn": Task(reference="benchmarks.tasks:fcnn_split", fidelity="full"),
        "small-cnn": Task(reference="benchmarks.quality.contest:small_cnn", fidelity="full"),
        "small-cnn-fifth": Task(reference="benchmarks.quality.contest:small_cnn_fifth", fidelity="full"),
        "small-cnn-scaled": Task(reference="benchmarks.quality.contest:small_cnn_scaled", fidelity="full"),
    }
)
