"""The network of a configuration, and how it is trained on few labels. Keras is imported when one is built."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hpo.study import Params
from hpo.training import Phase, Recipe, activation, initializer, optimizer
from studies.transfer.params import TransferParams

if TYPE_CHECKING:
    import keras

__all__ = ["DEPTH", "INITIALIZERS", "build", "lower", "lower_names"]

IMAGE = (28, 28, 1)  # uint8
DEPTH = 4  # hidden layers a pretrained network has
_UNITS = (300, 100, 100, 100)  # of each: the chapter's 300 and 100, and two more to choose from

INITIALIZERS: Mapping[str, str] = MappingProxyType({"relu": "he_normal", "elu": "he_normal", "selu": "lecun_normal"})
"""Activation -> the initializer the chapter pairs it with."""


def build(params: Params) -> Recipe:
    """One configuration, all its weights fresh, ready for uint8 images (rows, 28, 28, 1) and targets 0 or 1 (rows,)."""
    import keras

    from hpo.training import Dropout

    wanted = TransferParams(**params)
    head = [layer for number in range(wanted.head_layers) for layer in _hidden(f"head_{number + 1}", wanted)]
    dropped = [Dropout(wanted.dropout)] if wanted.dropout else []
    output = keras.layers.Dense(1, activation="sigmoid", name="output")
    return Recipe(
        model=keras.Sequential([*lower(wanted.activation, wanted.reused), *head, *dropped, output]),
        optimizer=optimizer(wanted.optimizer, learning_rate=wanted.learning_rate),
        loss="binary_crossentropy",
        batch_size=wanted.batch_size,
        phases=_phases(wanted),
    )


def lower(name: str, layers: int) -> "list[keras.layers.Layer | Any]":
    """The lower part of a network, fresh: from the image to its `layers`-th hidden layer, of that activation."""
    import keras

    made = [keras.Input(IMAGE, dtype="uint8"), keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
    for layer_name, units in zip(lower_names(layers), _UNITS, strict=False):
        made += _dense(layer_name, units, name)
    return made


def lower_names(layers: int) -> tuple[str, ...]:
    """The names of the first `layers` layers with weights: what may be reused and frozen."""
    return tuple(f"hidden_{number + 1}" for number in range(layers))


def _hidden(name: str, wanted: TransferParams) -> list[Any]:
    return _dense(name, wanted.head_units, wanted.activation)


def _dense(name: str, units: int, kind: str) -> list[Any]:
    import keras

    dense = keras.layers.Dense(units, kernel_initializer=initializer(INITIALIZERS[kind]), name=name)
    return [dense, *activation(kind)]


def _phases(wanted: TransferParams) -> tuple[Phase, ...]:
    """Frozen, then not: the chapter's two compilations."""
    if not (wanted.pretrains and wanted.frozen_epochs):
        return ()
    reused = lower_names(wanted.reused)
    still = {"all": (), "top": reused[:-1], "none": reused}[wanted.unfreeze]
    return (
        Phase(epochs=wanted.frozen_epochs, frozen=reused, rate=wanted.frozen_rate),
        Phase(frozen=still, rate=wanted.learning_rate),
    )
