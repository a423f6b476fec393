"""Tests of a difference: exact sign flips of paired gains, whatever their shape, and tests of means of few repeats.

Means: the error of a sum of them by Welch (Satterthwaite, An approximate distribution of estimates of variance
components, Biometrics Bulletin 2, 1946), several rows against one by Dunnett.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from statistics import variance

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "EXACT_PAIRS",
    "against",
    "sign_flip",
    "signed_rank",
    "welch",
]

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


_FAR = 0.001  # p of a row's variance beside that of all others below which they have none in common


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


def against(control: Sequence[float], others: Mapping[int, Sequence[float]]) -> dict[int, float]:
    """Two-sided p-value of each row against `control`, the family-wise error held over all of them together.

    SciPy's single-step test (Dunnett, Journal of the American Statistical Association 50, 1955). One variance is taken
    for all rows: three repeats tell little of a row's own, and pooled over a table they tell enough.

    A row that is far noisier than the rest (an F test of its variance, p < 0.001) is set apart: it would lend the
    others its noise and hide what differs between them, and would itself look surer than it is. It is compared with
    Welch's t test at its share of the error, as all rows are where `control` is the noisy one. Of six equal rows of
    three repeats, one with ten times the noise, some row then comes out better in 4 % of tables rather than in 15 %
    (1,000 simulated).

    The p-values come from a seeded integration, so they are the same each time. Where no row varies at all, rows that
    differ have p = 0.

    Args:
        control: (repeats,) scores of the row compared with, two or more.
        others: row -> (repeats,) its scores, two or more.

    """
    noisy = _apart([control, *others.values()])
    alike = {row: scores for at, (row, scores) in enumerate(others.items(), start=1) if not noisy & {0, at}}
    found = _pooled(control, alike)
    if len(alike) == len(others):
        return found
    # The error is shared out over the rows, so that both tests together keep to it.
    shared = {row: min(1.0, p * len(others) / len(alike)) for row, p in found.items()}
    single = {row: min(1.0, len(others) * _welch(control, others[row])) for row in others if row not in alike}
    return {row: (shared | single)[row] for row in others}


def _pooled(control: Sequence[float], others: Mapping[int, Sequence[float]]) -> dict[int, float]:
    if not others:
        return {}
    if all(max(scores) == min(scores) for scores in (control, *others.values())):
        return {row: float(scores[0] == control[0]) for row, scores in others.items()}
    import numpy as np
    from scipy import stats

    with warnings.catch_warnings():
        # SciPy doubts the variance of a row whose repeats are all alike; that it is nearly zero is right.
        warnings.filterwarnings("ignore", message="Precision loss", category=RuntimeWarning)
        found = stats.dunnett(*(np.asarray(scores, float) for scores in others.values()), control=control, rng=0)
    return {row: min(1.0, max(0.0, float(p))) for row, p in zip(others, found.pvalue, strict=True)}


def _apart(rows: Sequence[Sequence[float]]) -> set[int]:
    """Indices of the rows far noisier than those that are left without them."""
    from scipy.special import fdtrc

    left = {row: (variance(scores), len(scores) - 1) for row, scores in enumerate(rows)}
    noisy: set[int] = set()
    while len(left) > 2:  # of two, nobody knows which is the odd one
        worst = max(left, key=lambda row: left[row][0])
        its, freedom = left.pop(worst)
        spare = sum(given for _, given in left.values())
        pooled = sum(one * given for one, given in left.values()) / spare
        if not pooled or fdtrc(freedom, spare, its / pooled) >= _FAR:
            break
        noisy.add(worst)
    return noisy


def _welch(one: Sequence[float], other: Sequence[float]) -> float:
    from scipy import stats

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Precision loss", category=RuntimeWarning)
        return float(stats.ttest_ind(one, other, equal_var=False).pvalue)
