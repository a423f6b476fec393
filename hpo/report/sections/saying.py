"""What both configurations say of the test rows: confusion or prediction, and the report's examples."""

from collections.abc import Sequence

from hpo.report import examples
from hpo.report.document import Part, Text
from hpo.report.sections.charts import Charts
from hpo.service.findings import Findings

__all__ = ["parts"]


def parts(findings: Findings, charts: Charts) -> Sequence[Part]:
    """The figures, then one right and one wrong picture, or a near and a far row, as the report shows them."""
    predictions = findings.predictions
    if predictions is None:
        return ()
    both = predictions.optimum is not None and predictions.baseline is not None
    said = "both configurations" if both else "one configuration"
    lead = Text(text=f"The first pair of the comparison kept what {said} said of each test row.", tone="lead")
    shown = examples.right_and_wrong(findings) if predictions.kind == "labels" else examples.near_and_far_rows(findings)
    return (lead, *charts.of("confusion", "predicted"), *shown)
