"""Statistical methods over plain arrays, each with its source: intervals, tests, corrections, power, looks."""

__all__ = [
    "dunnett",
    "holm",
    "intervals",
    "looks",
    "pareto",
    "permutation",
    "power",
]
