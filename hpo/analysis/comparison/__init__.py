"""Does a beat b? The answer from paired scores, as a record and in words."""

from hpo.analysis.comparison.paired import compare
from hpo.analysis.comparison.reliability import FailureRate, Failures, failures
from hpo.analysis.comparison.verdict import MEANINGFUL, Comparison, Verdict
from hpo.analysis.comparison.verdict_wording import ASSUMED, failed, sentence, unseen

__all__ = [
    "ASSUMED",
    "MEANINGFUL",
    "Comparison",
    "FailureRate",
    "Failures",
    "Verdict",
    "compare",
    "failed",
    "failures",
    "sentence",
    "unseen",
]
