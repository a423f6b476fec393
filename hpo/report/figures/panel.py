"""What a panel of the report page is: a pure function that picks the data out, and a renderer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from hpo.service.findings import Findings

__all__ = ["Panel", "Shown"]


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
