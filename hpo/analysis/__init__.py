"""What measurements say: comparisons, races, tables. Pure functions over plain records; no Keras, no Optuna."""

from hpo.analysis.claims import ClaimFinding, ContrastFinding, judge
from hpo.analysis.comparison import compare
from hpo.analysis.greedy import choose
from hpo.analysis.holm import holm
from hpo.analysis.looks import DECIDING_PAIRS, alpha_of_look
from hpo.analysis.race import RaceFinding, Racer, rank
from hpo.analysis.tables import FigureFinding, RowFinding, RowScores, TableFinding, examine
from hpo.analysis.verdict import Comparison, Verdict
from hpo.analysis.wording import sentence

__all__ = [
    "DECIDING_PAIRS",
    "ClaimFinding",
    "Comparison",
    "ContrastFinding",
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
    "holm",
    "judge",
    "rank",
    "sentence",
]
