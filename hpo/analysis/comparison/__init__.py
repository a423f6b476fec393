"""Does a beat b? The answer from paired scores, as a record and in words."""

from hpo.analysis.comparison.paired import compare
from hpo.analysis.comparison.verdict import MEANINGFUL, Comparison, Verdict
from hpo.analysis.comparison.wording import sentence

__all__ = [
    "MEANINGFUL",
    "Comparison",
    "Verdict",
    "compare",
    "sentence",
]
