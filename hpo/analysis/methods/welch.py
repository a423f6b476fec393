"""The standard error of a weighted sum of means whose noise differs, by Welch and Satterthwaite.

Source: Satterthwaite, An approximate distribution of estimates of variance components, Biometrics Bulletin 2, 1946.
"""

import math
from collections.abc import Sequence
from statistics import variance

__all__ = ["welch"]


def welch(sides: Sequence[tuple[float, Sequence[float]]]) -> tuple[float, float]:
    """Standard error of a weighted sum of means, and its degrees of freedom.

    Args:
        sides: a weight and the repeats, two or more, of each mean.

    """
    parts = [
        (weight**2 * variance(given) / len(given) if max(given) > min(given) else 0.0, len(given) - 1)
        for weight, given in sides
    ]
    total = math.fsum(part for part, _ in parts)
    if not total:
        return 0.0, 1.0
    return math.sqrt(total), total**2 / math.fsum(part**2 / freedom for part, freedom in parts)
