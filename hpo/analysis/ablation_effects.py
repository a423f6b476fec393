"""What each technique of an ablation adds: alone, in company of all others, and how far the two differ.

Alone is the plain configuration with the technique less the plain one; in company is the full configuration less the
full one without it. Their difference is the interaction: above 0 the others help the technique, below 0 they do its
work for it. All are differences of mean scores on the test rows, with the sign that makes more better, and 95 %
intervals after Welch and Satterthwaite, as for contrasts; no interval is widened for the number of techniques, so of
twenty that add nothing one lies beside 0.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from hpo.analysis.methods.intervals import Interval, critical_t
from hpo.analysis.methods.significance import welch
from hpo.analysis.tables import RowScores
from hpo.errors import UsageError
from hpo.study import Ablation, Direction
from hpo.study.checked_records import Count, Name, arguments, check
from hpo.study.direction import sign

__all__ = [
    "AblationFinding",
    "Effect",
    "TechniqueFinding",
    "examine_ablation",
]


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A difference of mean scores; above 0 is better, whatever the metric's direction."""

    difference: float | None  # the metric's unit; None: a row it takes gave no score
    ci95: Interval | None  # None where the repeats do not tell the noise: fewer than two of a row
    note: str = ""  # what stood in the way, one clause; empty where nothing did

    def __post_init__(self) -> None:
        check(self, error=UsageError)

    @property
    def sure(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.ci95 is not None and not self.ci95[0] <= 0.0 <= self.ci95[1]


@dataclass(frozen=True, kw_only=True)
class TechniqueFinding:
    """What one technique adds."""

    name: Name
    alone: Effect  # to the plain configuration
    company: Effect  # to all the others
    interaction: Effect  # company less alone

    def __post_init__(self) -> None:
        check(self, kind="technique", error=UsageError)


@dataclass(frozen=True, kw_only=True)
class AblationFinding:
    """What the repeats say of an ablation."""

    id: Name
    title: str
    begun: bool  # whether any of its trainings has ended
    repeats: Count  # the fewest of any of its rows that gave a score; 0: some row gave none
    plain: float | None  # mean score of the plain configuration, the metric's unit
    full: float | None  # of the full one
    together: Effect  # full less plain
    techniques: tuple[TechniqueFinding, ...]  # in the ablation's order

    def __post_init__(self) -> None:
        check(self, kind="ablation", error=UsageError)

    def to_json(self) -> dict[str, object]:
        """Plain JSON values under the names of the fields."""
        return {
            "id": self.id,
            "title": self.title,
            "repeats": self.repeats,
            "plain": self.plain,
            "full": self.full,
            "together": _json(self.together),
            "techniques": [
                {
                    "name": one.name,
                    "alone": _json(one.alone),
                    "company": _json(one.company),
                    "interaction": _json(one.interaction),
                }
                for one in self.techniques
            ],
        }


@arguments(UsageError)
def examine_ablation(
    ablation: Ablation, measured: Mapping[tuple[str, int], RowScores], *, direction: Direction
) -> AblationFinding:
    """What was measured of an ablation so far.

    Args:
        ablation: whose table the rows are of.
        measured: (sweep id, row index) -> what that row's repeats gave, as for `examine`.
        direction: of the metric.

    """
    rows = [measured.get((ablation.id, index), RowScores()) for index in range(len(ablation.table.rows))]
    labels = [row.label for row in ablation.table.rows]
    plain, full = 0, len(rows) - 1

    def effect(*weights: tuple[float, int]) -> Effect:
        return _effect([(sign(direction) * weight, rows[row], labels[row]) for weight, row in weights])

    techniques = []
    for number, technique in enumerate(ablation.techniques):
        alone, without = ablation.alone(number), ablation.without(number)
        techniques.append(
            TechniqueFinding(
                name=technique.name,
                alone=effect((1.0, alone), (-1.0, plain)),
                company=effect((1.0, full), (-1.0, without)),
                interaction=effect((1.0, full), (-1.0, without), (-1.0, alone), (1.0, plain)),
            )
        )
    return AblationFinding(
        id=ablation.id,
        title=ablation.title,
        begun=any(row.figures.get("test") or row.reasons for row in rows),
        repeats=min(len(row.figures.get("test", ())) for row in rows),
        plain=_mean(rows[plain]),
        full=_mean(rows[full]),
        together=effect((1.0, full), (-1.0, plain)),
        techniques=tuple(techniques),
    )


def _effect(terms: Sequence[tuple[float, RowScores, str]]) -> Effect:
    """The weighted sum of mean scores; terms: weight, what the row gave, what it is called."""
    for _, row, label in terms:
        if not row.figures.get("test"):
            return Effect(difference=None, ci95=None, note=_why(row, label))
    sides = [(weight, row.figures["test"]) for weight, row, _ in terms]
    difference = math.fsum(weight * fmean(scores) for weight, scores in sides)
    # A row that was trained only sometimes is told by its luckier repeats: say so.
    torn = next((f"some repeats of “{label}” gave no score" for _, row, label in terms if row.reasons), "")
    if any(len(scores) < 2 for _, scores in sides):
        return Effect(difference=difference, ci95=None, note=torn or "one repeat tells no noise: measure 2 or more")
    error, freedom = welch(sides)
    reach = critical_t(0.025, freedom) * error
    return Effect(difference=difference, ci95=(difference - reach, difference + reach), note=torn)


def _why(row: RowScores, label: str) -> str:
    return f"“{label}” gave no score: {row.reasons[0]}" if row.reasons else f"“{label}” has not been measured"


def _mean(row: RowScores) -> float | None:
    scores = row.figures.get("test", ())
    return fmean(scores) if scores else None


def _json(effect: Effect) -> dict[str, object]:
    return {
        "difference": effect.difference,
        "ci95": None if effect.ci95 is None else list(effect.ci95),
        "note": effect.note,
    }
