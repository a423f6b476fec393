"""Tests that flip signs: exact for paired gains, without any assumption on their shape."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["EXACT_PAIRS", "sign_flip", "signed_rank"]

Gains = NDArray[np.float64]

EXACT_PAIRS = 40  # up to here every one of the 2^n sign patterns counts: 0.3 s at the most
_DRAWS = 99_999  # sign patterns drawn beyond that: the standard error of p = 0.05 is 0.0007
_BATCH = 2_000_000  # signs in memory at once
_ALIKE = 1e-9  # sums this near, relative to the largest possible, are the same sum written differently


def sign_flip(gains: Gains, *, seed: int = 0) -> float:
    """Two-sided p of the mean gain: the share of sign patterns whose |sum| is at least the observed one.

    If a and b are exchangeable within each pair, every pattern was as likely as the one observed (Fisher 1935, The
    Design of Experiments, section 21). All 2^n patterns are counted without listing them: sums of the one half of the
    pairs are looked up among the sorted sums of the other (Horowitz and Sahni 1974, Journal of the ACM 21). Beyond 40
    pairs patterns are drawn, and the observed one counts as drawn (Phipson and Smyth 2010), so that p is never 0.

    SciPy's permutation_test lists the patterns one by one, which ends at about 16 pairs, and tells equal sums apart by
    their last bits, which scores on a few test rows are full of.

    Args:
        gains: (pairs,) finite.
        seed: of the patterns drawn.

    """
    sizes = np.abs(gains[gains != 0])  # a pair without a gain is the same either way
    if not sizes.size:
        return 1.0
    sizes = sizes / sizes.max()
    observed = abs(float(np.sum(gains))) / float(np.abs(gains).max()) - _ALIKE * float(sizes.sum())
    if observed <= 0:
        return 1.0
    if sizes.size <= EXACT_PAIRS:
        return 2 * _share_reaching(sizes, observed)
    return _drawn(sizes, observed, np.random.default_rng(seed))


def signed_rank(gains: Gains, *, seed: int = 0) -> float | None:
    """Two-sided p of Wilcoxon's signed-rank test, which is the sign flip of ranks: exact with ties, too.

    Pairs without a gain are left out, as Wilcoxon (1945) did; None where none is left.

    Args:
        gains: (pairs,) finite.
        seed: of the patterns drawn beyond 40 pairs.

    """
    from scipy.stats import rankdata

    gains = gains[gains != 0]
    if not gains.size:
        return None
    ranks: Gains = np.sign(gains) * rankdata(np.abs(gains))
    return sign_flip(ranks, seed=seed)


def _share_reaching(sizes: Gains, least: float) -> float:
    """Of all sign patterns, the share whose sum is at least `least`."""
    half = sizes.size // 2
    left, right = _sums(sizes[:half]), _sums(sizes[half:])
    short = np.searchsorted(right, least - left)  # for each left sum: right sums too small to reach it
    return float(np.sum(right.size - short)) / 2.0**sizes.size


def _sums(sizes: Gains) -> Gains:
    """(2^n,) the sums of all sign patterns, sorted."""
    sums = np.zeros(1)
    for size in sizes:
        sums = np.concatenate([sums - size, sums + size])
    return np.sort(sums)


def _drawn(sizes: Gains, least: float, rng: np.random.Generator) -> float:
    reached, left = 1, _DRAWS
    while left:
        rows = min(left, max(1, _BATCH // sizes.size))
        heads = rng.integers(0, 2, size=(rows, sizes.size), dtype=np.int8)
        sums = 2.0 * (heads @ sizes) - sizes.sum()
        reached += int(np.count_nonzero(np.abs(sums) >= least))
        left -= rows
    return reached / (_DRAWS + 1)
