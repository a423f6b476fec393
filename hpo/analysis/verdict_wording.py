"""A comparison in words: what was found, how sure it is, and what would tell more."""

import math

from hpo.analysis.methods.power import DECIDING_PAIRS, HOPELESS, deciding_pairs
from hpo.analysis.verdict import MEANINGFUL, Comparison, FailureRate
from hpo.errors import UsageError
from hpo.study.checked_records import arguments

__all__ = [
    "ASSUMED",
    "failed",
    "note",
    "sentence",
    "unseen",
]

ASSUMED = (
    "How seldom a verdict is wrong is promised for pairs independent of one another: what several share, such as a"
    " drift of the machine, or the luck of one test set where other rows are meant, voids that promise."
)
"""What every verdict takes for granted."""

_SMALL_P = 0.0001  # below it a p value is not told by its digits
_LONG = 1e6  # from here on a figure is written with an exponent


@arguments(UsageError)
def sentence(
    comparison: Comparison,
    *,
    metric: str,
    unit: str = "",
    optimum: str = "the automated optimum",
    baseline: str = "the hand-picked configuration",
    about: str = "on the test rows",
) -> str:
    """The verdict in one honest sentence.

    Args:
        comparison: of the optimum (a) with the baseline (b).
        metric: what was scored: "accuracy".
        unit: of the metric, after a figure: "thousand dollars".
        optimum: what a is called.
        baseline: what b is called.
        about: what the verdict is about.

    Raises:
        UsageError: what is given is not what it should be.

    """
    pairs = _pairs(comparison)
    figures = f"{_interval(comparison)}, {_p(comparison.p_value)}"
    leader = optimum if comparison.difference > 0 else baseline
    only = _only(comparison)
    lead = f"{leader} leads by {_amount(comparison, unit)}" if comparison.difference else "it is the same on average"
    if comparison.by_scores == "equivalent":
        margin = f"±{comparison.margin:.3g}{_spaced(unit)}"
        text = (
            f"{optimum} and {baseline} are equivalent {about}{only}: after {pairs} their {metric} differs by less than"
            f" the margin of {margin} ({_p(comparison.p_equivalent)}); {lead}{_interval(comparison)}"
        )
    elif comparison.verdict == "undecided":
        text = (
            f"whether {optimum} beats {baseline} {about} is undecided after {pairs}: in {metric} {lead}{figures};"
            f" {_outlook(comparison)}"
        )
    else:
        loser = baseline if leader == optimum else optimum
        text = (
            f"{leader} beats {loser} {about}{only}: {metric} better by {_amount(comparison, unit)}{figures},"
            f" ahead in {_won(comparison)} of {pairs}"
        )
    if comparison.verdict == "unreliable":
        text = f"{text}; {failed(comparison, optimum=optimum, baseline=baseline)}"
    return f"{text[0].upper()}{text[1:]}."


def unseen(comparison: Comparison) -> str:
    """What so many pairs cannot have shown, in one sentence.

    Args:
        comparison: what `compare` found.

    """
    pairs = "the only pair does not show" if comparison.pairs == 1 else f"none of {_pairs(comparison)} shows"
    return f"What {pairs} may still happen in up to {comparison.unseen95:.1%} of trainings (exact 95 % bound)."


def failed(comparison: Comparison, *, optimum: str, baseline: str) -> str:
    """How often each side failed to train, as the end of a sentence; "" where no training did, or nobody says.

    Args:
        comparison: of the optimum (a) with the baseline (b).
        optimum: what a is called.
        baseline: what b is called.

    """
    found = comparison.failures
    if found is None or not (found.a.failed or found.b.failed):
        return ""
    more = "more often" if found.a_fails_more_often else "not shown to be more often"
    ours, theirs = (f"{rate.failed:,} of {rate.trainings:,} trainings" for rate in (found.a, found.b))
    return (
        f"{ours} of {optimum} failed ({_at_most(found.a)}), and {theirs} of {baseline} ({_at_most(found.b)}):"
        f" {more}, {_p(found.p_more_often)} by Fisher's exact test"
    )


def _at_most(rate: FailureRate) -> str:
    return f"exact 95 % bound {rate.upper95:.1%}"


def _only(comparison: Comparison) -> str:
    """When the verdict of the scores holds, where it is not always."""
    if comparison.verdict != "unreliable":
        return ""
    return " only when it trains" if comparison.by_scores == "better" else " only when the former trains"


