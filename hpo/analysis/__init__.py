"""What measurements say: comparisons, races, tables. Pure functions over plain records; no Keras, no Optuna.

Importing it imports NumPy alone, and SciPy when something is called. Records have `to_json` and `from_json` where they
are kept. `methods` (intervals, significance, power, Pareto fronts) lies under `comparison` (does a beat b), `tables`
(measured beside reported, the choice among rows), `claims`, `parameter_importance` and `ranking` (the race). Which of
two values is better is asked of the direction everywhere, and a gain is above 0 where the first one is better. What the
methods are and where they come from: docs/statistics.md.
"""

from hpo.analysis.claims import ClaimFinding, ContrastFinding, judge
from hpo.analysis.comparison import compare
from hpo.analysis.methods.power import DECIDING_PAIRS, holm, interim_alpha
from hpo.analysis.ranking import RaceFinding, Racer, rank
from hpo.analysis.tables import FigureFinding, RowFinding, RowScores, TableFinding, choose, examine
from hpo.analysis.verdict import Comparison, FailureRate, Failures, Verdict, failures
from hpo.analysis.verdict_wording import ASSUMED, failed, sentence, unseen

__all__ = [
    "ASSUMED",
    "DECIDING_PAIRS",
    "ClaimFinding",
    "Comparison",
    "ContrastFinding",
    "FailureRate",
    "Failures",
    "FigureFinding",
    "RaceFinding",
    "Racer",
    "RowFinding",
    "RowScores",
    "TableFinding",
    "Verdict",
    "choose",
    "compare",
    "examine",
    "failed",
    "failures",
    "holm",
    "interim_alpha",
    "judge",
    "rank",
    "sentence",
    "unseen",
]
