"""Figures as parts of a document, found by the panel they belong to."""

from collections.abc import Iterable, Mapping

from hpo.report.document import Chart
from hpo.report.figures import Shown, figure_json

__all__ = ["Charts", "charts"]


class Charts:
    """The figures of a page, by panel."""

    def __init__(self, by_panel: Mapping[str, tuple[Chart, ...]]) -> None:
        self._by_panel = by_panel

    def of(self, *panels: str) -> tuple[Chart, ...]:
        """The figures of these panels, in their order; those there are."""
        return tuple(chart for panel in panels for chart in self._by_panel.get(panel, ()))


def charts(found: Iterable[Shown]) -> Charts:
    """The figures as the page holds them."""
    by_panel: dict[str, tuple[Chart, ...]] = {}
    for one in found:
        chart = Chart(
            id=f"figure-{one.id}",  # apart from the anchors of the sections
            title=one.title,
            caption=one.caption,
            figure=figure_json(one.figure),
        )
        by_panel[one.panel] = (*by_panel.get(one.panel, ()), chart)
    return Charts(by_panel)
