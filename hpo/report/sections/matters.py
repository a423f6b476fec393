"""Which parameters matter, and how sure that is."""

from collections.abc import Sequence

from hpo.report.document import Cell, Part, Table
from hpo.report.sections.charts import Charts
from hpo.report.words import percent
from hpo.service.findings import Findings

__all__ = ["parts"]


def parts(findings: Findings, charts: Charts) -> Sequence[Part]:
    """Importances with their intervals, and the two most important parameters together."""
    found = findings.importances
    if found is None:
        return ()
    return (*charts.of("importances"), _table(findings), *charts.of("interaction"))


def _table(findings: Findings) -> Table:
    assert findings.importances is not None
    rows = []
    for one in findings.importances.parameters:
        told = one.share > one.chance
        cell = Cell(text="no", mark="") if told else Cell(text="perhaps", mark="open")
        share = " to ".join(percent(bound) for bound in one.ci95)
        rows.append((one.name, percent(one.share), share, str(one.trials), cell))
    return Table(
        caption="Importances in figures",
        headings=("parameter", "share", "95 % interval", "trials with it", "only chance?"),
        rows=tuple(rows),
        right=frozenset({1, 2, 3}),
        folded=True,
    )
