"""Whether predicted probabilities and deviations deserve belief: pure functions of arrays."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hpo.errors import UsageError

__all__ = ["calibration_error", "gaussian_calibration_error", "gaussian_nll", "nll"]

TINY = 1e-12  # the least probability and variance that is told apart from 0


def nll(probabilities: ArrayLike, targets: ArrayLike) -> float:
    """Mean negative log-likelihood of a classifier, in nats: -log of what it gave the true class.

    Args:
        probabilities: shape (rows, classes), or (rows,) or (rows, 1): that of class 1 of two.
        targets: class numbers (rows,), or one-hot (rows, classes).

    Raises:
        UsageError: there are no rows, or the two do not have the same number of them.

    """
    p, labels = _classified(probabilities, targets)
    return float(-np.mean(np.log(np.maximum(p[np.arange(len(p)), labels], TINY))))


def calibration_error(probabilities: ArrayLike, targets: ArrayLike, bins: int = 15) -> float:
    """Expected calibration error: |accuracy - confidence| in each of `bins` equal bins of confidence, by their rows.

    From 0 (of predictions held with 80 % confidence, 80 % are right) to 1. Confidence is the largest probability; a bin
    holds its upper edge. Source: Naeini et al. 2015; Guo et al. 2017, who use 15 bins.

    Args:
        probabilities: shape (rows, classes), or (rows,) or (rows, 1): that of class 1 of two.
        targets: class numbers (rows,), or one-hot (rows, classes).
        bins: at least 1.

    Raises:
        UsageError: there are no rows or no bins, or the two do not have the same number of rows.

    """
    if bins < 1:
        raise UsageError(f"{bins} bins: give at least 1")
    p, labels = _classified(probabilities, targets)
    confidence = p.max(axis=1)
    right = p.argmax(axis=1) == labels
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gap = np.bincount(place, weights=right - confidence, minlength=bins)
    return float(np.abs(gap).sum() / len(p))


def gaussian_nll(mean: ArrayLike, std: ArrayLike, targets: ArrayLike, noise: float = 0.0) -> float:
    """Mean negative log-likelihood of a regressor, in nats, whose prediction is normal with that mean and deviation.

    Args:
        mean: predictions, shape (rows,) or (rows, 1), in the target's unit.
        std: their deviations over the passes, same shape and unit.
        targets: same shape and unit.
        noise: deviation of the targets themselves, added in squares; MC dropout alone does not know it (Gal and
            Ghahramani 2016), so give the RMSE on validation rows.

    Raises:
        UsageError: there are no rows, or not the same number of them.

    """
    error, deviation = _errors(mean, std, targets, noise)
    return float(np.mean(0.5 * (math.log(2 * math.pi) + 2 * np.log(deviation) + (error / deviation) ** 2)))


def gaussian_calibration_error(
    mean: ArrayLike, std: ArrayLike, targets: ArrayLike, noise: float = 0.0, bins: int = 15
) -> float:
    """Mean |share of targets under a quantile - that quantile| over `bins` equally spaced quantiles of each prediction.

    From 0 to 0.5. Arguments as for `gaussian_nll`. Source: Kuleshov et al. 2018, without their squares and weights.

    Raises:
        UsageError: there are no rows or no bins, or not the same number of rows.

    """
    if bins < 1:
        raise UsageError(f"{bins} bins: give at least 1")
    error, deviation = _errors(mean, std, targets, noise)
    reached = np.array([0.5 * (1 + math.erf(z / math.sqrt(2))) for z in error / deviation])
    levels = (np.arange(bins) + 0.5) / bins
    return float(np.mean([abs(np.mean(reached <= level) - level) for level in levels]))


def _classified(probabilities: ArrayLike, targets: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probabilities (rows, classes) and class numbers (rows,)."""
    p = np.asarray(probabilities, dtype=np.float64)
    p = p.reshape(len(p), -1)
    if p.shape[1] == 1:
        p = np.concatenate([1 - p, p], axis=1)
    t = np.asarray(targets)
    labels = t.argmax(axis=1) if t.ndim == 2 and t.shape[1] > 1 else t.reshape(len(t))
    _same(len(p), len(labels))
    return p, labels.astype(np.int64)


def _errors(mean: ArrayLike, std: ArrayLike, targets: ArrayLike, noise: float) -> tuple[Any, Any]:
    """Target minus prediction, and the deviation of that, each of shape (rows,)."""
    m, s, t = (np.asarray(a, dtype=np.float64).reshape(-1) for a in (mean, std, targets))
    _same(len(m), len(t))
    _same(len(m), len(s))
    return t - m, np.sqrt(np.maximum(s**2 + noise**2, TINY))


def _same(predicted: int, given: int) -> None:
    if not predicted or predicted != given:
        raise UsageError(f"{predicted} predictions for {given} targets: give as many of each, at least one")
