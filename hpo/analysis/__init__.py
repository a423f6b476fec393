"""What measurements say: comparisons, races, tables. Pure functions over plain records; no Keras, no Optuna.

Importing it imports NumPy alone, and SciPy when something is called. Records have `to_json` and `from_json` where they
are kept. `methods` (intervals, permutation, Dunnett, Holm, power, interim analyses) lies under `comparison` (does a
beat b), `tables` (measured beside reported, the choice among rows, claims), `importance` and `race`. Which of two
values is better is asked of the direction everywhere, and a gain is above 0 where the first one is better. What the
methods are and where they come from: docs/statistics.md.
"""

from hpo.analysis.comparison import compare
from hpo.analysis.comparison.reliability import FailureRate, Failures, failures
from hpo.analysis.comparison.verdict import Comparison, Verdict
from hpo.analysis.comparison.wording import ASSUMED, failed, sentence, unseen
from hpo.analysis.methods.holm import holm
from hpo.analysis.methods.looks import DECIDING_PAIRS, alpha_of_look
from hpo.analysis.race import RaceFinding, Racer, rank
from hpo.analysis.tables import FigureFinding, RowFinding, RowScores, TableFinding, examine
from hpo.analysis.tables.claims import ClaimFinding, ContrastFinding, judge
from hpo.analysis.tables.greedy import choose

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
    "alpha_of_look",
    "choose",
    "compare",
    "examine",
    "failed",
    "failures",
    "holm",
    "judge",
    "rank",
    "sentence",
    "unseen",
]
