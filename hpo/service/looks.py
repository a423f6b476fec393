"""Looks at growing data: each spends some of the one error rate of a search's comparisons."""

from dataclasses import dataclass

__all__ = ["Look"]


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look at the pairs of a search. The same pairs again are the same look."""

    number: int  # from 1 among the looks at this kind of rows; 0: fewer than six pairs, which spends nothing
    rows: str  # share or resampled
    baseline: str  # name
    fidelity: str
    optimum: str  # digest of the configuration
    pairs: int
    alpha: float  # what this look may spend
    p_value: float | None
    verdict: str
    looked_at: float  # seconds since 1970
