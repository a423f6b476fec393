"""Networks layer by layer, before anything is trained: gradients, and mean and variance of activations.

Three charts one above the other, from the inputs on the left to the outputs on the right, a line a network. The
networks are those of the tables a definition names (`StudyDefinition.layered`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpo.analysis.table_wording import row_label
from hpo.report import theme
from hpo.report.figures.canvas import axis, canvas, note, plain, short, slim
from hpo.report.figures.panel import Panel
from hpo.report.gradient_health import power

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from hpo.experiments.findings import Findings, ProbedNetwork
    from hpo.study import Sweep

__all__ = ["PANEL", "LayerChart", "LayerLine", "caption", "data", "draw"]

_COLOURS = (
    *(theme.BAD, theme.BASELINE, theme.CHANCE, theme.MEASURED, theme.MUTED),
    *(theme.REPORTED, theme.OPTIMUM, theme.GOOD, theme.INK),
)
_DASHES = ("solid", "dash", "dot")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x")
_MEANS = (-1.0, 2.0)  # of activations: what lies beyond leaves the chart
_VARIANCES = (-4.0, 4.0)  # powers of ten, likewise
_BEYOND = 50.0  # powers of ten: float32 ends at 38
_GRADIENTS = (-15.0, 20.0)  # powers of ten, likewise


@dataclass(frozen=True, kw_only=True)
class LayerLine:
    """One network; a number a hidden layer, from the inputs to the outputs."""

    label: str
    gradients: tuple[float, ...]  # norm, as clipping leaves it; NaN, here and below, where it left the finite numbers
    means: tuple[float, ...]  # of what the activation gives
    variances: tuple[float, ...]  # of the same


@dataclass(frozen=True, kw_only=True)
class LayerChart:
    """The networks of one table."""

    id: str
    title: str
    lines: tuple[LayerLine, ...]


def data(findings: "Findings") -> tuple[LayerChart, ...] | None:
    """A chart for each table that is to be drawn so and some network of which was looked into."""
    definition = findings.definition
    if definition is None:
        return None
    tables = {sweep.id: sweep for sweep in definition.sweeps}
    charts = [
        LayerChart(id=f"layers-{name}", title=f"{tables[name].title}: layer by layer", lines=_lines(findings, found))
        for name in definition.layered
        if (found := tables.get(name)) is not None
    ]
    return tuple(chart for chart in charts if chart.lines) or None


def _lines(findings: "Findings", sweep: "Sweep") -> tuple[LayerLine, ...]:
    """Of the first repeat of each row: the others begin with weights of the same kind."""
    swept = [network for network in findings.networks if network.swept]
    lines = []
    for row in sweep.rows:
        params = sweep.configuration(row)
        network = next((one for one in swept if dict(one.params) == params), None)
        if network is not None:
            lines.append(_line(row_label(sweep, row), network))
    return tuple(lines)


def _line(label: str, network: "ProbedNetwork") -> LayerLine:
    hidden = network.start.hidden
    return LayerLine(
        label=label,
        gradients=tuple(layer.clipped_norm for layer in hidden),
        means=tuple(layer.activation_mean for layer in hidden),
        variances=tuple(layer.activation_variance for layer in hidden),
    )


def caption(record: LayerChart) -> str:
    """What is to be seen."""
    text = (
        "Hidden layers from the inputs to the outputs, before the first epoch: the norm of each layer's gradient, as "
        "clipping leaves it, and mean and variance of what its activation gives. A gradient that vanishes falls to the "
        "left. The thin lines are mean 0 and variance 1."
    )
    means = any(not _MEANS[0] <= mean <= _MEANS[1] for line in record.lines for mean in line.means)
    wild = any(not _VARIANCES[0] <= at <= _VARIANCES[1] for line in record.lines for at in _logs(line.variances))
    return f"{text} Lines that leave a chart go on beyond it." if means or wild else text


def draw(record: LayerChart) -> "go.Figure":
    """Three charts with one legend; colour, dash and symbol tell the networks apart."""
    depth = max(len(line.gradients) for line in record.lines)
    norms = [at for line in record.lines for at in _logs(line.gradients)]
    lowest, highest = max(min(norms), _GRADIENTS[0]), min(max(norms), _GRADIENTS[1])
    figure = canvas(
        height=620 + 11 * len(record.lines),
        x=axis("hidden layer", range=[0.5, depth + 0.5], anchor="y3", dtick=1 if depth <= 10 else 2, tick0=2),
        y=axis(domain=[0.67, 0.97], **_powers(lowest - 0.5, highest + 0.5)),
        yaxis2=axis(domain=[0.335, 0.605], range=list(_MEANS)),
        yaxis3=axis(domain=[0.0, 0.27], **_powers(*_VARIANCES)),
    )
    for text, top in (("gradient norm", 0.97), ("mean of activations", 0.605), ("variance of activations", 0.27)):
        figure.add_annotation(
            note(text, xref="paper", yref="paper", x=0, y=top, xanchor="left", yanchor="bottom", yshift=2)
        )
    for place in ("y2", "y3"):  # mean 0; variance 1, whose logarithm is 0
        figure.add_hline(y=0, yref=place, line={"color": theme.MUTED.light, "width": 1})
    for number, line in enumerate(record.lines):
        colour, dash = _COLOURS[number % len(_COLOURS)].light, _DASHES[number % len(_DASHES)]
        for place, values, told in (
            ("y", _logs(line.gradients), line.gradients),
            ("y2", line.means, line.means),
            ("y3", _logs(line.variances), line.variances),
        ):
            figure.add_scatter(
                x=list(range(1, len(values) + 1)),
                y=slim(list(values), 4),
                yaxis=place,
                mode="lines+markers",
                line={"color": colour, "width": 1.5, "dash": dash},
                marker={"symbol": _SYMBOLS[number % len(_SYMBOLS)], "size": 5, "color": colour},
                name=plain(short(line.label, 40)),
                legendgroup=str(number),
                showlegend=place == "y",
                text=[f"{plain(line.label)}<br>layer {at}: {one:.3g}" for at, one in enumerate(told, start=1)],
                hovertemplate="%{text}<extra></extra>",
            )
    return figure


def _logs(values: tuple[float, ...]) -> list[float]:
    """log10 of each: what is 0, or left the finite numbers, lies beyond every chart."""
    return [power(value, edge=_BEYOND) for value in values]


def _powers(low: float, high: float) -> dict[str, Any]:
    """An axis of powers of ten with at most seven ticks."""
    stride = next(step for step in (1, 2, 3, 4, 6, 10) if (high - low) / step <= 7)
    ticks = [at for at in range(-15, 21) if low <= at <= high and at % stride == 0]
    return {
        "range": [low, high],
        "tickvals": ticks,
        "ticktext": ["1" if not at else f"1e{at}".replace("-", "−") for at in ticks],
    }


PANEL = Panel(id="layers", title="Layer by layer", caption=caption, data=data, draw=draw, many=True)
