"""How both configurations learned."""

from collections.abc import Sequence

from hpo.report.document import Part, Table
from hpo.report.sections.charts import Charts
from hpo.report.words import figure
from hpo.service.findings import CurvePair, Findings

__all__ = ["parts"]


def parts(findings: Findings, charts: Charts) -> Sequence[Part]:
    """Learning curves, and where they end."""
    curves = findings.curves
    if curves is None:
        return ()
    sides = {"optimum": curves.optimum, "hand-picked": curves.baseline}
    rows = tuple((name, *_ends(pair)) for name, pair in sides.items() if pair is not None)
    ends = Table(
        caption=f"{curves.metric.capitalize()} after the last epoch, at fidelity {curves.fidelity}",
        headings=("configuration", "epochs", "train", "validation"),
        rows=rows,
        right=frozenset({1, 2, 3}),
        note="Train is the running mean of the last epoch, taken while its weights still changed.",
    )
    return (*charts.of("curves"), ends)


def _ends(pair: CurvePair) -> tuple[str, str, str]:
    step, value = pair.validation[-1]
    return str(step), figure(pair.train[-1][1]) if pair.train else "–", figure(value)
