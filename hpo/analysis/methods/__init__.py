"""Statistical methods over plain arrays, each with its source: intervals, tests, multiple testing, power."""

__all__ = [
    "intervals",
    "means",
    "multiple_testing",
    "pareto",
    "permutation",
    "power",
]
