"""What a comparison found, as one record that a storage keeps and a page tells."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from hpo.analysis import Comparison, RaceFinding
from hpo.experiments.compare.budget import Budget
from hpo.experiments.compare.interim_analyses import InterimAnalysis
from hpo.experiments.compare.record_json import decode, plain
from hpo.study import Params

__all__ = ["Claimed", "CompareReport", "Heat", "Scores", "Side"]


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two configurations compared."""

    name: str  # "trial 76" or the baseline's name
    number: int | None  # Optuna's number of its trial in the search; None: it was not tried there
    params: Params  # as the search's space writes it
    value: float | None  # the search's own value of it, on validation rows; None: not complete there


@dataclass(frozen=True, kw_only=True)
class Heat:
    """One heat of the race: the same validation rows for all, never a test row."""

    fidelity: str
    rounds: int  # common splits; each racer has a score in each
    finding: RaceFinding
    dropped: tuple[str, ...] = ()  # who gave no score in some round and is therefore out, each with the reason


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The paired scores a verdict rests on: entry i of both sides shares rows, initial seed and batch order."""

    optimum: tuple[float, ...]  # (pairs,) the metric on test rows
    baseline: tuple[float, ...]  # (pairs,)
    lost: tuple[str, ...] = ()
    # pairs in which a side gave no score, in words; its score there is the worst of all scores, so the pair is lost


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """What the report says of the baseline beside what it gives when trained as the report says."""

    reported: Mapping[str, Decimal]  # figure name (train, test, seconds) -> as printed
    measured: Mapping[str, tuple[float, ...]]  # figure name -> one a repeat


@dataclass(frozen=True, kw_only=True)
class CompareReport:
    """Whether the optimum of a search beats the hand-picked configuration, and by how much."""

    study: str  # name of the search
    definition: str
    space: str
    metric: str
    unit: str  # of the metric; may be empty
    direction: str  # maximize or minimize
    search_fidelity: str
    fidelity: str  # of the final
    baseline: Side
    optimum: Side
    heats: tuple[Heat, ...]
    rows: str  # what the verdict is about: "share" (the definition's test rows) or "resampled" (rows drawn anew)
    comparison: Comparison  # the verdict: does the optimum beat the baseline?
    scores: Scores
    resampled: Comparison | None  # the second line, about the task rather than one test set; None: there is none
    resampled_scores: Scores | None
    looks: tuple[InterimAnalysis, ...]  # of this search, oldest first, this one included; both kinds of rows
    budget: Budget
    claimed: Claimed | None  # None: the definition has no table with the baseline in it

    def shortfall(self, wanted: str) -> str | None:
        """Why this is not the verdict `wanted`, in words; None where it is.

        An optimum that gave no score in some pair is no better choice, however good the other pairs are: as in the
        race, what trains only sometimes is no optimum.
        """
        if self.comparison.verdict != wanted:
            return f"the verdict is {self.comparison.verdict}, and --require {wanted} asks for another"
        lost = [pair for pair in self.scores.lost if pair.startswith(f"{self.optimum.name}, pair ")]
        if wanted != "better" or not lost:
            return None
        pairs = f"{len(lost)} of {self.comparison.pairs} pairs"
        return f"--require better asks for an optimum that trains, and it gave no score in {pairs}: {lost[0]}"

    def to_json(self) -> dict[str, Any]:
        """What `hpo compare --json` prints: the verdict's figures at the top level, then the rest."""
        verdict = plain(self.comparison)
        del verdict["resampled"]  # `rows` says it, and the second line has that name
        rest = {field.name: plain(getattr(self, field.name)) for field in fields(self) if field.name != "comparison"}
        first = {name: rest.pop(name) for name in ("study", "baseline", "optimum")}
        return {**first, **verdict, **rest}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "CompareReport":
        """The report that `to_json` wrote."""
        known = {**document, "resampled": document["rows"] == "resampled"}
        its = {field.name: known[field.name] for field in fields(Comparison)}
        report: CompareReport = decode(cls, {**document, "comparison": its})
        return report
