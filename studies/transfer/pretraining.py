"""What the lower part of a network can have been trained for before it meets the few labels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.data import Rows
from hpo.study import Params
from hpo.training import Recipe, build
from studies.transfer.data import task_a
from studies.transfer.model import DEPTH, lower, lower_names
from studies.transfer.params import TransferParams

__all__ = ["SOURCES", "Source", "autoencoder_rows", "pretrain", "rotated"]

_RATE = 0.001  # Adam's own
_SEED = 0  # of every pretraining: one network for all trials, as one downloaded would be
_QUARTERS = 4  # turns that make four classes


@dataclass(frozen=True, kw_only=True)
class Source:
    """One task to pretrain for."""

    title: str  # for a person
    rows: Callable[[NDArray[np.generic]], Rows]  # inputs that may be looked at -> rows to pretrain on
    head: Callable[[], list[Any]]  # the layers on top of the lower part, fresh
    loss: str
    metric: str


def pretrain(params: Params, recipe: Recipe, inputs: NDArray[np.generic]) -> Recipe:
    """The recipe with the reused layers as they were after pretraining, which happens once and is kept.

    Args:
        params: the configuration.
        recipe: as `build` made it.
        inputs: (rows, 28, 28, 1) images that may be looked at without their labels.

    Raises:
        DataError: the rows cannot be had, or the network not be kept.

    """
    from hpo.training.pretrained import pretrained, reuse

    wanted = TransferParams(**params)
    if not wanted.pretrains:
        return recipe
    source = SOURCES[wanted.source]
    weights = pretrained(
        build(lambda _: _recipe(source, wanted), params, _SEED),
        source.rows(inputs),
        epochs=wanted.pretrain_epochs,
        metric=source.metric,
        seed=_SEED,
    )
    reuse(recipe.model, weights, lower_names(wanted.reused))
    return recipe


def autoencoder_rows(inputs: NDArray[np.generic]) -> Rows:
    """Each image is its own target: float32 (rows, 784), in [0, 1]."""
    return Rows(x=inputs, y=inputs.reshape(len(inputs), -1).astype(np.float32) / 255)


def rotated(inputs: NDArray[np.generic]) -> Rows:
    """Each image four times, turned by no, one, two and three quarters; the target is which, one-hot (4 × rows, 4)."""
    turned = [np.rot90(inputs, quarters, axes=(1, 2)) for quarters in range(_QUARTERS)]
    targets = np.repeat(np.eye(_QUARTERS, dtype=np.float32), len(inputs), axis=0)
    return Rows(x=np.concatenate(turned), y=targets)


def _recipe(source: Source, wanted: TransferParams) -> Recipe:
    import keras

    # All layers that could be reused, so that how many are asks for no other network.
    return Recipe(
        model=keras.Sequential([*lower(wanted.activation, DEPTH), *source.head()]),
        optimizer=keras.optimizers.Adam(_RATE),
        loss=source.loss,
        batch_size=128,
    )


def _classes(number: int) -> Callable[[], list[Any]]:
    def head() -> list[Any]:
        import keras

        return [keras.layers.Dense(number, activation="softmax", name="classes")]

    return head


def _decoder() -> list[Any]:
    import keras

    return [
        keras.layers.Dense(300, activation="relu", kernel_initializer="he_normal", name="decoder"),
        keras.layers.Dense(28 * 28, activation="sigmoid", name="pixels"),
    ]


SOURCES: Mapping[str, Source] = MappingProxyType(
    {
        "task_a": Source(
            title="the other eight classes, all labelled",
            rows=lambda _: task_a(),
            head=_classes(8),
            loss="categorical_crossentropy",
            metric="accuracy",
        ),
        "autoencoder": Source(
            title="to give back the images it sees, labelled or not",
            rows=autoencoder_rows,
            head=_decoder,
            loss="binary_crossentropy",
            metric="mae",
        ),
        "rotation": Source(
            title="to tell how an image was turned, an auxiliary task whose labels are free (arXiv 1803.07728)",
            rows=rotated,
            head=_classes(_QUARTERS),
            loss="categorical_crossentropy",
            metric="accuracy",
        ),
    }
)
"""What a lower part can be pretrained for; beside these a configuration may say none."""
