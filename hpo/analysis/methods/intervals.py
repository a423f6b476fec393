"""Intervals of a mean and of a share, and an exact test of two shares."""

import math

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Interval",
    "bca",
    "clopper_pearson",
    "critical_t",
    "more_often",
    "skewness_corrected",
    "standard_error",
    "student",
    "tail_t",
    "upper_bound",
    "wilson",
]

Interval = tuple[float, float]  # low, high

_RESAMPLES = 9_999  # of the bootstrap


def standard_error(sd: float, pairs: int, test_share: float | None = None) -> float:
    """Of a mean difference over `pairs`: sqrt(sd² (1/pairs + test_share)).

    Splits drawn from the same rows overlap, so differences over them are correlated and the usual sd²/n is too small.
    `test_share` = test rows / train rows stands for that correlation (Nadeau and Bengio 2003, Inference for the
    Generalization Error, Machine Learning 52). None: pairs are independent given the test rows.
    """
    return sd * math.sqrt(1 / pairs + (test_share or 0.0))


def critical_t(tail: float, freedom: float) -> float:
    """What Student's t with `freedom` degrees exceeds with probability `tail`."""
    from scipy.special import stdtrit  # scipy.stats has it, too, and takes 30 times as long

    return -float(stdtrit(freedom, tail))


def tail_t(statistic: float, freedom: float) -> float:
    """Probability that Student's t with `freedom` degrees exceeds the statistic."""
    from scipy.special import stdtr

    return float(stdtr(freedom, -statistic))


def student(mean: float, error: float, pairs: int, level: float = 0.95) -> Interval:
    """Student's t interval of a mean with standard error `error` over at least two pairs."""
    reach = critical_t((1 - level) / 2, pairs - 1) * error
    return mean - reach, mean + reach


def bca(values: NDArray[np.float64], *, level: float = 0.95, seed: int = 0) -> Interval:
    """Bias-corrected and accelerated bootstrap interval of the mean (Efron 1987, JASA 82).

    Over 600 simulations it covered 84, 88 and 93 % at 5, 10 and 29 normal values where 95 are meant: for many values.

    Args:
        values: (pairs,) finite, not all the same.
        level: of the interval.
        seed: of the resamples.

    """
    from scipy.stats import bootstrap

    found = bootstrap(
        (values,),
        np.mean,
        n_resamples=_RESAMPLES,
        confidence_level=level,
        method="BCa",
        vectorized=True,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


def wilson(share: float, trials: int, level: float = 0.95) -> Interval:
    """Wilson's interval of a share (1927, JASA 22). The share may count ties half, which SciPy's binomtest cannot."""
    from scipy.special import ndtri

    z2 = float(ndtri((1 - level) / 2)) ** 2
    centre = share + z2 / (2 * trials)
    reach = math.sqrt(z2 * (share * (1 - share) / trials + z2 / (4 * trials * trials)))
    scale = 1 + z2 / trials
    return max(0.0, (centre - reach) / scale), min(1.0, (centre + reach) / scale)


def skewness_corrected(values: NDArray[np.float64]) -> float:
    """The t statistic of the mean with the skewness of the values taken out by a cubic (Hall 1992, JRSS B 54).

    With t for Student's statistic, n values and skewness g: t + g t²/(3 √n) + g² t³/(27 n) + g/(6 √n).

    Args:
        values: (pairs,) at least two, finite, not all the same.

    """
    n = values.size
    centred = values - values.mean()
    spread = float(np.sqrt(np.mean(centred**2)))
    g = float(np.mean((centred / spread) ** 3)) / math.sqrt(n)
    t = float(values.mean()) * math.sqrt(n - 1) / spread
    return t + g * t**2 / 3 + g**2 * t**3 / 27 + g / 6


def upper_bound(seen: int, among: int, level: float = 0.95) -> float:
    """The exact one-sided upper bound of a share (Clopper and Pearson 1934, Biometrika 26).

    Where nothing was seen it is 1 - (1 - level)^(1/among), at 0.95 about 3/among: the rule of three.
    """
    from scipy.special import betaincinv

    return 1.0 if seen == among else float(betaincinv(seen + 1, among - seen, level))


def clopper_pearson(seen: int, among: int, level: float = 0.95) -> Interval:
    """The exact two-sided interval of a share: each side a bound at half of what is left of the level."""
    one_sided = (1 + level) / 2
    return 1 - upper_bound(among - seen, among, one_sided), upper_bound(seen, among, one_sided)


def more_often(seen_a: int, among_a: int, seen_b: int, among_b: int) -> float:
    """One-sided p of Fisher's exact test that a shows it no more often than b."""
    from scipy.stats import fisher_exact

    table = [[seen_a, among_a - seen_a], [seen_b, among_b - seen_b]]
    return float(fisher_exact(table, alternative="greater").pvalue)
