"""Unbalanced tabular data as it comes: a frame, labels that are texts, one row in twenty of the class that counts."""

import numpy as np
import pandas as pd

from hpo.data import Dataset, Rows
from hpo.study import Baseline, Categorical, Fidelity, Float, Int, KFold, Params, Space, StudyDefinition
from hpo.training import Recipe

ROWS, TEST = 2_000, 500


def data() -> Dataset:
    """Payments, about one in twenty of them a fraud: amount, hour and country tell something of it."""
    random = np.random.default_rng(0)
    x = pd.DataFrame(
        {
            "amount": random.lognormal(4.0, 1.0, ROWS).round(2),
            "hour": random.integers(0, 24, ROWS),
            "country": random.choice(["at", "de", "fr"], ROWS),
        }
    )
    night = (x["hour"] < 6) & (x["country"] == "fr")
    risk = 0.9 * np.log(x["amount"]) + 2.0 * night - 7.5
    y = pd.Series(np.where(random.random(ROWS) < 1 / (1 + np.exp(-risk)), "fraud", "honest"))
    x = pd.get_dummies(x, columns=["country"], dtype=float)
    return Dataset(
        name="payments",
        development=Rows(x=x[TEST:], y=y[TEST:]),
        test=Rows(x=x[:TEST], y=y[:TEST]),
        label_names=("honest", "fraud"),  # numbered 0 and 1
    )


def build(params: Params) -> Recipe:
    """A dense network of one hidden layer."""
    import keras

    layers = [keras.Input((5,)), keras.layers.Normalization(), keras.layers.Dense(params["units"], activation="relu")]
    return Recipe(
        model=keras.Sequential([*layers, keras.layers.Dense(1, activation="sigmoid")]),
        optimizer=keras.optimizers.Adam(params["rate"]),
        loss="binary_crossentropy",
        batch_size=64,
        class_weight="balanced" if params["balanced"] else None,
    )


study = StudyDefinition(
    name="payments",
    title="Which payments are frauds",
    data=data,
    build=build,
    metric="AUC",
    direction="maximize",
    spaces=(
        Space(
            name="small",
            params={
                "units": Int(low=4, high=64, log=True),
                "rate": Float(low=1e-3, high=1e-1, log=True),
                "balanced": Categorical(choices=(False, True)),
            },
        ),
    ),
    evaluation=KFold(folds=3, stratified=True),
    fidelities=(Fidelity(name="full", epochs=10),),
    baselines=(Baseline(name="by-hand", title="A guess", params={"units": 16, "rate": 1e-2, "balanced": False}),),
)
