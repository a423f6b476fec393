"""Does a beat b? One answer from paired scores, with its uncertainty."""

from dataclasses import replace
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hpo.analysis.methods.intervals import (
    Interval,
    bca,
    critical_t,
    skewness_corrected,
    standard_error,
    student,
    tail_t,
    upper_bound,
    wilson,
)
from hpo.analysis.methods.power import DECIDING_PAIRS, more_pairs, next_alpha
from hpo.analysis.methods.significance import sign_flip, signed_rank
from hpo.analysis.verdict import MEANINGFUL, Comparison, Failures, Verdict, decide
from hpo.analysis.verdict_wording import note
from hpo.errors import DataError, UsageError
from hpo.study import Direction
from hpo.study.checked_records import Below, Count, Least, Most, Positive, arguments
from hpo.study.direction import MAXIMIZE
from hpo.study.direction import sign as sign_of

__all__ = [
    "Comparison",
    "Interval",
    "Verdict",
    "compare",
]

Scores = NDArray[np.float64]

_BCA_PAIRS = 30  # the bootstrap is too narrow with fewer
_MARGIN = 0.01  # of |mean of b|, where no margin is given
_LARGEST = 1e100  # squares of what is larger leave the floating-point numbers
_ROUNDING = 1e-12  # of the largest score: what subtraction leaves of two equal differences


@arguments(UsageError)
def compare(
    a: "ArrayLike",
    b: "ArrayLike",
    *,
    direction: Direction = MAXIMIZE,
    margin: Annotated[float, Least(0), Most(_LARGEST)] | None = None,
    alpha: Annotated[float, Least(1 / _LARGEST), Below(1)] = 0.05,
    test_share: Positive | None = None,
    failures: Failures | None = None,
    seed: Count = 0,
) -> Comparison:
    """Whether a beats b.

    Better: the sign-flip permutation p is below alpha and Student's interval at level 1 - alpha lies above zero; worse:
    the mirror. Equivalent: two one-sided t tests, each at level alpha, put the difference inside the margin (Schuirmann
    1987). Otherwise undecided, and always with fewer than six pairs, whose smallest p is 2/2^5 = 0.0625. What is both
    better and equivalent is better, and the note says so. Where all gains are the same, the interval is that gain
    alone and the p is the sign flip's, resampled or not. Unreliable: better or equivalent, and a is shown to fail more
    often than b.

    Args:
        a: (pairs,) scores, paired with those of b: one seed, one draw of rows each.
        b: (pairs,) scores.
        direction: "maximize" where larger scores are better, "minimize" where smaller ones are.
        margin: a difference too small to matter, in the unit of the scores; None: 1 % of |mean of b|.
        alpha: two-sided level of this interim analysis; see `interim_alpha`.
        test_share: test rows / train rows, where both were drawn anew from all rows for each pair: the variance is then
            Nadeau and Bengio's, and the p that of the corrected t test. None: the test rows are the same for all pairs.
        failures: how often each side failed to train, from `failures`; None: nobody says. What failed in a pair has a
            score there all the same, a bad one: to leave the pair out would favour what fails.
        seed: of what is drawn: the bootstrap, and sign patterns beyond 40 pairs.

    Raises:
        UsageError: scores that are not paired, none, not finite or beyond 1e100; an option out of range.

    """
    ours, theirs = _paired(a, b)
    pairs = ours.size
    gains = _gains(ours, theirs, direction)
    margin = _MARGIN * abs(float(theirs.mean())) if margin is None else float(margin)
    difference = float(gains.mean())
    won = float(np.mean(gains > 0) + np.mean(gains == 0) / 2)
    resampled = test_share is not None
    sd = float(gains.std(ddof=1)) if pairs > 1 else None
    error = None if sd is None else standard_error(sd, pairs, test_share)
    p_value = _corrected_t(difference, error, pairs) if resampled and error else sign_flip(gains, seed=seed)
    p_equivalent = None if error is None else _equivalence(difference, error, pairs, margin)
    ci = None if error is None else student(difference, error, pairs, 1 - alpha)
    verdict = decide(pairs, p_value, ci, p_equivalent, alpha=alpha, failures=failures)
    ahead = None
    if verdict == "undecided" and sd is not None:
        following = next_alpha(alpha) if pairs >= DECIDING_PAIRS else alpha  # fewer than six pairs spend nothing
        ahead = more_pairs(difference, sd, pairs, alpha=following, margin=margin, test_share=test_share)
    found = Comparison(
        verdict=verdict,
        pairs=pairs,
        difference=difference,
        sd=sd,
        ci95=None if error is None else student(difference, error, pairs),
        ci=ci,
        bca95=_bootstrap(gains, sd, seed) if pairs >= _BCA_PAIRS and not resampled else None,
        p_value=p_value,
        p_wilcoxon=None if resampled else signed_rank(gains, seed=seed),
        p_superior=won,
        p_superior_ci95=wilson(won, pairs),
        meaningful=won >= MEANINGFUL,
        margin=margin,
        alpha=alpha,
        p_equivalent=p_equivalent,
        more_pairs=ahead,
        note="",
        resampled=resampled,
        unseen95=upper_bound(0, pairs),
        failures=failures,
    )
    return replace(found, note=note(found, skewed=_leans_on_skewness(gains, found)))


