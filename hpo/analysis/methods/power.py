"""How likely a difference is to be found: power, how many more pairs would do, and what testing more than once costs.

Holm's correction, and how much of the allowed error each interim analysis may spend.
"""

import math
from collections.abc import Callable, Sequence
from typing import Annotated

from hpo.analysis.methods.intervals import critical_t, standard_error
from hpo.errors import UsageError
from hpo.study.checked_records import Above, Below, Most, Share, Whole, arguments

__all__ = [
    "DECIDING_PAIRS",
    "HOPELESS",
    "POWER",
    "deciding_pairs",
    "holm",
    "interim_alpha",
    "more_pairs",
    "next_alpha",
    "power",
    "power_equivalence",
]

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


POWER = 0.8  # chance of a decision that is enough to say "would decide"
HOPELESS = 10_000  # more pairs than anybody trains
_CERTAIN = 1e4  # noncentrality beyond which a difference is found for sure


def power(effect: float, pairs: int, *, alpha: float = 0.05, test_share: float | None = None) -> float:
    """Chance that the two-sided t test finds a true difference, on its side.

    By the noncentral t distribution (Cohen 1988, Statistical Power Analysis for the Behavioral Sciences).

    Args:
        effect: true mean difference in standard deviations of the differences.
        pairs: at least two.
        alpha: two-sided level.
        test_share: test rows / train rows where rows are drawn anew for each pair.

    """
    shift = abs(effect) / standard_error(1.0, pairs, test_share)
    return 1.0 - _missed(shift, critical_t(alpha / 2, pairs - 1), pairs - 1)


def power_equivalence(
    effect: float, margin: float, pairs: int, *, alpha: float = 0.05, test_share: float | None = None
) -> float:
    """Chance that both one-sided tests find the difference inside the margin (Phillips 1990, approximate).

    Args:
        effect: true mean difference in standard deviations of the differences.
        margin: in the same unit.
        pairs: at least two.
        alpha: level of each test.
        test_share: as for `power`.

    """
    error = standard_error(1.0, pairs, test_share)
    critical = critical_t(alpha, pairs - 1)
    # The nearer side decides; the other costs something only where the margin is about as wide as the noise.
    near, far = (margin - abs(effect)) / error, (margin + abs(effect)) / error
    if near <= 0:
        return 0.0
    return max(0.0, 1.0 - _missed(near, critical, pairs - 1) - _missed(far, critical, pairs - 1))


def more_pairs(
    difference: float,
    sd: float,
    pairs: int,
    *,
    alpha: float,
    margin: float,
    test_share: float | None = None,
) -> int | None:
    """About how many pairs more would decide with a chance of 0.8, were the truth what was observed.

    Args:
        difference: observed mean.
        sd: observed, of the differences.
        pairs: so far, at least two.
        alpha: level of the next interim analysis.
        margin: a difference too small to matter, in the unit of the difference.
        test_share: as for `power`.

    Returns:
        At least 1; None where 10,000 more would not do.

    """
    least = deciding_pairs(alpha)
    if sd == 0:  # either kind of decision waits for its least number of pairs alone
        needed = least if difference else DECIDING_PAIRS
        return max(1, needed - pairs) if difference or margin else None
    effect, inside = difference / sd, margin / sd

    def decides(total: int) -> bool:
        if total >= least and power(effect, total, alpha=alpha, test_share=test_share) >= POWER:
            return True
        return power_equivalence(effect, inside, total, alpha=alpha, test_share=test_share) >= POWER

    total = _first(decides, max(pairs + 1, DECIDING_PAIRS), pairs + HOPELESS)
    return None if total is None else total - pairs


def _missed(shift: float, critical: float, freedom: int) -> float:
    """Chance that a noncentral t variable stays below the critical value."""
    from scipy.special import nctdtr

    missed = float(nctdtr(freedom, min(shift, _CERTAIN), critical))
    return 0.0 if math.isnan(missed) else missed  # its series breaks down far out, where the chance is next to nothing


def _first(decides: Callable[[int], bool], low: int, high: int) -> int | None:
    """The first number from low to high that decides; once one does, all that follow do."""
    if not decides(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle) else (middle + 1, high)
    return high
