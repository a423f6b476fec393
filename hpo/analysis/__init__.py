"""What measurements say: comparisons, races, tables. Pure functions over plain records; no Keras, no Optuna."""

from hpo.analysis.comparison import compare
from hpo.analysis.comparison.reliability import FailureRate, Failures, failures
from hpo.analysis.comparison.verdict import Comparison, Verdict
from hpo.analysis.comparison.verdict_wording import ASSUMED, failed, sentence, unseen
from hpo.analysis.methods.multiple_testing import DECIDING_PAIRS, holm, interim_alpha
from hpo.analysis.ranking import RaceFinding, Racer, rank
from hpo.analysis.tables import FigureFinding, RowFinding, RowScores, TableFinding, examine
from hpo.analysis.tables.choice import choose
from hpo.analysis.tables.claims import ClaimFinding, ContrastFinding, judge

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
