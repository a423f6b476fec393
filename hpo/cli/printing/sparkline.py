"""A curve in one line of text."""

import math
from collections.abc import Sequence

__all__ = ["sparkline"]

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 60  # characters at most


def sparkline(values: Sequence[float]) -> str:
    """`values` as bars from their least to their greatest; a value that is not finite is a cross."""
    if len(values) > _WIDTH:  # every so-manieth, the last one always shown
        values = [values[round(i * (len(values) - 1) / (_WIDTH - 1))] for i in range(_WIDTH)]
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    span = high - low or 1.0
    top = len(_BARS) - 1
    return "".join(_BARS[round((v - low) / span * top)] if math.isfinite(v) else "×" for v in values)
