"""Pictures of rows, as a page can hold them."""

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SCALE", "is_picture", "uri"]

SCALE = 6
"""Screen pixels a side for each pixel of the data, so that 28 x 28 are seen and stay sharp in print."""


def is_picture(row: NDArray[Any]) -> bool:
    """Whether one row is a picture: (height, width), or that with 1 or 3 channels, at least 8 x 8."""
    channels = row.shape[2] if row.ndim == 3 else 1
    return row.ndim in (2, 3) and channels in (1, 3) and min(row.shape[:2]) >= 8


def uri(row: NDArray[Any]) -> str:
    """A picture as a data URI of a PNG, every pixel a square: nothing is smoothed.

    Args:
        row: as `is_picture` wants it; bytes as they are, other numbers from their smallest (black) to their largest.

    """
    from PIL import Image

    pixels = np.asarray(row)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.dtype != np.uint8:
        low, high = float(np.nanmin(pixels)), float(np.nanmax(pixels))
        pixels = np.nan_to_num((pixels - low) / ((high - low) or 1.0) * 255).astype(np.uint8)
    pixels = pixels.repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
