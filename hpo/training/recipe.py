"""What to train: a model and how, as a definition's `build` returns it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpo.training.schedules import Schedule

if TYPE_CHECKING:
    import keras

__all__ = ["Recipe"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One configuration, ready to be trained.

    The model takes rows as the data set stores them: it begins with its own Rescaling or Normalization layer. A
    Normalization layer is left unadapted; the engine adapts it on the training rows of each run and on no others.
    """

    model: "keras.Model"  # fresh weights, not compiled
    optimizer: "keras.optimizers.Optimizer"  # fresh; its learning_rate is the initial rate
    loss: "keras.losses.Loss | str"  # a Keras loss or its name
    batch_size: int = 32  # rows of one step; the last batch of an epoch may be smaller, as in Keras
    schedule: Schedule | None = None  # learning rate of each step; None: the optimizer's own, throughout
    augment: Callable[[Any], Any] | None = (
        None  # batch of x -> batch of x of the same shape, training only; keras.ops, keras.random with no seed
    )
