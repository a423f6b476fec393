"""What a paired comparison finds, as records: the verdict, its rule, and how often each side fails to train."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import index
from typing import Annotated, Any, Literal

from hpo.analysis.methods.intervals import Interval, clopper_pearson, more_often, upper_bound
from hpo.analysis.methods.power import DECIDING_PAIRS
from hpo.errors import UsageError
from hpo.study.checked_records import Above, Below, Count, NotNegative, Share, Whole, check

__all__ = [
    "MEANINGFUL",
    "Comparison",
    "FailureRate",
    "Failures",
    "Verdict",
    "decide",
    "failures",
]

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
        a=_failure_rate(failed_a, of_a),
        b=_failure_rate(failed_b, of_b),
        p_more_often=more_often(failed_a, of_a, failed_b, of_b),
    )


def _failure_rate(failed: int, trainings: int) -> FailureRate:
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


Verdict = Literal["better", "worse", "equivalent", "undecided", "unreliable"]
"""Unreliable: better or equivalent by the scores, and a fails to train significantly more often than b."""

MEANINGFUL = (
    0.75  # share of pairs won from which a difference is meaningful (Bouthillier et al. 2021, arXiv 2103.03098)
)


def decide(
    pairs: int,
    p_value: float,
    ci: Interval | None,
    p_equivalent: float | None,
    *,
    alpha: float,
    failures: Failures | None,
) -> Verdict:
    """The verdict that these figures give, as `compare` describes it.

    Args:
        pairs: how many there are; fewer than `DECIDING_PAIRS` decide nothing.
        p_value: two-sided, of no difference.
        ci: of the mean gain at level 1 - alpha; None: one pair.
        p_equivalent: the larger p of the one-sided tests against the margin; None: one pair.
        alpha: two-sided level of this interim analysis.
        failures: how often each side failed to train; None: nobody says.

    """
    found: Verdict = "undecided"
    if pairs < DECIDING_PAIRS or ci is None or p_equivalent is None:
        return found
    if p_value < alpha and ci[1] < 0:
        return "worse"
    if p_value < alpha and ci[0] > 0:
        found = "better"
    elif p_equivalent < alpha:
        found = "equivalent"
    fails = failures is not None and failures.a_fails_more_often
    return "unreliable" if found != "undecided" and fails else found


_INTERVALS = ("ci95", "ci", "bca95", "p_superior_ci95")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Whether a beats b, over paired scores. A gain is a difference with positive for a, whatever the direction.

    Raises:
        UsageError: a field is not of its kind or out of its range.

    """

    verdict: Verdict  # the answer, failures to train weighed
    pairs: Whole  # how many
    difference: float  # mean gain of a over b, in the unit of the scores
    sd: NotNegative | None  # of the gains; None: one pair
    ci95: Interval | None  # of the mean gain, by Student's t (with the Nadeau-Bengio variance where resampled)
    ci: Interval | None  # the same at level 1 - alpha: what the verdict goes by
    bca95: Interval | None  # the same by a BCa bootstrap; None: fewer than 30 pairs, or resampled
    p_value: Share  # two-sided: sign-flip permutation of the pairs; the corrected t test where resampled
    p_wilcoxon: Share | None  # two-sided signed-rank test; None: all gains are zero, or resampled
    p_superior: Share  # share of pairs that a won, ties half
    p_superior_ci95: Interval  # Wilson's
    meaningful: bool  # p_superior is at least 0.75
    margin: NotNegative  # a difference too small to matter, in the unit of the scores
    alpha: Annotated[float, Above(0), Below(1)]  # level of this interim analysis
    p_equivalent: Share | None  # the larger p of the two one-sided tests against the margin; None: one pair
    more_pairs: Whole | None  # about how many more would decide; None: decided, or too many, or nobody can tell
    note: str  # one sentence on how far the verdict carries; "" where there is nothing to add
    resampled: bool  # train and test rows were drawn anew for each pair
    unseen95: float  # what none of the pairs shows may still happen in this share of trainings: exact 95 % upper bound
    failures: Failures | None  # how often each side failed to train; None: `compare` was not told

    @property
    def by_scores(self) -> Verdict:
        """The verdict of the scores alone."""
        if self.verdict != "unreliable":
            return self.verdict
        return "better" if self.p_value < self.alpha and self.ci is not None and self.ci[0] > 0 else "equivalent"

    def __post_init__(self) -> None:
        check(self, error=UsageError)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values under the names of the fields; intervals are lists."""
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return {**plain, "failures": None if self.failures is None else self.failures.to_json()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Comparison":
        """The record of which `to_json` made `document`."""
        plain = dict(document)
        for name in _INTERVALS:
            plain[name] = None if plain[name] is None else tuple(plain[name])
        plain["failures"] = None if plain["failures"] is None else Failures.from_json(plain["failures"])
        return cls(**plain)
