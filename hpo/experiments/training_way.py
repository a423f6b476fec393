"""Which way a definition's models are trained: by the compiled loop, or by Keras's own fit, told without training."""

import os
from dataclasses import dataclass
from typing import Any

from hpo.errors import HpoError, UsageError
from hpo.messages import one_line
from hpo.settings import BACKENDS
from hpo.study import Categorical, Params, ParamValue, StudyDefinition, ValidationData
from hpo.study.checked_records import check
from hpo.study.contained import line
from hpo.training.route import SLOWER, backend_of, of_streams, why_fit

__all__ = ["TrainingWay", "built", "declared"]


@dataclass(frozen=True, kw_only=True)
class TrainingWay:
    """How trials of a definition are trained.

    Raises:
        DefinitionError: a field is not of its kind.

    """

    why_fit: str | None  # why Keras's own fit trains them, in words; None: the compiled loop does
    shown_by: str  # what tells so: the definition itself, or one configuration of it

    def __post_init__(self) -> None:
        check(self)

    def __str__(self) -> str:
        if self.why_fit is None:
            return f"trained by the compiled loop, as {self.shown_by} shows"
        return f"trained by Keras's own fit, {SLOWER} than the compiled loop, as {self.shown_by} shows: {self.why_fit}"

    def to_json(self) -> dict[str, Any]:
        """What `hpo show --json` prints of it."""
        by = "the compiled loop" if self.why_fit is None else "Keras's fit"
        slower = None if self.why_fit is None else SLOWER
        return {"by": by, "why": self.why_fit, "slower": slower, "shown_by": self.shown_by}


def declared(definition: StudyDefinition) -> TrainingWay | None:
    """What is known without loading anything; None where a model has to be built first, as `built` does."""
    asked = os.environ.get("KERAS_BACKEND")
    if asked in BACKENDS[1:]:
        return TrainingWay(why_fit=backend_of(asked), shown_by="KERAS_BACKEND")
    if isinstance(definition.evaluation, ValidationData):
        return TrainingWay(why_fit=of_streams(), shown_by="the definition")
    return None


def built(definition: StudyDefinition) -> TrainingWay:
    """What a model tells, built for its data and not trained: that of the first baseline, or the least of the space.

    Args:
        definition: whose `data` and `build` are called.

    Raises:
        UsageError: that configuration cannot be trained.
        DefinitionError: what is built cannot be trained either way.
        DataError: the data cannot be had.
        HpoError: `build` raised something.

    """
    from hpo.search.row_splits import preload, splits
    from hpo.search.trainings import recipe
    from hpo.training import configure

    params, source = _one(definition)
    if reason := definition.why_infeasible(params):
        raise UsageError(f"{source} cannot be trained, so it does not tell how others are: {reason}")
    configure()
    preload(definition)
    split = splits(definition, definition.fidelities[0], seed=0)[0]
    try:
        made = recipe(definition, params, split.inputs, seed=0)
    except HpoError:
        raise
    except Exception as error:  # of the definition's own code
        raise HpoError(f"{source} cannot be built: {line(error, 'hpo')}: {one_line(error)}") from error
    return TrainingWay(why_fit=why_fit(made, split.train), shown_by=source)


def _one(definition: StudyDefinition) -> tuple[Params, str]:
    """A configuration, and what to call it."""
    if definition.baselines:
        first = definition.baselines[0]
        return first.params, f"baseline {first.name}"
    space = definition.spaces[0]
    params: dict[str, ParamValue] = {}
    for name, domain in space.params.items():
        if space.is_active(name, params):
            params[name] = domain.choices[0] if isinstance(domain, Categorical) else domain.low
    return params, f"the first configuration of space {space.name}"
