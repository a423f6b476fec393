"""The figures of the report page: for each a pure data function, and a renderer in Plotly.

`shown(findings)` gives all there is to show, in the order of the page. `figure_json` is how a figure goes into a page.
"""

from typing import TYPE_CHECKING, Any

from hpo.report.figures import (
    ablations,
    climb_chart,
    comparison_charts,
    curves,
    importance_charts,
    network_charts,
    prediction_charts,
    search_charts,
    sweeps,
)
from hpo.report.figures.canvas import Panel, Shown, figure_json

if TYPE_CHECKING:
    from hpo.experiments.findings import Findings

__all__ = ["FIGURES", "Panel", "Shown", "figure_json", "shown"]

FIGURES: tuple[Panel, ...] = (
    comparison_charts.PAIRS,
    comparison_charts.RACE,
    search_charts.FRONT,
    search_charts.HISTORY,
    climb_chart.PANEL,
    network_charts.GRADIENTS,
    network_charts.LAYERS,
    sweeps.PANEL,
    ablations.PANEL,
    importance_charts.IMPORTANCE,
    importance_charts.INTERACTION,
    curves.PANEL,
    prediction_charts.CONFUSION,
    prediction_charts.PREDICTED,
)


def shown(findings: "Findings") -> tuple[Shown, ...]:
    """Every figure there are data for, in the order of the page; those of one panel follow one another."""
    found = []
    for panel in FIGURES:
        record = panel.data(findings)
        if record is None:
            continue
        records: tuple[Any, ...] = record if panel.many else (record,)
        found += [
            Shown(
                id=one.id if panel.many else panel.id,
                panel=panel.id,
                heading=panel.title,
                title=one.title if panel.many else panel.title,
                caption=panel.caption(one),
                figure=panel.draw(one),
            )
            for one in records
        ]
    return tuple(found)
