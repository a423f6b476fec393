"""Dunnett's test of several rows against one, for repeats as few and as even as trainings give."""

import warnings
from collections.abc import Mapping, Sequence

__all__ = ["against"]


def against(control: Sequence[float], others: Mapping[int, Sequence[float]]) -> dict[int, float]:
    """Two-sided p-value of each row against `control`, the family-wise error held over all of them together.

    SciPy's single-step test (Dunnett, Journal of the American Statistical Association 50, 1955). One variance is taken
    for all rows: three repeats tell little of a row's own, and pooled over a table they tell enough, at the price that
    a row far noisier than the rest looks surer than it is and lends the others its noise. The p-values come from a
    seeded integration, so they are the same each time. Where no row varies at all, rows that differ have p = 0.

    Args:
        control: (repeats,) scores of the row compared with, two or more.
        others: row -> (repeats,) its scores, one or more.

    """
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
