"""Light augmentation of a batch of images, of the kind that leaves a garment what it is."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

__all__ = ["AUGMENTATIONS", "flip", "flip_shift", "shift"]

SHIFT = 2  # pixels an image is moved by at most, in each direction


def flip(images: Any) -> Any:
    """Each image of the batch (rows, height, width, channels) mirrored left to right, or not, by a fair coin."""
    from keras import ops, random

    coin = random.uniform((ops.shape(images)[0], 1, 1, 1)) < 0.5
    return ops.where(coin, ops.flip(images, axis=2), images)


def shift(images: Any) -> Any:
    """The batch moved by up to two pixels each way; what comes in at the edge is black.

    One draw for the whole batch: a slice of the padded images instead of a gather for each of them.
    """
    from keras import ops, random

    rows, (_, height, width, channels) = ops.shape(images)[0], images.shape  # how many rows, only the run knows
    padded = ops.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)))
    corner = random.randint((2,), 0, 2 * SHIFT + 1, dtype="int32")
    return ops.slice(padded, (0, corner[0], corner[1], 0), (rows, height, width, channels))


def flip_shift(images: Any) -> Any:
    """`flip`, then `shift`."""
    return shift(flip(images))


AUGMENTATIONS: Mapping[str, Callable[[Any], Any] | None] = MappingProxyType(
    {"none": None, "flip": flip, "shift": shift, "flip-shift": flip_shift}
)
