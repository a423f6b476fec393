"""Light augmentation of a batch of images, of the kind that leaves what they show as it is."""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

__all__ = ["AUGMENTATIONS", "alternating_flip", "by_row", "flip", "shift"]

SHIFT = 2  # pixels an image is moved by at most, in each direction


def flip(images: Any) -> Any:
    """Each image of the batch (rows, height, width, channels) mirrored left to right, or not, by a fair coin."""
    from keras import ops, random

    coin = random.uniform((ops.shape(images)[0], 1, 1, 1)) < 0.5
    return ops.where(coin, ops.flip(images, axis=2), images)


def alternating_flip(images: Any, rows: Any, epoch: Any) -> Any:
    """Each image mirrored left to right in one of every two epochs, half of them in the odd ones.

    So two epochs show every image both ways, where by a coin they show a quarter of them one way alone. Source: Jordan,
    "94% on CIFAR-10 in 3.29 seconds on a single GPU", arXiv 2404.00498, section 3.6.

    Args:
        images: (rows, height, width, channels).
        rows: the numbers of these among the training rows, int32, shape (rows,).
        epoch: from 1, an int32 scalar.

    """
    from keras import ops

    mirrored = (_coin(rows) + epoch) % 2 == 1
    return ops.where(ops.reshape(mirrored, (-1, 1, 1, 1)), ops.flip(images, axis=2), images)


def shift(images: Any) -> Any:
    """The batch moved by up to two pixels each way; what comes in at the edge is black.

    One draw for the whole batch: a slice of the padded images instead of a gather for each of them.
    """
    from keras import ops, random

    rows, (_, height, width, channels) = ops.shape(images)[0], images.shape  # how many rows, only the run knows
    padded = ops.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)))
    corner = random.randint((2,), 0, 2 * SHIFT + 1, dtype="int32")
    return ops.slice(padded, (0, corner[0], corner[1], 0), (rows, height, width, channels))


def _flip_shift(images: Any) -> Any:
    return shift(flip(images))


def _alternating_flip_shift(images: Any, rows: Any, epoch: Any) -> Any:
    return shift(alternating_flip(images, rows, epoch))


AUGMENTATIONS: Mapping[str, Callable[..., Any] | None] = MappingProxyType(
    {
        "none": None,
        "flip": flip,
        "alternating-flip": alternating_flip,
        "shift": shift,
        "flip-shift": _flip_shift,
        "alternating-flip-shift": _alternating_flip_shift,
    }
)
"""Name of each augmentation -> what `Recipe.augment` takes: of images (rows, height, width, channels)."""


def by_row(augment: Callable[..., Any]) -> Callable[[Any, Any, Any], Any]:
    """`augment` as a function of a batch, the numbers of its rows and the epoch, where it takes the batch alone too."""
    try:
        parameters = [*inspect.signature(augment).parameters.values()]
    except ValueError:  # it tells nothing of itself
        parameters = []
    named = [one for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD and one.default is one.empty]
    return augment if len(named) == 3 else lambda x, rows, epoch: augment(x)  # noqa: ARG005 - one signature


def _coin(rows: Any) -> Any:
    """0 or 1 for each row number, as if by a fair coin: the top bit of its product with a large odd number."""
    from keras import ops

    mixed = ops.cast(rows, "uint32") * ops.convert_to_tensor(2_654_435_769, dtype="uint32")
    mixed = ops.bitwise_xor(mixed, ops.right_shift(mixed, ops.convert_to_tensor(15, dtype="uint32")))
    mixed = mixed * ops.convert_to_tensor(2_246_822_519, dtype="uint32")
    return ops.cast(ops.right_shift(mixed, ops.convert_to_tensor(31, dtype="uint32")), "int32")
