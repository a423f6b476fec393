"""How often each side of a comparison fails to train: rates with exact bounds, and whether a fails more often."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import index
from typing import Any

from hpo.analysis.methods.intervals import Interval, clopper_pearson, more_often, upper_bound
from hpo.errors import UsageError
from hpo.study.checked_records import Count, Share, Whole, check

__all__ = ["FailureRate", "Failures", "failures"]

_ALPHA = 0.05
# Of every look alike: to be found to fail more often only takes a verdict away, so it costs no false "better".


@dataclass(frozen=True, kw_only=True)
class FailureRate:
    """How many trainings of one configuration failed: diverged, broke off, took too long, died with their process.

    Raises:
        UsageError: a field is not of its kind or out of its range.

    """

    failed: Count  # trainings
    trainings: Whole  # all of them, those that failed included
    share: Share  # failed / trainings
    ci95: Interval  # of the share, exact
    upper95: Share  # what the share is below, exact and one-sided

    def __post_init__(self) -> None:
        check(self, error=UsageError)


@dataclass(frozen=True, kw_only=True)
class Failures:
    """The failures of both sides, whatever rows each training was on.

    Raises:
        UsageError: a field is not of its kind or out of its range.

    """

    a: FailureRate  # of the optimum
    b: FailureRate  # of the baseline
    p_more_often: Share  # one-sided, Fisher's exact test: were a to fail no more often than b

    def __post_init__(self) -> None:
        check(self, error=UsageError)

    @property
    def a_fails_more_often(self) -> bool:
        """Whether that is shown, at 0.05."""
        return self.p_more_often < _ALPHA

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; intervals are lists."""
        plain = asdict(self)
        for side in ("a", "b"):
            plain[side]["ci95"] = list(plain[side]["ci95"])
        return plain

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Failures":
        """The record of which `to_json` made `document`."""
        a, b = (FailureRate(**{**document[side], "ci95": tuple(document[side]["ci95"])}) for side in ("a", "b"))
        return cls(a=a, b=b, p_more_often=document["p_more_often"])


def failures(a: Sequence[int], b: Sequence[int]) -> Failures:
    """What `compare` weighs beside the scores.

    Args:
        a: failed trainings and all trainings of a, those in the pairs included.
        b: the same of b.

    Raises:
        UsageError: not two whole numbers a side, no training, or more failures than trainings.

    """
    (failed_a, of_a), (failed_b, of_b) = _counted(a, "a"), _counted(b, "b")
    return Failures(
        a=_rate(failed_a, of_a), b=_rate(failed_b, of_b), p_more_often=more_often(failed_a, of_a, failed_b, of_b)
    )


def _rate(failed: int, trainings: int) -> FailureRate:
    return FailureRate(
        failed=failed,
        trainings=trainings,
        share=failed / trainings,
        ci95=clopper_pearson(failed, trainings),
        upper95=upper_bound(failed, trainings),
    )


def _counted(side: Sequence[int], name: str) -> tuple[int, int]:
    try:
        failed, trainings = (index(number) for number in side)
    except (TypeError, ValueError):
        raise UsageError(
            f"of {name} give two whole numbers, (failed trainings, all trainings), not {side!r:.60}"
        ) from None
    if not 0 <= failed <= trainings or not trainings:
        raise UsageError(
            f"of {name} {failed} of {trainings} trainings cannot have failed: give from 0 to all, of 1 or more"
        )
    return failed, trainings
