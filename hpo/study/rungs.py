"""The rungs of a search: how much is trained at which fidelity, known before the first trial begins.

Many configurations are drawn on the first rung, the cheapest; the best few of a rung climb to the next one, where they
are trained from the start. On the last rung, the best of the highest fidelity are trained again with new seeds. The
hand-picked configuration is on every rung, so that each can be held against it.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from hpo.study.checked_records import Name, Whole, check
from hpo.study.evaluation import Evaluation, Fidelity

__all__ = ["CONFIRMED", "PROMOTED", "Rung", "climb", "lacking", "out_of_order"]

_SHARE, _SIFTED = 10, 20
"""Of so many configurations drawn, one reaches the highest fidelity: from the first rung, and from one between, which
chooses better. So a search with a rung between has as much work as one without."""

PROMOTED = 3
"""Configurations that reach it at least, however few are drawn."""

CONFIRMED = 2
"""Configurations trained again at the highest fidelity, the hand-picked one not counted."""


@dataclass(frozen=True, kw_only=True)
class Rung:
    """The trials of one fidelity within a search, or those that confirm what the highest one found.

    Raises:
        DefinitionError: a field is not what it may be.

    """

    fidelity: Name  # what `--fidelity` takes
    slots: Whole  # trials in all
    prior: bool  # whether one of them is the hand-picked configuration's
    highest: bool = False  # whether it is at the highest fidelity, so that its values are the search's
    confirms: bool = False  # whether it trains again what the rung below it found best

    def __post_init__(self) -> None:
        check(self)


def climb(fidelities: Sequence[str], trials: int, *, prior: bool) -> tuple[Rung, ...]:
    """The rungs of a search that draws `trials` configurations.

    About one of ten drawn reaches the highest fidelity, one of twenty where there are fidelities between, at least
    three; those between get what is geometrically between. Of a single fidelity nothing is promoted, and its best are
    confirmed all the same.

    Args:
        fidelities: names, cheapest first; at least one.
        trials: configurations on the first rung, the hand-picked one among them; at least 1.
        prior: whether a hand-picked configuration is among them.

    """
    hand = int(prior)
    drawn = trials - hand
    steps = len(fidelities) - 1
    top = min(drawn, max(PROMOTED, round(trials / (_SIFTED if steps > 1 else _SHARE))))
    rungs = [Rung(fidelity=fidelities[0], slots=trials, prior=prior, highest=not steps)]
    for step, fidelity in enumerate(fidelities[1:], start=1):
        promoted = round(max(drawn, 1) * (max(top, 1) / max(drawn, 1)) ** (step / steps)) if drawn else 0
        rungs.append(Rung(fidelity=fidelity, slots=promoted + hand, prior=prior, highest=step == steps))
    confirmed = min(CONFIRMED, rungs[-1].slots - hand)
    last = Rung(fidelity=fidelities[-1], slots=confirmed + hand, prior=prior, highest=True, confirms=True)
    return (*rungs, last)


def lacking(rung: Rung, *, there: int, waiting: int, grown: bool) -> int:
    """Slots a rung lacks, where its study has some of it already or none.

    Args:
        rung: as it is wanted.
        there: its slots.
        waiting: how many of them wait for a configuration.
        grown: whether the rung below it gets more than it had: what is best then is confirmed anew.

    """
    if rung.confirms and there:
        return max(0, rung.slots - int(rung.prior) - waiting) if grown else 0
    return max(0, rung.slots - there)


def out_of_order(fidelities: Sequence[Fidelity], evaluation: Evaluation) -> str | None:
    """The first fidelity that has less of one kind of work than the one before it, and of no kind more.

    None where they may go from the cheapest up.
    """
    for before, after in itertools.pairwise(fidelities):
        had, has = (_amounts(each, evaluation) for each in (before, after))
        if had != has and all(later <= earlier for earlier, later in zip(had, has, strict=True)):
            return after.name
    return None


def _amounts(fidelity: Fidelity, evaluation: Evaluation) -> tuple[float, ...]:
    """Epochs, rows, batches and folds of one evaluation; all there are, however many, are infinitely many."""
    rows, steps = (math.inf if most is None else most for most in (fidelity.rows, fidelity.steps))
    return fidelity.epochs, rows, steps, evaluation.trainings(fidelity.folds)
