"""The report's conclusions held against the measured tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hpo.analysis.tables import TableFinding
from hpo.study import Claim, Contrast, Direction

__all__ = ["ClaimFinding", "ClaimVerdict", "ContrastFinding", "judge"]

ClaimVerdict = Literal["supported", "contradicted", "undecided", "unmeasured"]


@dataclass(frozen=True, kw_only=True)
class ContrastFinding:
    """What the repeats say of one contrast."""

    contrast: Contrast
    verdict: ClaimVerdict
    difference: float | None  # mean of `rows` minus mean of `than`, in the figure's unit; None: a row is not measured
    ci95: tuple[float, float] | None  # of the difference; None where the repeats do not tell the noise
    p: float | None  # two-sided, of no difference; where the claim is "alike": of a difference beyond the margin
    margin: float | None  # what counts as no difference, in the figure's unit; None for seconds
    note: str = ""  # what stood in the way of a verdict, one sentence; empty where nothing did


@dataclass(frozen=True, kw_only=True)
class ClaimFinding:
    """What the measured tables say of one conclusion."""

    claim: Claim
    verdict: ClaimVerdict
    evidence: tuple[ContrastFinding, ...]  # one a contrast, in the claim's order; empty: no table can test it


def judge(
    claims: Sequence[Claim],
    tables: Sequence[TableFinding],
    *,
    direction: Direction,
    margin: float | None = None,
    alpha: float = 0.05,
) -> tuple[ClaimFinding, ...]:
    raise NotImplementedError
