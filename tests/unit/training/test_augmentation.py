"""Augmented images are the images, mirrored or moved; compiled for batches of any size, as the engine compiles them."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from hpo.data import Rows
from hpo.training import Recipe, Run
from hpo.training.augmentation import AUGMENTATIONS, SHIFT, _coin, by_row
from hpo.training.keras_internals import drawing_from

IMAGES = np.random.default_rng(0).integers(1, 256, (40, 28, 28, 1)).astype(np.uint8)
PADDED = np.pad(IMAGES, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)))
STEPS = range(2 * SHIFT + 1)


@pytest.fixture
def augmented(request: pytest.FixtureRequest) -> Iterator[Callable[[Any], np.ndarray]]:
    """The augmentation of that name, compiled."""
    compiled = tf.function(AUGMENTATIONS[request.param], input_signature=[tf.TensorSpec((None, 28, 28, 1), tf.uint8)])
    with drawing_from(keras.random.SeedGenerator(1)):
        yield lambda images: compiled(tf.constant(images)).numpy()


def places(out: np.ndarray, of: np.ndarray) -> list[tuple[int, int]]:
    """Where in the padded images `of` the images `out` were cut."""
    return [(y, x) for y in STEPS for x in STEPS if (out == of[..., y : y + 28, x : x + 28, :]).all()]


@pytest.mark.parametrize("augmented", ["flip"], indirect=True)
def test_each_image_is_itself_or_mirrored(augmented: Callable[[Any], np.ndarray]) -> None:
    out = augmented(IMAGES)
    same = (out == IMAGES).all(axis=(1, 2, 3))
    mirrored = (out == IMAGES[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (same | mirrored).all()
    assert 5 < same.sum() < 35  # of 40 fair coins


@pytest.mark.parametrize("augmented", ["shift"], indirect=True)
def test_a_batch_is_shifted_as_a_whole_and_padded_with_black(augmented: Callable[[Any], np.ndarray]) -> None:
    seen = [places(augmented(IMAGES), PADDED) for _ in range(30)]
    assert all(len(found) == 1 for found in seen)
    assert len({found[0] for found in seen}) > 5


@pytest.mark.parametrize("augmented", ["flip-shift"], indirect=True)
def test_flip_and_shift_work_together_on_a_smaller_last_batch(augmented: Callable[[Any], np.ndarray]) -> None:
    out = augmented(IMAGES[:7])
    assert (out.shape, out.dtype) == ((7, 28, 28, 1), np.uint8)
    for image, of in zip(out, PADDED[:7], strict=True):
        assert places(image, of) or places(image, of[:, ::-1])


def alternated(rows: list[int], epoch: int) -> np.ndarray:
    """Which of the images with these numbers are mirrored in an epoch."""
    compiled = tf.function(AUGMENTATIONS["alternating-flip"])
    out = compiled(tf.constant(IMAGES[rows]), tf.constant(rows), tf.constant(epoch)).numpy()
    same, mirrored = ((out == of).all(axis=(1, 2, 3)) for of in (IMAGES[rows], IMAGES[rows][:, :, ::-1]))
    assert (same ^ mirrored).all()
    return mirrored


def test_an_alternating_flip_mirrors_each_image_in_one_of_every_two_epochs() -> None:
    rows = list(range(40))
    for epoch in (1, 2, 7):
        now, then = alternated(rows, epoch), alternated(rows, epoch + 1)
        assert (now ^ then).all()
        np.testing.assert_array_equal(now, alternated(rows, epoch + 2))
    assert 8 < alternated(rows, 1).sum() < 32


def test_an_alternating_flip_follows_the_row_and_not_its_place_in_the_batch() -> None:
    some = [31, 4, 17]
    np.testing.assert_array_equal(alternated(some, 3), alternated(list(range(40)), 3)[some])


def test_about_half_of_many_rows_are_mirrored_first_in_runs_of_both() -> None:
    coins = keras.ops.convert_to_numpy(_coin(tf.range(60_000)))
    assert coins.mean() == pytest.approx(0.5, abs=0.01)
    assert np.corrcoef(coins[:-1], coins[1:])[0, 1] == pytest.approx(0, abs=0.02)


def test_a_run_gives_the_augmentation_the_numbers_of_its_rows_and_the_epoch() -> None:
    """Each input is replaced by row number and epoch, which the output sums up: the loss tells them."""

    def told(x: Any, rows: Any, epoch: Any) -> Any:
        return tf.cast(tf.reshape(rows + 1_000 * epoch, tf.shape(x)), x.dtype)

    data = Rows(x=np.zeros((10, 1), dtype=np.float32), y=np.zeros(10, dtype=np.float32))
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="ones")])
    recipe = Recipe(model=model, optimizer=keras.optimizers.SGD(0.0), loss="mae", batch_size=4, augment=told)
    run = Run(recipe, data, epochs=2, metric="mae", seed=1)
    assert [run.epoch().loss for _ in range(2)] == pytest.approx([4.5 + 1_000, 4.5 + 2_000])


@pytest.mark.parametrize(
    "augment",
    [lambda x: -x, lambda x, strength=1.0: -strength * x, keras.layers.Rescaling(-1.0), np.negative],
    ids=["function", "with a default", "layer", "without a signature"],
)
def test_an_augmentation_of_the_batch_alone_is_given_nothing_else(augment: Callable[..., Any]) -> None:
    assert np.asarray(by_row(augment)(np.ones(2, dtype=np.float32), "rows", "epoch")).tolist() == [-1, -1]
