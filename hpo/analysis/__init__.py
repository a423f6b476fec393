"""What measurements say: comparisons, races, tables. Pure functions over plain records; no Keras, no Optuna, SciPy when needed."""

from hpo.analysis.comparison import compare
from hpo.analysis.looks import DECIDING_PAIRS, alpha_of_look
from hpo.analysis.race import RaceFinding, Racer, rank
from hpo.analysis.verdict import Comparison, Verdict
from hpo.analysis.wording import sentence

__all__ = [
    "DECIDING_PAIRS",
    "Comparison",
    "RaceFinding",
    "Racer",
    "Verdict",
    "alpha_of_look",
    "compare",
    "rank",
    "sentence",
]
