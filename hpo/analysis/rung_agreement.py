"""What the rungs of a search say of one another: whether cheap ones agree with dear ones, and how lucky the best was.

A cheap rung serves a search as far as it puts configurations in the order the highest one would. Kendall's tau
(Biometrika 30, 1938) over those that were trained on both says how far it did. Only what did well on the lower rung
was promoted, and among the alike order is harder to keep, so tau of the promoted is no more than a lower estimate.
"""

import itertools
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpo.errors import UsageError
from hpo.study.checked_records import Count, Name, Whole, check
from hpo.study.direction import loss, sign

__all__ = ["TELLS_NOTHING", "Agreement", "ClimbFindings", "Confirmation", "Ranked", "climb_sentences", "examine_climb"]

TELLS_NOTHING = 0.2
"""Kendall's tau below which a rung is no guide to the next one (Falkner, Klein and Hutter, BOHB, ICML 2018)."""

_ENOUGH = 4  # configurations on both rungs, below which tau is not computed: three are in order by chance in 1 of 6


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """Where the hand-picked configuration stands on one rung."""

    rung: Count  # from 0, the lowest
    rank: Whole  # 1: none is better
    of: Whole  # configurations with a value there

    def __post_init__(self) -> None:
        check(self, error=UsageError)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far a rung orders configurations as the next one does."""

    rung: Count  # the lower one, from 0
    configurations: Count  # with a value on both
    tau: float | None  # Kendall's; None: too few of them, or all values of a rung are equal

    def __post_init__(self) -> None:
        check(self, error=UsageError)

    @property
    def tells_nothing(self) -> bool:
        """Whether the lower rung is no guide to the higher one."""
        return self.tau is not None and self.tau < TELLS_NOTHING


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """A configuration that was trained again at the highest fidelity."""

    digest: Name
    found: float  # its value in the search
    again: float  # its value when trained again
    luck: float  # by how much the search's was better; below 0: it was worse
    prior: bool  # whether it is the hand-picked one

    def __post_init__(self) -> None:
        check(self, error=UsageError)


@dataclass(frozen=True, kw_only=True)
class ClimbFindings:
    """What the rungs of a search told of one another."""

    hand: tuple[Ranked, ...]  # by rung, those it has a value on; the rung that confirms is none of them
    agreements: tuple[Agreement, ...]  # of each rung with the next, the one that confirms left out
    confirmations: tuple[Confirmation, ...]  # the best mean of the two first, which is what the search names
    prior: Name | None = None  # digest of the hand-picked configuration; None: there is none

    def __post_init__(self) -> None:
        check(self, error=UsageError)


def examine_climb(values: Sequence[Mapping[str, float]], *, direction: str, prior: str | None = None) -> ClimbFindings:
    """Hold the rungs of a search against one another.

    Args:
        values: of each rung, the lowest first and the one that confirms last: digest of a configuration -> value,
            complete trials alone.
        direction: maximize or minimize.
        prior: digest of the hand-picked configuration; None: there is none.

    Raises:
        ValueError: there are fewer than two rungs, or the direction is none.

    """
    if len(values) < 2:
        raise ValueError(f"a search that climbs has 2 rungs or more, not {len(values)}")
    *climbed, confirmed = values
    better = sign(direction)
    hand = tuple(
        Ranked(rung=rung, rank=1 + sum(better * (value - its[prior]) > 0 for value in its.values()), of=len(its))
        for rung, its in enumerate(climbed)
        if prior is not None and prior in its
    )
    agreements = tuple(
        _agreement(rung, lower, higher) for rung, (lower, higher) in enumerate(itertools.pairwise(climbed))
    )
    top = climbed[-1]
    confirmations = [
        Confirmation(
            digest=digest,
            found=top[digest],
            again=again,
            luck=better * (top[digest] - again),
            prior=digest == prior,
        )
        for digest, again in confirmed.items()
        if digest in top
    ]
    confirmations.sort(key=lambda each: loss(direction, (each.found + each.again) / 2))
    return ClimbFindings(hand=hand, agreements=agreements, confirmations=tuple(confirmations), prior=prior)


def _agreement(rung: int, lower: Mapping[str, float], higher: Mapping[str, float]) -> Agreement:
    from scipy.stats import kendalltau

    both = sorted(lower.keys() & higher.keys())
    tau = None
    if len(both) >= _ENOUGH:
        found = float(kendalltau([lower[each] for each in both], [higher[each] for each in both]).statistic)
        tau = None if found != found else found  # NaN: all values of one are equal
    return Agreement(rung=rung, configurations=len(both), tau=tau)


def climb_sentences(found: ClimbFindings, fidelities: Sequence[str]) -> list[str]:
    """What the rungs say of one another, a line each; `fidelities`: their names, the lowest first."""
    said = []
    if found.hand:
        ranks = ", ".join(f"{each.rank} of {each.of} at {fidelities[each.rung]}" for each in found.hand)
        said.append(f"the hand-picked configuration's rank: {ranks}")
    for each in found.agreements:
        if each.tau is None:
            continue
        low, high = fidelities[each.rung], fidelities[each.rung + 1]
        over = f"Kendall's tau {each.tau:.2f} over {each.configurations} configurations"
        said.append(
            f"among what climbed {low} did not foretell {high} ({over}, below {TELLS_NOTHING:g}), so a better one may "
            f"have stayed below: search with --fidelity {shlex.quote(high)}, or give {low} more epochs or rows"
            if each.tells_nothing
            else f"{low} orders configurations as {high} does by {over}"
        )
    best = next((each for each in found.confirmations if not each.prior), None)
    if best is not None:
        said.append(f"trained again, the best came to {best.again:.4g}, and to {best.found:.4g} in the search")
    return said
