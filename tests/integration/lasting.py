"""A definition whose trials take some seconds, an epoch a tenth of one: long enough to be broken off.

With HPO_CHECKPOINT_SECONDS=0 a checkpoint is written every few epochs.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from hpo.data import Dataset, Rows
from hpo.study import Baseline, Fidelity, Float, Holdout, KFold, Params, Space, StudyDefinition
from hpo.training import Dropout, EarlyStopping, Recipe

FILE = str(Path(__file__).resolve())
EPOCHS = 30


def _rows(count: int, seed: int) -> Rows:
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(count, 8)).astype(np.float32)
    return Rows(x=x, y=(np.sin(x).sum(axis=1) + draw.normal(0, 0.1, count)).astype(np.float32))


def _data() -> Dataset:
    return Dataset(name="waves", development=_rows(12_000, 1), test=_rows(500, 2))


def _build(params: Params) -> Recipe:
    return replace(_endless(params), stopping=EarlyStopping(patience=EPOCHS))


def _endless(params: Params) -> Recipe:
    import keras

    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(16, "relu"),
            keras.layers.BatchNormalization(),
            Dropout(0.2),
            keras.layers.Dense(1),
        ]
    )
    return Recipe(
        model=model,
        optimizer=keras.optimizers.Adam(params["rate"]),
        loss="mean_squared_error",
        batch_size=16,
    )


def _quick(epochs: int | None) -> tuple[Fidelity, ...]:
    return () if epochs is None else (Fidelity(name="quick", epochs=epochs),)


def _definition(name: str, evaluation: Holdout | KFold, epochs: int, quick: int | None = None) -> StudyDefinition:
    return StudyDefinition(
        name=name,
        title="waves",
        data=_data,
        build=_build,
        metric="mae",
        direction="minimize",
        spaces=(Space(name="rates", params={"rate": Float(low=1e-4, high=1e-1, log=True)}),),
        evaluation=evaluation,
        fidelities=(*_quick(quick), Fidelity(name="full", epochs=epochs)),
        baselines=(Baseline(name="usual", title="the usual one", params={"rate": 1e-3}),),
        probe_rows=64,
    )


study = _definition("lasting", Holdout(rows=500), EPOCHS)
folds = _definition("lasting-folds", KFold(folds=2), EPOCHS // 2)
climbing = _definition("lasting-climbing", Holdout(rows=500), EPOCHS, quick=EPOCHS // 3)
long = replace(_definition("lasting-long", Holdout(rows=500), 20 * EPOCHS), build=_endless)  # a minute or more
