"""From a configuration to what is trained, reproducibly."""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from hpo.training.exclusive import exclusive
from hpo.training.loading import load_keras
from hpo.training.recipe import Recipe

if TYPE_CHECKING:
    import keras

__all__ = ["build"]

P = TypeVar("P")


@exclusive
def build(builder: Callable[[P], "Recipe | keras.Model"], params: P, seed: int) -> Recipe:
    """`builder(params)` with the random numbers of Python, NumPy and Keras seeded, so equal seeds give equal weights.

    A model that was compiled with an optimizer and a loss is a recipe too.

    Not `keras.utils.set_random_seed`: it also sets TensorFlow's global seed, which nothing of Keras draws from, and
    TensorFlow then throws away every kernel it has prepared: each program kept from earlier runs would pay 0.1 s again.

    Args:
        builder: a definition's `build`.
        params: the configuration, passed on as it is.
        seed: any integer; reduced to the 32 bits NumPy takes.

    Raises:
        DefinitionError: TensorFlow is not there, or Keras uses something else, or what was built is no recipe.

    """
    load_keras()
    from hpo.training.keras_internals import forget_random_generator

    seed %= 2**32
    forget_random_generator()  # made anew, from the next line's seed
    random.seed(seed)  # the seed of a Keras initializer or layer that was given none is drawn here
    np.random.seed(seed)  # builders may draw from it
    return Recipe.of(builder(params))
