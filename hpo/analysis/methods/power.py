"""How likely a difference is to be found, and how many more pairs would find it."""

import math
from collections.abc import Callable

from hpo.analysis.methods.intervals import critical_t, standard_error
from hpo.analysis.methods.multiple_testing import DECIDING_PAIRS, deciding_pairs

__all__ = ["HOPELESS", "POWER", "more_pairs", "power", "power_equivalence"]

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
