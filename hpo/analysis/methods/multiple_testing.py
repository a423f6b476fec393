"""Testing more than once: Holm's correction, and how much of the allowed error each interim analysis may spend."""

import math
from collections.abc import Sequence
from typing import Annotated

from hpo.errors import UsageError
from hpo.study.checked_records import Above, Below, Most, Share, Whole, arguments

__all__ = ["DECIDING_PAIRS", "deciding_pairs", "holm", "interim_alpha", "next_alpha"]

DECIDING_PAIRS = 6  # the first number of pairs whose smallest two-sided sign-flip p, 2/2^n, is below 0.05
_LATEST = 100  # interim analysis; long before it nothing is left to spend
_SPENT = 0.75  # of what is left, by each interim analysis


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


@arguments(UsageError)
def interim_alpha(number: Annotated[Whole, Most(_LATEST)], total: Annotated[float, Above(0), Below(1)] = 0.05) -> float:
    """Level of an interim analysis: each spends three quarters of what those before it left.

    With a total of 0.05: 0.0375, 0.009375, 0.00234, … However many there are, their sum is below the total: by the
    union bound the chance of a false decision in any of them is below it, whatever the dependence between them. The
    first gets enough for six pairs all won (p = 0.03125) to decide.

    Args:
        number: of the interim analysis, from 1.
        total: chance of a false decision over all of them, between 0 and 1.

    Raises:
        UsageError: a number or a total out of range.

    """
    return total * _SPENT * (1 - _SPENT) ** (number - 1)


def next_alpha(alpha: float) -> float:
    """Level of the interim analysis after the one at `alpha`."""
    return alpha * (1 - _SPENT)


def deciding_pairs(alpha: float) -> int:
    """The first number of pairs that can come out better or worse at `alpha`: 2/2^n below it, and at least six."""
    pairs = DECIDING_PAIRS
    while math.ldexp(2, -pairs) >= alpha:
        pairs += 1
    return pairs
