"""The order of the rows of an epoch."""

from typing import Any

import tensorflow as tf

__all__ = ["shuffled"]


def shuffled(capacity: Any, rows: Any, seed: Any) -> Any:
    """A permutation of 0 … rows-1, then the rest up to `capacity`, that depends on `seed` alone.

    Args:
        capacity: length of the result, an int32 scalar.
        rows: how many come first, in random order.
        seed: int32, shape (2,): the run's seed and the epoch.

    """
    # Philox whatever the device, so that a seed means the same order with and without XLA.
    keys = tf.random.stateless_uniform([capacity], seed=seed, minval=None, maxval=None, dtype=tf.int32, alg="philox")
    keys = tf.where(tf.range(capacity) < rows, keys, keys.dtype.max)
    return tf.argsort(keys, stable=True)
