"""Which of a configuration's numbers each optimizer takes. Keras is imported when one is made."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from hpo.training import optimizer as made

if TYPE_CHECKING:
    import keras

    from studies.dnn.params import DnnParams

__all__ = ["ADAMS", "DESCENT", "MOMENTUM", "OPTIMIZERS", "optimizer"]

OPTIMIZERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sgd": (),
        "momentum": ("momentum",),
        "nesterov": ("momentum",),
        "adagrad": (),
        "rmsprop": ("rho",),
        "adam": ("beta_1", "beta_2"),
        "nadam": ("beta_1", "beta_2"),
        "adamax": ("beta_1", "beta_2"),
        "adadelta": ("rho",),
        "adamw": ("beta_1", "beta_2"),
    }
)
"""A name of hpo.training.OPTIMIZERS -> what numbers of a configuration it takes beside rate and weight decay."""

MOMENTUM = ("momentum", "nesterov")
DESCENT = ("sgd", *MOMENTUM)  # plain gradient descent and with momentum; the others scale their steps
ADAMS = tuple(name for name, own in OPTIMIZERS.items() if "beta_1" in own)


def optimizer(wanted: "DnnParams") -> "keras.optimizers.Optimizer":
    """A fresh optimizer, as the configuration has it."""
    own = {name: getattr(wanted, name) for name in OPTIMIZERS[wanted.optimizer]}
    return made(wanted.optimizer, **wanted.numbers, **own)
