"""When XLA compiles the epoch.

Measured on one core of an EPYC 9005 with TensorFlow 2.21, CPU seconds, fcnn baseline (4×128, 323 rows, batch 32): a step
takes 0.24-0.29 ms with fused updates and 0.17 ms with XLA, compiling 0.3 s and 2.4 s. XLA would pay only after some 25,000 steps of one
shape, 11 trainings of 200 epochs, and every XLA program TensorFlow compiles keeps 10 MB for the life of the process.
A convolution is four times slower under XLA on a CPU. So on a CPU the answer is no. On a GPU, where launching each of a
step's hundred kernels costs more than running it, it is yes.
"""

from typing import Any

import keras
import tensorflow as tf

from hpo.training.layers import Dropout
from hpo.training.recipe import Recipe

__all__ = ["fixed_shapes", "pays"]

layers = keras.layers
# Layers that treat each row by itself, in training too, so that rows which only fill a batch up change nothing.
_ROW_BY_ROW: frozenset[type] = frozenset(
    {
        Dropout, layers.Activation, layers.Add, layers.AveragePooling2D, layers.Concatenate, layers.Conv1D, layers.Conv2D,
        layers.Dense, layers.Dropout, layers.ELU, layers.Flatten, layers.GaussianNoise, layers.GlobalAveragePooling2D,
        layers.GlobalMaxPooling2D, layers.InputLayer, layers.LayerNormalization, layers.LeakyReLU, layers.MaxPooling2D,
        layers.Multiply, layers.Normalization, layers.PReLU, layers.ReLU, layers.Rescaling, layers.Reshape, layers.Softmax,
        layers.SpatialDropout2D, layers.ZeroPadding2D, keras.Sequential,
    }
)  # fmt: skip


def pays(recipe: Recipe) -> bool:
    """Whether XLA makes this recipe's training faster, compiling included."""
    return bool(tf.config.list_physical_devices("GPU")) and fixed_shapes(recipe)


def fixed_shapes(recipe: Recipe) -> bool:
    """Whether the last batch may be filled up to full size with rows of weight 0, as XLA's fixed shapes need it."""
    return (
        recipe.augment is None
        and _weighs_rows(recipe.loss)
        and all(_row_by_row(layer) for layer in recipe.model._flatten_layers(include_self=False))
    )


def _row_by_row(layer: Any) -> bool:
    return type(layer) in _ROW_BY_ROW and getattr(layer, "activity_regularizer", None) is None


def _weighs_rows(loss: Any) -> bool:
    """Whether the loss is one of Keras', which are sums or means of one value a row."""
    if isinstance(loss, keras.losses.Loss):
        return type(loss).__module__.startswith("keras.") and loss.reduction in ("sum", "sum_over_batch_size", "mean")
    return isinstance(loss, str) or getattr(loss, "__module__", "").startswith("keras.")
