"""Moving averages of a model, those of batch normalization, in a training that is the miniature of a longer one.

With a momentum m such an average remembers some 1 / (1 - m) steps, 100 by Keras's default. Of a long training these are
the last moments; of a short one they may be half of it, and the network is judged by statistics of weights that it had
long ago: a good one looks as if it had learnt nothing.
"""

from typing import Any

import keras

from hpo.training.keras_internals import all_layers

__all__ = ["MovingAverages"]


class MovingAverages:
    """The momenta of a model's moving averages, while it is trained for a part of the steps they are meant for."""

    def __init__(self, model: Any, share: float) -> None:
        """Make averages remember the same part of the training: of a momentum m, m ** (1 / share) is left.

        Args:
            model: whose layers have momenta; they are changed until `restore`.
            share: of the steps of the full training; of one or more nothing is changed.

        """
        layers = all_layers(model) if share < 1 else []
        normalizing = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
        self._given = [(layer, layer.momentum) for layer in normalizing]
        for layer, momentum in self._given:
            layer.momentum = momentum ** (1 / share)

    def restore(self) -> None:
        """Give the layers the momenta they came with, as the model is handed over."""
        for layer, momentum in self._given:
            layer.momentum = momentum
