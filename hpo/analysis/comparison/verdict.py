"""The verdict of a paired comparison: the rule it goes by, and the record of what was found."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from hpo.analysis.comparison.reliability import Failures
from hpo.analysis.methods.intervals import Interval
from hpo.analysis.methods.multiple_testing import DECIDING_PAIRS
from hpo.errors import UsageError
from hpo.study.checked_records import Above, Below, NotNegative, Share, Whole, check

__all__ = ["MEANINGFUL", "Comparison", "Verdict", "decide"]

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