def _corrected_t(difference: float, error: float, pairs: int) -> float:
    return 2 * tail_t(abs(difference) / error, pairs - 1)


def _equivalence(difference: float, error: float, pairs: int, margin: float) -> float:
    """The larger p of the one-sided tests of difference > -margin and difference < margin."""
    room = margin - abs(difference)
    if error == 0:
        return 0.0 if room > 0 else 1.0
    return tail_t(room / error, pairs - 1)


def _bootstrap(gains: Scores, sd: float | None, seed: int) -> Interval:
    if not sd:
        mean = float(gains.mean())
        return mean, mean
    return bca(gains, seed=seed)


def _leans_on_skewness(gains: Scores, found: Comparison) -> bool:
    """Whether a decision for one side would not hold, were the interval corrected for the skewness of the gains."""
    if found.by_scores not in ("better", "worse") or found.resampled or not found.sd:
        return False
    sign = 1 if found.by_scores == "better" else -1
    return sign * skewness_corrected(gains) <= critical_t(found.alpha / 2, found.pairs - 1)


def _gains(ours: Scores, theirs: Scores, direction: Direction) -> Scores:
    """(pairs,) how much better a was; what rounding alone leaves is taken away, so that equal differences are equal."""
    gains = sign_of(direction) * (ours - theirs)
    noise = _ROUNDING * float(max(np.abs(ours).max(), np.abs(theirs).max())) + 1 / _LARGEST
    gains[np.abs(gains) <= noise] = 0.0
    if np.ptp(gains) <= noise:
        gains[:] = np.median(gains)
    return gains


def _paired(a: ArrayLike, b: ArrayLike) -> tuple[Scores, Scores]:
    ours, theirs = _scores(a, "a"), _scores(b, "b")
    if ours.ndim != 1 or ours.shape != theirs.shape:
        raise UsageError(
            f"scores must be paired, one number a pair on either side, not of shapes {ours.shape} and {theirs.shape}"
        )
    if not ours.size:
        raise UsageError("there are no pairs to compare: give at least one, and six for a verdict")
    for name, scores in (("a", ours), ("b", theirs)):
        strange = np.flatnonzero(~(np.abs(scores) <= _LARGEST))
        if strange.size:
            raise UsageError(
                f"{name} scored {scores[strange[0]]:g} in pair {strange[0]} (from 0): scores must be finite and at most"
                f" {_LARGEST:g}; give what diverged the worst score there is, and count it: failures="
            )
    return ours, theirs


def _scores(given: ArrayLike, name: str) -> Scores:
    """A copy of one side's scores. What has no order, a mask, a part missing or no numbers is refused."""
    from hpo.data.arrays import as_array

    try:
        made = as_array(given, name)
    except DataError as error:
        raise UsageError(f"scores must be numbers, one a pair: {error}") from error
    if made.dtype.kind in "US":
        raise UsageError(f"scores must be numbers, one a pair: {name} holds texts")
    return np.array(made, dtype=np.float64)
