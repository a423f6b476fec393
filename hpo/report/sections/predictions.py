"""What both configurations do: how they learned, and what they predict for the test rows."""

from collections.abc import Sequence

from hpo.experiments.findings import CurvePair, Findings
from hpo.report import examples
from hpo.report.document import Part, Table, Text
from hpo.report.figures.panel import Charts
from hpo.report.formatting import figure

__all__ = ["curves", "predicted"]


def curves(findings: Findings, charts: Charts) -> Sequence[Part]:
    """Learning curves, and where they end."""
    found = findings.curves
    if found is None:
        return ()
    sides = {"optimum": found.optimum, "hand-picked": found.baseline}
    rows = tuple((name, *_ends(pair)) for name, pair in sides.items() if pair is not None)
    ends = Table(
        caption=f"{found.metric.capitalize()} after the last epoch, at fidelity {found.fidelity}",
        headings=("configuration", "epochs", "train", "validation"),
        rows=rows,
        right=frozenset({1, 2, 3}),
        note="Train is the running mean of the last epoch, taken while its weights still changed.",
    )
    return (*charts.of("curves"), ends)


def _ends(pair: CurvePair) -> tuple[str, str, str]:
    step, value = pair.validation[-1]
    return str(step), figure(pair.train[-1][1]) if pair.train else "–", figure(value)


def predicted(findings: Findings, charts: Charts) -> Sequence[Part]:
    """The figures, then one right and one wrong picture, or a near and a far row, as the report shows them."""
    predictions = findings.predictions
    if predictions is None:
        return ()
    both = predictions.optimum is not None and predictions.baseline is not None
    said = "both configurations" if both else "one configuration"
    lead = Text(text=f"The first pair of the comparison kept what {said} said of each test row.", tone="lead")
    shown = examples.right_and_wrong(findings) if predictions.kind == "labels" else examples.near_and_far_rows(findings)
    return (lead, *charts.of("confusion", "predicted"), *shown)
