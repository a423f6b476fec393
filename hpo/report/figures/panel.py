"""What a panel of the report page is: a pure function that picks the data out, a renderer, and the figures it gives."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpo.report.document import Chart
from hpo.report.figures.canvas import figure_json

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from hpo.experiments.findings import Findings

__all__ = ["Charts", "Panel", "Shown", "charts"]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel. `data` picks out of the findings what is drawn and changes nothing; `draw` needs no more than that."""

    id: str  # of its place in the page
    title: str
    caption: Callable[[Any], str]  # record -> what is to be seen, in a sentence or a few, as plain text
    data: "Callable[[Findings], Any | None]"  # -> a frozen record; None: nothing to show
    draw: "Callable[[Any], go.Figure]"  # record -> figure, in the light colours, transparent, of no fixed width
    many: bool = False  # `data` gives a tuple of records, each with `id` and `title`, and each is a figure of its own


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One figure of a page."""

    id: str  # unique in the page; "sweep-optimizer", say
    panel: str  # id of its panel: the figures of one panel belong under one heading
    heading: str  # title of its panel
    title: str  # its own; the panel's where that has one figure
    caption: str  # plain text, not HTML
    figure: "go.Figure"


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
