"""The report's conclusions held against the measured tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from hpo.analysis.tables.contrasts import ClaimVerdict, ContrastFinding, examine_contrast
from hpo.analysis.tables.measured import TableFinding
from hpo.errors import UsageError
from hpo.study import Claim, Direction
from hpo.study.checked_records import NotNegative, arguments, check

__all__ = ["ClaimFinding", "ClaimVerdict", "ContrastFinding", "judge"]


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
