"""What all figures have in common: the panel one is described by, an empty canvas, axes, and numbers made short."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from hpo.report import theme
from hpo.report.document import Chart

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from hpo.experiments.findings import Findings

__all__ = [
    "SIZE",
    "Charts",
    "Panel",
    "Shown",
    "axis",
    "canvas",
    "charts",
    "figure_json",
    "log_ticks",
    "note",
    "padded",
    "plain",
    "short",
    "slim",
    "standing_alone",
    "titled",
    "window",
    "words",
]

SIZE = 12  # px of ticks, legends and notes: readable on a phone, where a figure is 350 px wide
_TITLE = 34  # px above a figure for its title, where nothing around it gives that
_LABEL = 20  # characters of a tick label: at SIZE they leave two thirds of a phone's width to the figure


def canvas(*, height: int, x: Mapping[str, Any], y: Mapping[str, Any], **layout: Any) -> "go.Figure":
    """An empty figure `height` px high and as wide as its place; `x` and `y` are axes, as `axis` makes them."""
    import plotly.graph_objects as go

    legend = {"orientation": "h", "x": 0, "xanchor": "left", "y": 0, "yanchor": "bottom", "yref": "container"}
    return go.Figure(
        layout={
            "template": {},  # Plotly's own is 6 kB in every figure
            "height": height,
            "autosize": True,
            "margin": {"l": 8, "r": 12, "t": 24, "b": 8},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": "system-ui, sans-serif", "size": SIZE, "color": theme.INK.light},
            "hovermode": "closest",
            "hoverlabel": {"align": "left", "bgcolor": theme.PAPER.light, "font": {"color": theme.INK.light}},
            "dragmode": False,  # a finger that scrolls the page must not zoom a figure
            "legend": {**legend, "font": {"size": SIZE}, "tracegroupgap": 0},
            "xaxis": dict(x),
            "yaxis": dict(y),
            **layout,
        }
    )


def standing_alone(figure: "go.Figure", title: str) -> "go.Figure":
    """The same figure for a place that gives it neither a title nor a background."""
    above, height = figure.layout.margin.t, figure.layout.height
    return figure.update_layout(
        height=(400 if height is None else height) + _TITLE,
        margin={"t": (24 if above is None else above) + _TITLE},
        title={"text": plain(title), "x": 0.01, "xanchor": "left", "yref": "container"},
        paper_bgcolor=theme.PAPER.light,
        plot_bgcolor=theme.PAPER.light,
    )


def axis(title: str = "", **more: Any) -> dict[str, Any]:
    """One axis: thin grid, no frame, margins that make room for its labels."""
    return {
        "title": {"text": title, "font": {"size": SIZE}, "standoff": 8},
        "gridcolor": theme.GRID.light,
        "linecolor": theme.MUTED.light,
        "zeroline": False,
        "automargin": True,
        "tickfont": {"size": SIZE},
        **more,
    }


def note(text: str, **more: Any) -> dict[str, Any]:
    """A word written into a figure, without an arrow."""
    return {"text": text, "showarrow": False, "font": {"size": SIZE, "color": theme.MUTED.light}, **more}


def titled(name: str, unit: str) -> str:
    """The title of an axis: what it is, in what unit."""
    return f"{name} ({unit})" if unit else name


def plain(value: object) -> str:
    """Any text as Plotly shows it letter by letter: Plotly reads tags and entities in every text it is given."""
    return escape(str(value), quote=False)


def words(params: Mapping[str, object], line: int = 3) -> str:
    """A configuration as hover text: `name=value`, `line` of them a line."""
    pieces = [plain(f"{name}={slim(value)}") for name, value in params.items()]
    return "<br>".join(", ".join(pieces[at : at + line]) for at in range(0, len(pieces), line))


def short(text: object, limit: int = _LABEL) -> str:
    """A tick label: cut off in the middle, since both ends tell things apart."""
    whole = str(text)
    if len(whole) <= limit:
        return whole
    head = (limit - 1) // 2
    return f"{whole[:head]}…{whole[len(whole) - (limit - 1 - head) :]}"


def slim(value: Any, digits: int = 6) -> Any:
    """A number with as many digits as can be seen; lists and the like number by number; anything else as it is."""
    if isinstance(value, float):
        if not math.isfinite(value):
            return None  # JSON has no word for it, and Plotly leaves a gap there
        return float(f"{value:.{digits}g}")
    if isinstance(value, list | tuple):
        return [slim(inner, digits) for inner in value]
    return value


def padded(values: Iterable[float | None], share: float = 0.06) -> list[float]:
    """[low, high] around all of the values that are finite, with a little room; never empty."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return [0.0, 1.0]
    low, high = min(known), max(known)
    room = (high - low) * share or abs(high) * share or 1.0
    return [low - room, high + room]


def window(values: Sequence[float], keep: Sequence[float] = ()) -> tuple[float, float]:
    """The part of the axis worth looking at: all `keep`, and of `values` what lies within Tukey's far fences.

    A few trainings that went wrong would otherwise press all others into a line. Fences: three interquartile ranges
    beyond the quartiles (Tukey, Exploratory Data Analysis, 1977).
    """
    import numpy as np

    known = np.asarray([value for value in values if math.isfinite(value)], dtype=float)
    if known.size:
        low, high = np.quantile(known, [0.25, 0.75])
        reach = 3 * (high - low)
        known = known[(known >= low - reach) & (known <= high + reach)]
    low, high = padded([*known.tolist(), *keep])
    return low, high


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers from `low` to `high` (both above 0) for a logarithmic axis: at most six, which a phone holds."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = [float(f"{step}e{power}") for power in range(first, last + 1) for step in steps]
        within = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
        if len(within) <= 6:
            break
    if len(within) < 3:  # within a decade: multiples of one number tell it better
        within = _multiples(low, high) or within
    stride = -(-len(within) // 6) or 1
    return within[::stride] or [low]


def _multiples(low: float, high: float) -> list[float]:
    """At most six multiples of 1, 2 or 5 times a power of ten from `low` to `high`; none where they are the same."""
    if not high > low:
        return []
    power = math.floor(math.log10((high - low) / 6))
    for factor in (1, 2, 5, 10):
        unit = float(f"{factor}e{power}")
        first, last = math.ceil(low / unit - 1e-9), math.floor(high / unit + 1e-9)
        if last - first < 6:
            return [number * unit for number in range(first, last + 1)]
    return []


def figure_json(figure: "go.Figure") -> str:
    """The figure as JSON: data and layout, finite numbers only, and no word on what it leaves to the page."""
    whole = json.loads(figure.to_json())
    whole["layout"].pop("template", None)
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


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
