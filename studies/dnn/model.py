"""The network of a configuration, and how it is trained. Keras is imported when one is built."""

from typing import TYPE_CHECKING, Any

from hpo.study import Params
from hpo.training import AUGMENTATIONS, Clip, EarlyStopping, Penalty, Recipe, activation, hidden, initializer
from studies.dnn.optimizers import optimizer
from studies.dnn.params import DnnParams
from studies.dnn.schedules import schedule

if TYPE_CHECKING:
    import keras

__all__ = ["build"]

CLASSES = 10
IMAGE = (28, 28, 1)  # uint8
WATCHED = 0.1  # of the training rows: what early stopping and performance scheduling watch where nothing is held out


def build(params: Params) -> Recipe:
    """One configuration of either space, ready to be trained on uint8 images (rows, 28, 28, 1) and one-hot targets."""
    wanted = DnnParams(**params)
    watches = wanted.early_stopping or wanted.schedule == "performance"
    return Recipe(
        model=_model(wanted),
        optimizer=optimizer(wanted),
        loss=_loss(wanted),
        batch_size=wanted.batch_size,
        schedule=schedule(wanted),
        augment=AUGMENTATIONS[wanted.augmentation],
        average=wanted.average,
        clip=None if wanted.clipping == "none" else Clip(by=wanted.clipping, threshold=wanted.clip_threshold),
        penalty=_penalty(wanted),
        max_norm=wanted.max_norm if wanted.constraint == "max_norm" else None,
        stopping=EarlyStopping(patience=wanted.patience) if wanted.early_stopping else None,
        watch=WATCHED if watches else 0.0,
    )


def _model(wanted: DnnParams) -> "keras.Model":
    import keras

    layers = [keras.Input(IMAGE, dtype="uint8"), *_inputs(wanted), *_dropped(wanted, wanted.input_dropout)]
    for number in range(wanted.hidden_layers):
        layers += _hidden(wanted, wanted.hidden_units if number else wanted.first_units)
    return keras.Sequential([*layers, keras.layers.Dense(CLASSES, activation="softmax")])


def _inputs(wanted: DnnParams) -> list[Any]:
    """From the image to the inputs of the first hidden layer."""
    import keras

    if wanted.self_normalizing or wanted.inputs == "standardized":
        # One mean and one variance for all pixels, adapted on the training rows: a pixel of the border that is 0 in all
        # but a few images would be divided by next to nothing.
        return [keras.layers.Normalization(axis=None), keras.layers.Flatten()]
    normalized = [keras.layers.BatchNormalization()] if wanted.inputs == "batch_norm" else []
    return [keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), *normalized]


def _hidden(wanted: DnnParams, units: int) -> list[Any]:
    """One hidden layer: kernel, activation, batch normalization, dropout."""
    begins = f"lecun_{wanted.lecun}" if wanted.self_normalizing else wanted.initializer
    layers = hidden(
        units,
        activation(wanted.activation, slope=wanted.slope, alpha=wanted.alpha),
        initializer=initializer(begins),
        normalization="none" if wanted.self_normalizing else wanted.batch_norm,
    )
    return [*layers, *_dropped(wanted, wanted.dropout)]


def _dropped(wanted: DnnParams, rate: float) -> list[Any]:
    """Dropout at that rate; in a self-normalizing network the kind that leaves mean and variance alone."""
    from hpo.training import AlphaDropout, Dropout

    if not rate:
        return []
    return [AlphaDropout(rate) if wanted.self_normalizing else Dropout(rate)]


def _loss(wanted: DnnParams) -> "keras.losses.Loss | str":
    import keras

    if wanted.label_smoothing:
        return keras.losses.CategoricalCrossentropy(label_smoothing=wanted.label_smoothing)
    return "categorical_crossentropy"


def _penalty(wanted: DnnParams) -> Penalty | None:
    if wanted.penalty == "none":
        return None
    kinds = wanted.penalty.split("_")
    return Penalty(l1=wanted.l1 if "l1" in kinds else 0.0, l2=wanted.l2 if "l2" in kinds else 0.0)
