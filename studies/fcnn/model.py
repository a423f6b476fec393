"""The network of the report, and what `wide` adds to it. Keras is imported when one is built."""

from typing import TYPE_CHECKING, Any

from hpo.study import Params
from hpo.training import ExponentialDecay, Recipe, Schedule, coupled
from studies.fcnn.params import REPORT_OPTIMIZERS, SCHEDULES, FcnnParams

if TYPE_CHECKING:
    import keras

__all__ = ["activations", "build"]

FEATURES = 13


def build(params: Params) -> Recipe:
    """One configuration of either space, ready to be trained on float32 rows (rows, 13) and prices (rows,)."""
    wanted = FcnnParams(**params)
    return Recipe(
        model=_model(wanted),
        optimizer=_optimizer(wanted),
        loss=wanted.loss,
        batch_size=wanted.batch_size,
        schedule=_schedule(wanted),
        average=wanted.average,
    )


def activations(pattern: str, layers: int) -> list[str]:
    """The activation of each hidden layer.

    The report's two mixed patterns are halves of its four layers: sigmoid or tanh below, ReLU above. At another depth
    they stay halves, the odd layer in the middle going to the lower one.
    """
    lower, _, upper = pattern.partition("-")
    below = layers - layers // 2 if upper else layers
    return [lower] * below + [upper] * (layers - below)


def _model(wanted: FcnnParams) -> "keras.Model":
    import keras

    from hpo.training import Dropout

    hidden: list[Any] = []
    for activation in activations(wanted.activation, wanted.hidden_layers):
        hidden.append(
            keras.layers.Dense(wanted.hidden_units, activation=activation, kernel_initializer=wanted.initializer)
        )
        hidden += [Dropout(wanted.dropout)] if wanted.dropout else []
    return keras.Sequential(
        [
            keras.Input((FEATURES,)),
            keras.layers.Normalization(),  # adapted on the training rows of each fold
            *hidden,
            keras.layers.Dense(1, activation=wanted.output_activation),
        ]
    )


def _optimizer(wanted: FcnnParams) -> "keras.optimizers.Optimizer":
    import keras

    sgd = wanted.optimizer == "sgd"
    rate = wanted.sgd_rate if sgd else wanted.adaptive_rate
    if rate is None:
        config: dict[str, object] = {**REPORT_OPTIMIZERS[wanted.optimizer]}
    else:
        momentum = (wanted.momentum or 0.0) if sgd else None
        config = {**coupled(rate, wanted.decay, batch_size=wanted.batch_size, momentum=momentum)}
    if wanted.momentum is not None:
        config |= {"momentum": wanted.momentum, "nesterov": wanted.nesterov}
    return keras.optimizers.get({"class_name": wanted.optimizer, "config": config})


def _schedule(wanted: FcnnParams) -> Schedule:
    if wanted.decay_steps is not None and wanted.decay_rate is not None:
        return ExponentialDecay(decay_steps=wanted.decay_steps, decay_rate=wanted.decay_rate)
    return SCHEDULES[wanted.schedule]
