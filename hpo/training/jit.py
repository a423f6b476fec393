"""When XLA compiles the epoch.

Measured on one core of an EPYC 9005 with TensorFlow 2.21, in CPU seconds, fcnn baseline (4×128, 323 rows, batch 32):
a step takes 0.23-0.28 ms with fused updates and 0.17 ms with XLA, compiling 0.3 s and 2.4 s. XLA would pay only after
some 25,000 steps of one shape, 11 trainings of 200 epochs, and each XLA program keeps 8 MB for the life of the
process, whatever is done to free it. A convolution is four times slower under XLA on a CPU. So on a CPU the answer is
no. On a GPU launching the hundred kernels of a step costs more than running them, and the answer is yes; that
is by reasoning, not measured.
"""

from typing import Any

import keras
import tensorflow as tf

from hpo.training.keras_internals import all_layers
from hpo.training.recipe import Recipe
from hpo.training.variable_layers import LAYERS

__all__ = ["fixed_shapes", "pays"]

# Layers that treat each row by itself, in training too, so that rows which only fill a batch up change nothing.
_NAMES = """
    Activation Add AveragePooling2D Concatenate Conv1D Conv2D Dense Dropout ELU Flatten GaussianNoise InputLayer
    GlobalAveragePooling2D GlobalMaxPooling2D LayerNormalization LeakyReLU MaxPooling2D Multiply Normalization PReLU
    ReLU Rescaling Reshape Softmax SpatialDropout2D ZeroPadding2D
"""
_ROW_BY_ROW = frozenset({*LAYERS, keras.Sequential, *(getattr(keras.layers, name) for name in _NAMES.split())})


def pays(recipe: Recipe) -> bool:
    """Whether XLA makes this recipe's training faster, compiling included."""
    return bool(tf.config.list_physical_devices("GPU")) and fixed_shapes(recipe)


def fixed_shapes(recipe: Recipe) -> bool:
    """Whether the last batch may be filled up to full size with rows of weight 0, as XLA's fixed shapes need it."""
    return (
        recipe.augment is None
        and _weighs_rows(recipe.loss)
        and all(_row_by_row(layer) for layer in all_layers(recipe.model, itself=False))
    )


def _row_by_row(layer: Any) -> bool:
    return type(layer) in _ROW_BY_ROW and getattr(layer, "activity_regularizer", None) is None


def _weighs_rows(loss: Any) -> bool:
    """Whether the loss is one of Keras', which are sums or means of one value a row."""
    if isinstance(loss, keras.losses.Loss):
        return type(loss).__module__.startswith("keras.") and loss.reduction in ("sum", "sum_over_batch_size", "mean")
    return isinstance(loss, str) or getattr(loss, "__module__", "").startswith("keras.")
