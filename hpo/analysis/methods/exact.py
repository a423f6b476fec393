"""How often something happens, from how often it was seen: exact bounds, and an exact test of two such counts."""

from hpo.analysis.methods.intervals import Interval

__all__ = ["clopper_pearson", "more_often", "upper_bound"]


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
