"""Sequences of varying length, padded a batch at a time, and an LSTM that passes over the padding."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from hpo.data import Streams
from hpo.study import Categorical, Fidelity, Float, Int, Params, Space, StudyDefinition, ValidationData
from hpo.training import EarlyStopping, Recipe

LETTERS = 4  # numbered from 1; 0 is padding


def sequences(number: int, seed: int) -> Iterator[tuple[Any, int]]:
    """Sequences of 3 to 20 letters, and whether there are more of the letter 1 in it than of the letter 2."""
    random = np.random.default_rng(seed)
    for _ in range(number):
        letters = random.integers(1, LETTERS + 1, random.integers(3, 21))
        yield letters, int((letters == 1).sum() > (letters == 2).sum())


def batches(number: int, seed: int, order: int | None = None) -> Any:
    """A tf.data.Dataset of batches, each padded to its own longest sequence; shuffled by `order`, if it is given."""
    import tensorflow as tf

    signature = (tf.TensorSpec((None,), tf.int64), tf.TensorSpec((), tf.int64))
    made = tf.data.Dataset.from_generator(lambda: sequences(number, seed), output_signature=signature)
    made = made.apply(tf.data.experimental.assert_cardinality(number))
    shuffled = made if order is None else made.shuffle(number, seed=order)
    return shuffled.padded_batch(20)


def data() -> Streams:
    """Each stream is made anew for each training."""
    return Streams(
        name="letters",
        train=lambda seed: batches(200, 0, order=seed),
        validation=lambda: batches(100, 1),
        test=lambda: batches(100, 2),
    )


def build(params: Params) -> Recipe:
    """`mask_zero`: the layers behind the embedding pass over the padding."""
    import keras

    recurrent = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[params["layer"]]
    return Recipe(
        model=keras.Sequential(
            [
                keras.Input((None,), dtype="int64"),
                keras.layers.Embedding(LETTERS + 1, 4, mask_zero=True),
                recurrent(params["units"]),
                keras.layers.Dense(1, activation="sigmoid"),
            ]
        ),
        optimizer=keras.optimizers.Adam(params["rate"]),
        loss="binary_crossentropy",
        stopping=EarlyStopping(patience=3),
    )


study = StudyDefinition(
    name="letters",
    title="Whether a sequence has more of one letter than of another",
    data=data,
    build=build,
    metric="accuracy",
    direction="maximize",
    spaces=(
        Space(
            name="small",
            params={
                "layer": Categorical(choices=("lstm", "gru")),
                "units": Int(low=4, high=16, log=True),
                "rate": Float(low=3e-3, high=1e-1, log=True),
            },
        ),
    ),
    evaluation=ValidationData(),
    fidelities=(Fidelity(name="full", epochs=4),),
)
