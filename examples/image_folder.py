"""A folder of pictures, read by tf.data as they are trained on; the folder is written here, and would be yours."""

import functools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from hpo.data import Streams
from hpo.study import Baseline, Fidelity, Float, Int, Params, Space, StudyDefinition, ValidationData
from hpo.training import Recipe

SIZE = 16  # pixels, each way
PICTURES = {"train": 60, "validation": 30, "test": 30}  # of each class


@functools.cache
def folder() -> Path:
    """train, validation and test, each with a folder a class: discs and squares, somewhere, in noise."""
    from PIL import Image

    random = np.random.default_rng(0)
    root = Path(tempfile.mkdtemp(prefix="shapes-"))
    down, right = np.mgrid[:SIZE, :SIZE]
    for part, number in PICTURES.items():
        for name in ("disc", "square"):
            (root / part / name).mkdir(parents=True)
            for place in range(number):
                middle, radius = random.integers(5, SIZE - 5, 2), random.integers(3, 5)
                away = np.abs(down - middle[0]), np.abs(right - middle[1])
                inside = np.hypot(*away) <= radius if name == "disc" else np.maximum(*away) <= radius
                grey = random.normal(60, 25, (SIZE, SIZE)) + 130 * inside
                Image.fromarray(grey.clip(0, 255).astype(np.uint8)).save(root / part / name / f"{place}.png")
    return root


def pictures(part: str, seed: int | None = None) -> Any:
    """Batches of pictures and class numbers; shuffled by the seed, if there is one."""
    import keras

    return keras.utils.image_dataset_from_directory(
        folder() / part,
        color_mode="grayscale",
        image_size=(SIZE, SIZE),
        batch_size=20,
        shuffle=seed is not None,
        seed=seed,
        verbose=False,
    )


def data() -> Streams:
    """Each stream is made anew for each training."""
    return Streams(
        name="shapes",
        train=lambda seed: pictures("train", seed),
        validation=lambda: pictures("validation"),
        test=lambda: pictures("test"),
        label_names=("disc", "square"),
    )


def build(params: Params) -> Recipe:
    """A small convolutional network."""
    import keras

    return Recipe(
        model=keras.Sequential(
            [
                keras.Input((SIZE, SIZE, 1)),
                keras.layers.Rescaling(1 / 255),
                keras.layers.Conv2D(params["filters"], 3, activation="relu"),
                keras.layers.MaxPooling2D(),
                keras.layers.Conv2D(params["filters"], 3, activation="relu"),
                keras.layers.Flatten(),
                keras.layers.Dense(2, activation="softmax"),
            ]
        ),
        optimizer=keras.optimizers.Adam(params["rate"]),
        loss="sparse_categorical_crossentropy",
    )


study = StudyDefinition(
    name="shapes",
    title="Discs and squares, from a folder of pictures",
    data=data,
    build=build,
    metric="accuracy",
    direction="maximize",
    spaces=(
        Space(
            name="small",
            params={"filters": Int(low=4, high=16, log=True), "rate": Float(low=1e-3, high=1e-1, log=True)},
        ),
    ),
    evaluation=ValidationData(),
    fidelities=(Fidelity(name="quick", epochs=2, steps=4), Fidelity(name="full", epochs=12)),
    baselines=(Baseline(name="by-hand", title="A first guess", params={"filters": 8, "rate": 1e-2}),),
)
