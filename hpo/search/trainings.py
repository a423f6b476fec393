"""What all trainings have in common: what is trained, the probe of its network, what it costs, what its trial notes."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from optuna.exceptions import TrialPruned
from optuna.trial import BaseTrial

from hpo.data import Rows
from hpo.data.structures import Arrays
from hpo.errors import DefinitionError
from hpo.search.row_splits import Split
from hpo.study import Params, StudyDefinition
from hpo.study.contained import contained
from hpo.study.value_checks import shown

if TYPE_CHECKING:
    import keras

    from hpo.training import Checkpoints, Recipe, Run
    from hpo.training.probes import Probe

__all__ = [
    "FEASIBLE",
    "PROBES",
    "MakeCheckpoints",
    "Work",
    "costs",
    "foretold",
    "no_checkpoints",
    "note_probes",
    "note_work",
    "probe_network",
    "recipe",
    "reject",
]


MakeCheckpoints = Callable[[Mapping[str, Any]], "Checkpoints | None"]
"""Makes the checkpoints of the trial in hand, given what tells it from others, as JSON knows it; None: it has none."""


def no_checkpoints(about: Mapping[str, Any]) -> None:  # noqa: ARG001 - as MakeCheckpoints
    """There are none: an interrupted trial begins anew."""
    return


def recipe(definition: StudyDefinition, params: Params, inputs: Arrays | None, *, seed: int) -> "Recipe":
    """What one training trains.

    Args:
        definition: whose `build` makes it, and whose `pretrain`, if it has one, has the last word.
        params: the configuration.
        inputs: (rows, ...) of the rows to train on, labelled or not; no row it is judged by is among them. None where
            they are streamed.
        seed: of the weights.

    """
    made = _built(definition, params, seed)
    pretrain = definition.pretrain
    if pretrain is None:
        return made
    assert inputs is not None  # of streams nothing is pretrained
    begun = contained(lambda: pretrain(params, made, inputs))
    if not isinstance(begun, type(made)):
        raise DefinitionError(f"pretrain of {definition.name!r} gave {shown(begun)}: return the Recipe it was given")
    return begun


def _built(definition: StudyDefinition, params: Params, seed: int) -> "Recipe":
    from hpo.training import build

    return build(lambda given: contained(lambda: definition.build(given)), params, seed)


def foretold(definition: StudyDefinition, params: Params, splits: Sequence[Split], *, epochs: int) -> float | None:
    """Operations of training a configuration on all the splits, known without it; None where they are not.

    What `pretrain` takes, and epochs that early stopping will spare, are not known beforehand.

    Args:
        definition: whose `build` makes the model, for nothing else.
        params: the configuration.
        splits: what a trial trains on and is judged by.
        epochs: of each training.

    """
    from hpo.training.operation_counts import operations

    pairs = [(split.train, split.validation) for split in splits]
    rows = [(train, judge) for train, judge in pairs if isinstance(train, Rows) and isinstance(judge, Rows)]
    if len(rows) < len(pairs) or not rows[0][0].of_one_array:
        return None
    found = operations(_built(definition, params, seed=0), rows[0][0].x.shape[1:])
    return None if found is None else epochs * sum(found.epoch(len(train), len(judge)) for train, judge in rows)


def probe_network(run: "Run", recipe: "Recipe", rows: Rows, number: int) -> "Probe":
    """What a training's network looks like now, on `number` of its training rows, spread evenly over them.

    Of an epoch before the checkpoint that the training went on from: as it was then, which the checkpoint knows.

    Raises:
        DefinitionError: the model is a class of somebody's own, or no layer of it has a kernel.

    """
    from hpo.training.probes import Probe, probe
    from hpo.training.runtime import needs_tensorflow

    name = f"probe {run.epochs_done}"
    if name in run.notes:
        return Probe.from_json(run.notes[name])
    needs_tensorflow("probe_rows")
    stride = max(len(rows) // number, 1)
    some = rows.of_each(lambda array: array[::stride][:number])
    if not some.of_one_array:
        raise DefinitionError("probe_rows look into models with one input and one output: leave probe_rows out")
    seen = probe(run.model(), recipe.loss, some, epoch=run.epochs_done, clip=recipe.clip)
    run.notes[name] = seen.to_json()
    return seen


def costs(model: "keras.Model", names: Sequence[str]) -> tuple[float, ...]:
    """The costs of these names, keys of `hpo.study.objectives.COSTS`, in their order and units.

    Raises:
        DefinitionError: the model is a class of somebody's own, whose inputs are not known, so that it has no latency.

    """
    from hpo.training.runtime import needs_tensorflow

    needs_tensorflow("a search with --objectives")
    return tuple(_MEASURE[name](model) for name in names)


def _latency(model: "keras.Model") -> float:
    from hpo.training.after import latency
    from hpo.training.model_graph import symbolic

    if not symbolic(model):
        raise DefinitionError(
            "latency is taken of a Sequential or Functional model, whose inputs are known, not of "
            f"{type(model).__name__}: build it as one of these, or leave latency out of --objectives"
        )
    return latency(model, 1)


def _parameters(model: "keras.Model") -> float:
    from hpo.training.after import size

    return float(size(model).parameters)


_MEASURE: "Mapping[str, Callable[[keras.Model], float]]" = {"latency": _latency, "parameters": _parameters}


FEASIBLE = "feasible"  # the constraint told to Optuna: above 0 where a configuration cannot be trained

PROBES = "probes"  # user attribute of a trial: looks into its network, as Probe.to_json writes them


class Work(Protocol):
    """A training, finished or broken off."""

    @property
    def train(self) -> float | None:
        """The metric on the rows it is trained on; None before the first epoch is over."""

    @property
    def epochs(self) -> int:
        """How many epochs were trained to their end."""

    @property
    def compile_seconds(self) -> float:
        """Seconds spent on compiling."""

    @property
    def fit_seconds(self) -> float:
        """Seconds spent on training itself."""

    @property
    def why_fit(self) -> str | None:
        """Why Keras's own fit trained it; None: the compiled loop did, or nothing had begun."""

    @property
    def resumed(self) -> int:
        """Epochs, of all trainings, that checkpoints of an attempt before knew; 0: there were none."""


def note_work(trial: BaseTrial, work: Work) -> None:
    """Keep what a training came to as user attributes of its trial."""
    if work.train is not None:
        trial.set_user_attr("train", work.train)
    trial.set_user_attr("epochs", work.epochs)
    if work.resumed:
        trial.set_user_attr("resumed", work.resumed)
    trial.set_user_attr("compile_seconds", round(work.compile_seconds, 3))
    trial.set_user_attr("fit_seconds", round(work.fit_seconds, 3))
    if work.why_fit is not None:
        trial.set_user_attr("trained_by", f"Keras's fit: {work.why_fit}")


def note_probes(trial: BaseTrial, probes: "Sequence[Probe]") -> None:
    """Keep what was seen inside a trial's network, if there was a look."""
    if probes:
        trial.set_user_attr(PROBES, [probe.to_json() for probe in probes])


def reject(trial: BaseTrial, reason: str) -> NoReturn:
    """End the trial of a configuration that cannot be trained, or not to the end. Raises TrialPruned."""
    trial.set_constraint(FEASIBLE, 1.0)
    trial.set_user_attr("reason", reason)
    raise TrialPruned(reason)
