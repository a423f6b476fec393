"""A comparison in words: what was found, how sure it is, and what would tell more."""

from hpo.analysis.verdict import Comparison

__all__ = ["note", "sentence"]


def sentence(
    comparison: Comparison,
    *,
    metric: str,
    unit: str = "",
    optimum: str = "the automated optimum",
    baseline: str = "the hand-picked configuration",
    about: str = "on the test rows",
) -> str:
    """The verdict in one honest sentence.

    Args:
        comparison: of the optimum (a) with the baseline (b).
        metric: what was scored: "accuracy".
        unit: of the metric, after a figure: "thousand dollars".
        optimum: what a is called.
        baseline: what b is called.
        about: what the verdict is about.

    """
    raise NotImplementedError


def note(comparison: Comparison) -> str:
    """One sentence on how far the verdict carries; "" where there is nothing to add."""
    raise NotImplementedError
