"""Reported figures against our repeats: one column of a table at a time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import fmean, stdev

from hpo.analysis.methods.intervals import critical_t, tail_t
from hpo.analysis.methods.multiple_testing import holm
from hpo.errors import UsageError
from hpo.study.checked_records import NotNegative, Share, check

__all__ = ["FigureFinding", "against_reported", "rounding"]


@dataclass(frozen=True, kw_only=True)
class FigureFinding:
    """One figure of one row: what the report says, what the repeats gave, whether they agree.

    Raises:
        UsageError: a field is not of its kind.

    """

    reported: Decimal | None  # with the digits it was printed with; None: the report does not give it
    measured: tuple[float, ...]  # one a repeat; empty: not measured, or no repeat gave one
    mean: float | None  # of the repeats; None: nothing measured
    sd: NotNegative | None  # sample standard deviation; None below two repeats
    prediction: tuple[float, float] | None
    # 95 % prediction interval of one more run, widened by the rounding of the reported figure; None below two repeats
    p: Share | None  # two-sided, that the reported figure is one more run; None where it was not tested
    p_holm: Share | None  # the same after Holm's correction over the rows of the table
    disagrees: bool  # by more than noise and rounding explain

    def __post_init__(self) -> None:
        check(self, error=UsageError)


def against_reported(
    reported: Sequence[Decimal | None], measured: Sequence[Sequence[float]], *, alpha: float | None
) -> tuple[FigureFinding, ...]:
    """One column of a table: each row's reported figure beside its repeats.

    The report trained each row once, so its figure is one more run. With K repeats of standard deviation s, the run
    lies within t s sqrt(1 + 1/K) of their mean 95 times in 100 (t: Student's with K - 1 degrees of freedom), and the
    printed figure half a unit of its last digit beyond.

    Args:
        reported: (rows,) the figures as printed.
        measured: (rows,) sequences of finite figures, one a repeat.
        alpha: of all rows together, by Holm; None: nothing is tested.

    """
    tested = [
        _p_value(float(figure), repeats, rounding(figure))
        if alpha is not None and figure is not None and len(repeats) > 1
        else None
        for figure, repeats in zip(reported, measured, strict=True)
    ]
    corrected = iter(holm([p for p in tested if p is not None]))
    adjusted = [None if p is None else next(corrected) for p in tested]
    return tuple(
        FigureFinding(
            reported=figure,
            measured=tuple(repeats),
            mean=fmean(repeats) if repeats else None,
            sd=_sd(repeats) if len(repeats) > 1 else None,
            prediction=_prediction(repeats, rounding(figure)) if len(repeats) > 1 else None,
            p=p,
            p_holm=p_holm,
            disagrees=alpha is not None and p_holm is not None and p_holm < alpha,
        )
        for figure, repeats, p, p_holm in zip(reported, measured, tested, adjusted, strict=True)
    )


def rounding(figure: Decimal | None) -> float:
    """How far the number behind a printed figure may lie from it: half a unit of its last digit (2.3 -> 0.05)."""
    exponent = figure.as_tuple().exponent if figure is not None else None
    return 0.5 * 10.0**exponent if isinstance(exponent, int) else 0.0


def _prediction(repeats: Sequence[float], half: float) -> tuple[float, float]:
    mean = fmean(repeats)
    reach = critical_t(0.025, len(repeats) - 1) * _spread(repeats) + half
    return mean - reach, mean + reach


def _p_value(figure: float, repeats: Sequence[float], half: float) -> float:
    off, spread = abs(figure - fmean(repeats)), _spread(repeats)
    beyond = off - half
    # 0.05 less 0.045 is a little more than 0.005 in binary: a figure at the edge of its rounding agrees.
    if beyond <= 1e-9 * max(abs(figure), half):
        return 1.0
    return 2 * tail_t(beyond / spread, len(repeats) - 1) if spread else 0.0


def _spread(repeats: Sequence[float]) -> float:
    """Standard error of the difference between one more run and the mean of the repeats."""
    return _sd(repeats) * math.sqrt(1 + 1 / len(repeats))


def _sd(repeats: Sequence[float]) -> float:
    """Sample standard deviation; exactly 0 where all repeats are the same number."""
    return stdev(repeats) if max(repeats) > min(repeats) else 0.0
