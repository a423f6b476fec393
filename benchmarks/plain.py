"""What a user would write instead: the report's networks in plain Keras, trained by `model.fit`.

Nothing here knows the engine, so that the comparison is with ordinary code: ReLU inside the layers, a Keras
learning-rate schedule inside the optimizer, one `fit` call a training.
"""

from collections.abc import Mapping
from typing import Any

import keras

from hpo.data import Rows

__all__ = ["fit", "model"]

SGD_OF_THE_REPORT = {"learning_rate": 0.01, "momentum": 0.8}


def model(definition: str, params: Mapping[str, Any], train: Rows) -> keras.Model:
    """A compiled model of the `report` space of fcnn, or else of cnn."""
    return _fcnn(params, train) if definition == "fcnn" else _cnn(params)


def fit(
    definition: str, params: Mapping[str, Any], train: Rows, validation: Rows, epochs: int, callbacks: Any = ()
) -> float:
    """Train as a user would; the validation metric after the last epoch."""
    network = model(definition, params, train)
    history = network.fit(
        train.x,
        train.y,
        validation_data=(validation.x, validation.y),
        epochs=epochs,
        batch_size=32,
        verbose=0,
        callbacks=list(callbacks),
    ).history
    return float(history["val_mae" if definition == "fcnn" else "val_accuracy"][-1])


def _cnn(params: Mapping[str, Any]) -> keras.Model:
    layers: list[Any] = [keras.Input((28, 28, 1)), keras.layers.Rescaling(1 / 255)]
    for _ in range(params["conv_layers"]):
        layers.append(keras.layers.Conv2D(params["filters"], params["kernel_size"], activation="relu"))
        layers.append(keras.layers.MaxPooling2D(2))
    layers += [
        keras.layers.Flatten(),
        keras.layers.Dense(params["hidden_units"], activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
    rate: Any = params["learning_rate"]
    if params["schedule"] != "constant":
        _, steps, factor = params["schedule"].split("-")
        rate = keras.optimizers.schedules.ExponentialDecay(rate, int(steps), float(factor))
    network = keras.Sequential(layers)
    optimizer = keras.optimizers.get({"class_name": params["optimizer"], "config": {}})
    optimizer = type(optimizer)(learning_rate=rate)
    network.compile(optimizer=optimizer, loss=params["loss"], metrics=["accuracy"])
    return network


def _fcnn(params: Mapping[str, Any], train: Rows) -> keras.Model:
    normalization = keras.layers.Normalization()
    normalization.adapt(train.x)
    lower, _, upper = params["activation"].partition("-")
    layers: list[Any] = [keras.Input((13,)), normalization]
    count = params["hidden_layers"]
    for index in range(count):
        activation = lower if not upper or index < count - count // 2 else upper
        layers.append(keras.layers.Dense(params["hidden_units"], activation=activation))
        if params["dropout"]:
            layers.append(keras.layers.Dropout(params["dropout"]))
    layers.append(keras.layers.Dense(1, activation=params["output_activation"]))
    settings = {"sgd": SGD_OF_THE_REPORT, "adadelta": {"learning_rate": 1.0}}.get(params["optimizer"], {})
    network = keras.Sequential(layers)
    network.compile(
        optimizer=keras.optimizers.get({"class_name": params["optimizer"], "config": settings}),
        loss=params["loss"],
        metrics=["mae"],
    )
    return network
