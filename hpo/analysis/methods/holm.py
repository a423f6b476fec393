"""Holm's correction for testing several hypotheses at once."""

from collections.abc import Sequence

from hpo.errors import UsageError
from hpo.study.looks import Share
from hpo.study.records import arguments

__all__ = ["holm"]


@arguments(UsageError)
def holm(p_values: Sequence[Share]) -> tuple[float, ...]:
    """Adjusted p-values in the given order; those below alpha are rejected with family-wise error at most alpha.

    Holm's step-down method (Scandinavian Journal of Statistics 6, 1979): the smallest of m is multiplied by m, the next
    by m - 1, and so on; none is adjusted below the one before it, and none above 1.

    Args:
        p_values: of the hypotheses, in any order.

    Raises:
        UsageError: something in `p_values` is no probability.

    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for step, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - step) * p_values[index]))
        adjusted[index] = largest
    return tuple(adjusted)