def note(comparison: Comparison, *, skewed: bool = False) -> str:
    """One sentence on how far the verdict carries; "" where there is nothing to add.

    Args:
        comparison: what was found.
        skewed: a decision for one side rests on an interval that would not hold if corrected for skewness.

    """
    if comparison.pairs < DECIDING_PAIRS:
        return _too_few(comparison)
    if comparison.verdict == "undecided":
        return _undecided(comparison)
    if comparison.verdict == "unreliable":
        return f"By the scores alone it would be {comparison.by_scores}; what fails more often is no better choice."
    if comparison.verdict == "equivalent":
        return ""
    if skewed:
        return (
            "A few pairs went far against this verdict: corrected for their skewness the interval reaches zero, so"
            " take it with caution."
        )
    if comparison.p_equivalent is not None and comparison.p_equivalent < comparison.alpha:
        return f"The difference is real, and smaller than the margin of {comparison.margin:.3g}: too small to matter."
    won = max(comparison.p_superior, 1 - comparison.p_superior)
    if won < MEANINGFUL:
        return (
            f"The winner is ahead in {won:.0%} of the pairs; a difference is called meaningful from {MEANINGFUL:.0%}."
        )
    return ""


def _too_few(comparison: Comparison) -> str:
    if comparison.resampled:
        return f"{_pairs(comparison)} can never decide: a verdict needs at least {DECIDING_PAIRS}."
    smallest = math.ldexp(2, -comparison.pairs)
    return (
        f"{_pairs(comparison)} can never decide: were all of them won, p would be {smallest:.3g};"
        f" {DECIDING_PAIRS} are the first that can."
    )


def _undecided(comparison: Comparison) -> str:
    least = deciding_pairs(comparison.alpha)
    if not comparison.resampled and comparison.pairs < least:
        return (
            f"At the level of this look, {comparison.alpha:.3g}, one side can come out better from {least} pairs on;"
            f" these are {comparison.pairs}."
        )
    if comparison.more_pairs is not None:
        return f"{_more(comparison.more_pairs)}, if the difference is what it seems."
    if comparison.resampled:
        return "More pairs would hardly narrow the interval: they are drawn from the same rows again."
    return f"More than {HOPELESS:,} more pairs would be needed to decide."


def _outlook(comparison: Comparison) -> str:
    if comparison.pairs < DECIDING_PAIRS:
        return f"{DECIDING_PAIRS} pairs are the first that can decide"
    if comparison.more_pairs is not None:
        more = _more(comparison.more_pairs)
        return f"{more[0].lower()}{more[1:]}"
    return "more pairs would hardly decide it"


def _more(pairs: int) -> str:
    return "About 1 more pair would decide" if pairs == 1 else f"About {pairs:,} more pairs would decide"


def _pairs(comparison: Comparison) -> str:
    return "1 pair" if comparison.pairs == 1 else f"{comparison.pairs:,} pairs"


def _amount(comparison: Comparison, unit: str) -> str:
    """The size of the mean difference; the sentence says who has the better of it."""
    return f"{_number(abs(comparison.difference), _decimals(comparison))}{_spaced(unit)}"


def _interval(comparison: Comparison) -> str:
    """The 95 % interval, signed as the size before it is: positive for whoever leads."""
    if comparison.ci95 is None:
        return ""
    low, high = comparison.ci95 if comparison.difference >= 0 else (-comparison.ci95[1], -comparison.ci95[0])
    decimals = _decimals(comparison)
    return f" (95 % interval {_number(low, decimals)} to {_number(high, decimals)})"


def _won(comparison: Comparison) -> str:
    share = comparison.p_superior if comparison.by_scores == "better" else 1 - comparison.p_superior
    return f"{round(2 * share * comparison.pairs) / 2:g}"  # ties are halves


def _decimals(comparison: Comparison) -> int:
    """Decimals that show two digits of the interval's reach, or three of the difference where it has none."""
    reach = 0.0 if comparison.ci95 is None else (comparison.ci95[1] - comparison.ci95[0]) / 2
    size = reach or abs(comparison.difference) / 10
    return min(12, max(0, 1 - math.floor(math.log10(size)))) if size else 0


def _number(value: float, decimals: int) -> str:
    if abs(value) >= _LONG:
        return f"{value:.3g}".replace("-", "−")
    return f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", "−")  # + 0.0: never a negative zero


def _p(value: float | None) -> str:
    if value is None:
        return "p unknown"
    return f"p = {value:.3g}" if value >= _SMALL_P else f"p < {_SMALL_P:g}"


def _spaced(unit: str) -> str:
    return f" {unit}" if unit else ""
