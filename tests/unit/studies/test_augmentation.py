"""Augmented images are the images, mirrored or moved; compiled for batches of any size, as the engine compiles them."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from hpo.training.keras_internals import drawing_from
from studies.cnn.augmentation import AUGMENTATIONS, SHIFT

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
def test_a_batch_is_moved_as_one_and_black_comes_in(augmented: Callable[[Any], np.ndarray]) -> None:
    seen = [places(augmented(IMAGES), PADDED) for _ in range(30)]
    assert all(len(found) == 1 for found in seen)
    assert len({found[0] for found in seen}) > 5


@pytest.mark.parametrize("augmented", ["flip-shift"], indirect=True)
def test_both_at_once_on_a_smaller_last_batch(augmented: Callable[[Any], np.ndarray]) -> None:
    out = augmented(IMAGES[:7])
    assert (out.shape, out.dtype) == ((7, 28, 28, 1), np.uint8)
    for image, of in zip(out, PADDED[:7], strict=True):
        assert places(image, of) or places(image, of[:, ::-1])
