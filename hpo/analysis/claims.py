"""The report's conclusions held against the measured tables, contrast by contrast.

A contrast compares the mean of some rows with the mean of others. Its standard error comes from each row's own
variance, with the degrees of freedom of Welch and Satterthwaite (Biometrics Bulletin 2, 1946): a learning rate that
ruins a network varies quite unlike one that suits it, so the rows of these tables have no variance in common. That rows
share their seeds is left unused; where it makes their repeats rise and fall together, the test is the more careful.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from hpo.analysis.methods.intervals import critical_t, tail_t
from hpo.analysis.methods.significance import welch
from hpo.analysis.tables import RowFinding, TableFinding
from hpo.errors import UsageError
from hpo.study import Claim, Contrast, Direction
from hpo.study.checked_records import NotNegative, Share, arguments, check
from hpo.study.direction import sign

__all__ = [
    "ClaimFinding",
    "ClaimVerdict",
    "ContrastFinding",
    "examine_contrast",
    "judge",
]

ClaimVerdict = Literal["supported", "contradicted", "undecided", "unmeasured"]

_ALPHA = 0.05
# Two-sided, of one contrast. A claim that holds where all its contrasts do needs no correction for their number (Berger
# 1982); to be contradicted by any of them it does, so for that the level is shared out (Bonferroni).
_ONE_REPEAT = "one repeat tells no noise: measure 2 or more"


@dataclass(frozen=True, kw_only=True)
class ContrastFinding:
    """What the repeats say of one contrast.

    Raises:
        UsageError: a field is not of its kind.

    """

    contrast: Contrast  # what is claimed of two sides of one table
    verdict: ClaimVerdict  # supported, contradicted, undecided or unmeasured
    difference: float | None = None  # mean of `rows` minus mean of `than`, the figure's unit; None: a row is missing
    ci95: tuple[float, float] | None = None  # of the difference; None where the repeats do not tell the noise
    p: Share | None = None
    # two-sided, of no difference; of a contrast that says "alike": of a difference beyond the margin (the larger of the
    # two one-sided ones)
    margin: NotNegative | None = None  # a difference too small to matter, in the figure's unit; None for seconds
    note: str = ""  # what stood in the way of a verdict, or lies behind it, one sentence; mostly empty

    def __post_init__(self) -> None:
        check(self, error=UsageError)


def examine_contrast(
    contrast: Contrast, table: TableFinding | None, *, direction: Direction, margin: float | None, of: int = 1
) -> ContrastFinding:
    """What the repeats of a table say of one contrast.

    One that says higher or lower is supported where the difference is significant (two-sided, 0.05) and has its sign,
    and contradicted where it has the other sign or where the two sides are shown to be alike. One that says alike is
    supported where two one-sided tests (0.05 each) put the difference inside the margin, and contradicted where its
    95 % interval lies outside. Where a claim has several contrasts, each contradicts only at 0.05 / their number. A row
    all of whose repeats diverged, alone on its side, has a worse score than any that was trained.

    Args:
        contrast: what is claimed.
        table: its sweep, as `examine` found it; None: there is no such.
        direction: of the metric, which says which way a gap between train and test is overfitting.
        margin: a difference of the metric too small to matter, in its unit; None: 1 % of the mean test score of the
            second side.
        of: contrasts of the claim it belongs to, any of which would contradict that.

    """
    if table is None:
        return ContrastFinding(
            contrast=contrast, verdict="unmeasured", note=f"sweep {contrast.sweep} has not been measured"
        )
    figures = {row: _figures(table.rows[row], contrast.figure, direction) for row in (*contrast.rows, *contrast.than)}
    missing = [table.rows[row] for row, given in figures.items() if not given]
    if missing:
        return _without(contrast, missing, direction)
    weights = {row: 1 / len(contrast.rows) for row in contrast.rows}
    weights |= {row: -1 / len(contrast.than) for row in contrast.than}
    found = ContrastFinding(
        contrast=contrast,
        verdict="undecided",
        difference=math.fsum(weight * fmean(figures[row]) for row, weight in weights.items()),
        margin=None if contrast.figure == "seconds" else margin or _margin(table, contrast),
    )
    if any(len(given) < 2 for given in figures.values()):
        return replace(found, note=_ONE_REPEAT)
    return _tested(found, [(weight, figures[row]) for row, weight in weights.items()], against=_ALPHA / of)


def _without(contrast: Contrast, missing: Sequence[RowFinding], direction: Direction) -> ContrastFinding:
    """The contrast where some of its rows have no figure: the one that diverged lost, others say nothing."""
    row = missing[0]
    name = f"row {row.index + 1} of sweep {contrast.sweep}"
    diverged = bool(row.reasons) and all(reason.startswith("diverged") for reason in row.reasons)
    alone = len(missing) == 1 and (row.index,) in (contrast.rows, contrast.than)
    if not (diverged and alone and contrast.figure in ("train", "test")):
        why = f"gave no figure: {row.reasons[0]}" if row.reasons else "has not been measured"
        return ContrastFinding(contrast=contrast, verdict="unmeasured", note=f"{name} {why}")
    if len(row.reasons) < 2:
        return ContrastFinding(contrast=contrast, verdict="undecided", note=f"{name} diverged; {_ONE_REPEAT}")
    first_is_lower = ((row.index,) == contrast.rows) is (sign(direction) > 0)
    holds = contrast.relation == ("lower" if first_is_lower else "higher")
    return ContrastFinding(
        contrast=contrast, verdict="supported" if holds else "contradicted", note=f"{name} diverged in every repeat"
    )


def _figures(row: RowFinding, figure: str, direction: Direction) -> tuple[float, ...]:
    """The repeats of a figure; those of the gap are made of the other two."""
    measured = {name: found.measured for name, found in row.figures.items()}
    if figure != "gap":
        return measured.get(figure, ())
    train, test = measured.get("train", ()), measured.get("test", ())
    if len(train) != len(test):
        return ()
    return tuple(sign(direction) * (at_train - at_test) for at_train, at_test in zip(train, test, strict=True))


def _margin(table: TableFinding, contrast: Contrast) -> float | None:
    tests = [found.mean for row in contrast.than if (found := table.rows[row].figures.get("test")) is not None]
    means = [mean for mean in tests if mean is not None]
    return 0.01 * abs(fmean(means)) if means else None


def _tested(
    found: ContrastFinding, sides: Sequence[tuple[float, Sequence[float]]], *, against: float
) -> ContrastFinding:
    """`found` with interval, p-value and verdict.

    Args:
        found: the contrast and its difference.
        sides: a weight and the repeats, two or more, of each row.
        against: level at which it is contradicted.

    """
    difference = found.difference or 0.0
    error, freedom = welch(sides)
    reach = critical_t(_ALPHA / 2, freedom) * error
    low, high = difference - reach, difference + reach

    def beyond(distance: float) -> float:
        """One-sided p of a difference that lies `distance` beyond what is tested against."""
        if error:
            return tail_t(distance / error, freedom)
        return 0.0 if distance > 0 else 1.0  # repeats without noise

    apart = min(1.0, 2 * beyond(abs(difference)))
    alike = 1.0 if found.margin is None else beyond(found.margin - abs(difference))
    found = replace(found, ci95=(low, high))
    if found.contrast.relation == "alike":
        room = abs(difference) - critical_t(against / 2, freedom) * error
        outside = found.margin is not None and room > found.margin
        verdict: ClaimVerdict = "supported" if alike < _ALPHA else "contradicted" if outside else "undecided"
        return replace(found, p=alike, verdict=verdict)
    claimed = 1 if found.contrast.relation == "higher" else -1
    if apart < _ALPHA and claimed * difference > 0:
        return replace(found, p=apart, verdict="supported")
    if apart < against:
        return replace(found, p=apart, verdict="contradicted")
    if alike < against:
        note = "no difference, or one too small to matter"
        return replace(found, p=apart, verdict="contradicted", note=note)
    return replace(found, p=apart)


@dataclass(frozen=True, kw_only=True)
class ClaimFinding:
    """What the measured tables say of one conclusion.

    Raises:
        UsageError: a field is not of its kind.

    """

    claim: Claim  # the conclusion
    verdict: ClaimVerdict  # supported, contradicted, undecided or unmeasured
    evidence: tuple[ContrastFinding, ...]  # one a contrast, in the claim's order; empty: no table can test it

    def __post_init__(self) -> None:
        check(self, error=UsageError)


@arguments(UsageError)
def judge(
    claims: Sequence[Claim],
    tables: Sequence[TableFinding],
    *,
    direction: Direction,
    margin: NotNegative | None = None,
) -> tuple[ClaimFinding, ...]:
    """What the measurements say of each claim.

    It is supported if all its contrasts are (`examine_contrast` says how) and contradicted if one is, which is so by
    mistake in at most 5 % of claims, however many contrasts they have; unmeasured where it has no contrast or a row of
    one has no figure, undecided otherwise, as with one repeat.

    Args:
        claims: the conclusions.
        tables: what `examine` made of the sweeps; others than the claims speak of may be among them or missing.
        direction: of the metric, which says which way a gap between train and test is overfitting.
        margin: a difference of the metric too small to matter, in its unit; None: 1 % of the mean test score of a
            contrast's second side.

    Raises:
        UsageError: what is given is not what it should be.

    """
    known = {table.sweep.id: table for table in tables}
    found = []
    for claim in claims:
        evidence = [
            examine_contrast(one, known.get(one.sweep), direction=direction, margin=margin, of=len(claim.contrasts))
            for one in claim.contrasts
        ]
        found.append(_claim(claim, evidence))
    return tuple(found)


def _claim(claim: Claim, evidence: Sequence[ContrastFinding]) -> ClaimFinding:
    verdicts: list[ClaimVerdict] = [found.verdict for found in evidence] or ["unmeasured"]
    decisive = min(verdicts, key=("contradicted", "unmeasured", "undecided", "supported").index)
    return ClaimFinding(claim=claim, verdict=decisive, evidence=tuple(evidence))
