"""From a configuration to what is trained, reproducibly."""

from collections.abc import Callable
from typing import TypeVar

from hpo.training.recipe import Recipe

__all__ = ["build"]

P = TypeVar("P")


def build(builder: Callable[[P], Recipe], params: P, seed: int) -> Recipe:
    """`builder(params)` with the random numbers of Python, NumPy and Keras seeded, so equal seeds give equal weights.

    Args:
        builder: a definition's `build`.
        params: the configuration, passed on as it is.
        seed: any integer; reduced to the 32 bits Keras takes.

    """
    import keras

    keras.utils.set_random_seed(seed % 2**32)
    return builder(params)
