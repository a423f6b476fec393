"""The network of the report, and what `wide` adds to it. Keras is imported when one is built."""

from typing import TYPE_CHECKING, Any

from hpo.study import Params
from hpo.training import AUGMENTATIONS, ExponentialDecay, Recipe, Schedule, coupled
from studies.cnn.params import IMAGE_SIZE, POOL_SIZE, SCHEDULES, CnnParams

if TYPE_CHECKING:
    import keras

__all__ = ["build"]

CLASSES = 10


def build(params: Params) -> Recipe:
    """One configuration of either space, ready to be trained on uint8 images (rows, 28, 28, 1) and one-hot targets."""
    wanted = CnnParams(**params)
    return Recipe(
        model=_model(wanted),
        optimizer=_optimizer(wanted),
        loss=_loss(wanted),
        batch_size=wanted.batch_size,
        schedule=_schedule(wanted),
        augment=AUGMENTATIONS[wanted.augmentation],
        average=wanted.average,
    )


def _model(wanted: CnnParams) -> "keras.Model":
    import keras

    from hpo.training import Dropout

    dropout = [wanted.dropout] if wanted.dropout else []
    return keras.Sequential(
        [
            keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), dtype="uint8"),
            keras.layers.Rescaling(1 / 255),
            *(layer for filters in _filters(wanted) for layer in _block(filters, wanted)),
            keras.layers.Flatten(),
            *(Dropout(rate) for rate in dropout),
            keras.layers.Dense(wanted.hidden_units, activation="relu"),
            *(Dropout(rate) for rate in dropout),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def _filters(wanted: CnnParams) -> list[int]:
    """Filters of each block; where a block has no number of its own, that of the block before."""
    filters = [wanted.filters]
    for own in (wanted.filters_2, wanted.filters_3):
        filters.append(filters[-1] if own is None else own)
    return filters[: wanted.conv_layers]


def _block(filters: int, wanted: CnnParams) -> list[Any]:
    """Convolutions, each with ReLU, and 2x2 max pooling.

    The last ReLU stands behind the pooling: the two commute (the largest of the rectified values is the rectified
    largest value, and so are the gradients), and there it has a quarter of the values to go over.
    """
    import keras

    layers: list[Any] = []
    for _ in range(wanted.convolutions):
        layers += [keras.layers.ReLU()] if layers else []
        layers.append(
            keras.layers.Conv2D(filters, wanted.kernel_size, padding=wanted.padding, use_bias=not wanted.batch_norm)
        )
        layers += [keras.layers.BatchNormalization()] if wanted.batch_norm else []
    return [*layers, keras.layers.MaxPooling2D(POOL_SIZE), keras.layers.ReLU()]


def _optimizer(wanted: CnnParams) -> "keras.optimizers.Optimizer":
    import keras

    sgd = wanted.optimizer == "sgd"
    rate = wanted.sgd_rate if sgd else wanted.adaptive_rate
    if rate is None:
        config: dict[str, object] = {"learning_rate": wanted.learning_rate}
    else:
        momentum = (wanted.momentum or 0.0) if sgd else None
        config = {**coupled(rate, wanted.decay, batch_size=wanted.batch_size, momentum=momentum)}
    if wanted.momentum is not None:
        config |= {"momentum": wanted.momentum, "nesterov": wanted.nesterov}
    return keras.optimizers.get({"class_name": wanted.optimizer, "config": config})


def _schedule(wanted: CnnParams) -> Schedule:
    if wanted.decay_steps is not None and wanted.decay_rate is not None:
        return ExponentialDecay(decay_steps=wanted.decay_steps, decay_rate=wanted.decay_rate)
    return SCHEDULES[wanted.schedule]


def _loss(wanted: CnnParams) -> "keras.losses.Loss | str":
    import keras

    if wanted.label_smoothing:
        return keras.losses.CategoricalCrossentropy(label_smoothing=wanted.label_smoothing)
    return wanted.loss
