"""The optimizers by the names the chapter gives them. Keras is imported when one is made."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

    from studies.dnn.params import DnnParams

__all__ = ["ADAMS", "MOMENTUM", "OPTIMIZERS", "optimizer"]

OPTIMIZERS: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "sgd": ("SGD", ()),
        "momentum": ("SGD", ("momentum",)),
        "nesterov": ("SGD", ("momentum",)),
        "adagrad": ("Adagrad", ()),
        "rmsprop": ("RMSprop", ("rho",)),
        "adam": ("Adam", ("beta_1", "beta_2")),
        "nadam": ("Nadam", ("beta_1", "beta_2")),
        "adamax": ("Adamax", ("beta_1", "beta_2")),
        "adadelta": ("Adadelta", ("rho",)),
        "adamw": ("AdamW", ("beta_1", "beta_2", "weight_decay")),
    }
)
"""Name -> Keras' class, and which of a configuration's numbers are arguments of it beside the learning rate."""

MOMENTUM = ("momentum", "nesterov")
ADAMS = tuple(name for name, (_, own) in OPTIMIZERS.items() if "beta_1" in own)


def optimizer(wanted: "DnnParams") -> "keras.optimizers.Optimizer":
    """A fresh optimizer, as the configuration has it."""
    import keras

    kind, own = OPTIMIZERS[wanted.optimizer]
    arguments: dict[str, Any] = {name: getattr(wanted, name) for name in ("learning_rate", *own)}
    if wanted.optimizer == "nesterov":
        arguments["nesterov"] = True
    return getattr(keras.optimizers, kind)(**arguments)
