"""Holm's correction for testing several hypotheses at once."""

from collections.abc import Sequence

__all__ = ["holm"]


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values in the given order; those below alpha are rejected with family-wise error at most alpha.

    Holm's step-down method (Scandinavian Journal of Statistics 6, 1979): the smallest of m is multiplied by m, the next
    by m - 1, and so on; none is adjusted below the one before it, and none above 1.

    Raises:
        ValueError: something in `p_values` is no probability.

    """
    wrong = [p for p in p_values if not 0 <= p <= 1]
    if wrong:
        raise ValueError(f"a p-value lies between 0 and 1, unlike {wrong[0]!r}")
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for step, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - step) * p_values[index]))
        adjusted[index] = largest
    return tuple(adjusted)
