"""Inside the networks: how gradients fare from the last layer to the first, and each layer by depth."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from hpo.analysis.table_wording import row_label
from hpo.report import theme
from hpo.report.figures.canvas import Panel, axis, canvas, note, plain, short, slim
from hpo.report.gradient_health import APART, EDGE, LARGEST, SMALLEST, Fate, Mend, ends, fate, layer_kind, mend, power

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from hpo.experiments.findings import Findings, ProbedNetwork
    from hpo.study import Sweep

__all__ = [
    "GRADIENTS",
    "LAYERS",
    "GradientMark",
    "Gradients",
    "LayerChart",
    "LayerLine",
    "draw_gradients",
    "draw_layers",
    "gradients_caption",
    "gradients_data",
    "layers_caption",
    "layers_data",
]

_MOST = 20  # kinds of network drawn: rows a phone can scroll past
_LANE = 16  # px between two marks of a kind

_SYMBOLS: dict[Mend, str] = {"nothing": "circle", "batch normalization": "diamond", "clipping": "square"}


@dataclass(frozen=True, kw_only=True)
class GradientMark:
    """Networks of one kind and depth, with the same against vanishing and exploding: medians."""

    row: int  # index of their kind
    depth: int  # hidden layers
    mend: Mend
    first: float  # log10 of gradient norm by weight norm in the first hidden layer, as clipping leaves it, within ±12
    last: float  # in the last one
    unclipped: float  # in the first one, before clipping
    fates: tuple[Fate, ...]  # of each, as clipping leaves the gradients
    searched: int  # how many are trials of the search; the others are of the tables


@dataclass(frozen=True, kw_only=True)
class Gradients:
    """Networks by activation and initializer."""

    kinds: tuple[str, ...]  # "relu, he_normal": activation and initializer of the hidden layers, by name
    marks: tuple[GradientMark, ...]  # by kind, depth, mend
    left_out: int  # networks of rarer kinds


def gradients_data(findings: "Findings") -> Gradients | None:
    """The networks before their first epoch; None where none was looked into."""
    if not findings.networks:
        return None
    counted = Counter(layer_kind(network.start) for network in findings.networks)
    common = sorted(name for name, _ in counted.most_common(_MOST))
    groups: dict[tuple[int, int, Mend], list[ProbedNetwork]] = defaultdict(list)
    for network in findings.networks:
        start = network.start
        if layer_kind(start) in common:
            groups[common.index(layer_kind(start)), len(start.hidden), mend(start)].append(network)
    marks = tuple(_mark(*place, networks) for place, networks in sorted(groups.items(), key=lambda item: item[0]))
    left_out = len(findings.networks) - sum(map(len, groups.values()))
    return Gradients(kinds=tuple(common), marks=marks, left_out=left_out)


def _mark(row: int, depth: int, mended: Mend, networks: "list[ProbedNetwork]") -> GradientMark:
    starts = [network.start for network in networks]
    both = [ends(start, clipped=True) for start in starts]
    return GradientMark(
        row=row,
        depth=depth,
        mend=mended,
        first=median(first for first, _ in both),
        last=median(last for _, last in both),
        unclipped=median(ends(start)[0] for start in starts),
        fates=tuple(fate(start, clipped=True) for start in starts),
        searched=sum(not network.swept for network in networks),
    )


def gradients_caption(record: Gradients) -> str:
    """What is to be seen."""
    text = (
        "Networks before their first epoch, of trials and of rows of the tables, by activation and initializer. The "
        "mark is the gradient of the first hidden layer by the norm of its weights, how far a step at rate 1 moves it; "
        "the line leads there from the last hidden layer. Larger and stronger marks have more hidden layers. "
        f"Gradients vanish where a line is {APART:.0f} powers of ten long to the left or ends left of the band: a step "
        "at rate 0.01 is then lost in the weights' digits. They explode where it is as long to the right or lies right "
        "of the band: such a step is larger than the layer. A square has what clipping leaves."
    )
    if any(abs(end) == EDGE for mark in record.marks for end in (mark.first, mark.last)):
        text += " What lies on the edge lies there or beyond."
    if record.left_out:
        text += f" {record.left_out} networks of rarer kinds are left out."
    return text


def draw_gradients(record: Gradients) -> "go.Figure":
    """Kinds one under the other, a lane for each depth and mend; symbols tell mends, size and shade the depth."""
    lanes, at = [], 0.0
    rows: dict[int, list[float]] = defaultdict(list)
    for before, mark in zip((None, *record.marks), record.marks, strict=False):
        at += 1.0 if before is None or before.row == mark.row else 2.0
        lanes.append(at)
        rows[mark.row].append(at)
    reach = [end for mark in record.marks for end in (mark.first, mark.last)]
    figure = canvas(
        height=round(170 + _LANE * at),
        x=axis(
            "gradient norm by weight norm",
            range=slim([min(SMALLEST - 5, *reach) - 1, max(LARGEST + 5, *reach) + 1]),  # room for the two words
            tickvals=[-12, -6, 0, 6, 12],
            ticktext=["10<sup>−12</sup>", "10<sup>−6</sup>", "1", "10<sup>6</sup>", "10<sup>12</sup>"],
            tickangle=0,
        ),
        y=axis(
            tickvals=[sum(lanes) / len(lanes) for lanes in rows.values()],
            ticktext=[plain(short(record.kinds[row], 26)) for row in rows],
            range=[at + 1.0, -1.2],
            showgrid=False,
        ),
    )
    figure.add_vrect(x0=SMALLEST, x1=LARGEST, fillcolor=theme.MEASURED_BAND.light, line_width=0, layer="below")
    for text, where, anchor in (("vanishing", SMALLEST, "right"), ("exploding", LARGEST, "left")):
        figure.add_annotation(note(text, x=where, y=-0.5, xanchor=anchor))
    figure.add_scatter(
        x=slim([end for mark in record.marks for end in (mark.last, mark.first, None)]),
        y=[end for lane in lanes for end in (lane, lane, None)],
        mode="lines",
        line={"width": 1.5, "color": theme.MUTED.light},
        hoverinfo="skip",
        showlegend=False,
    )
    deepest = max(mark.depth for mark in record.marks)
    shades = [[place / (len(theme.SEQUENCE) - 2), colour.light] for place, colour in enumerate(theme.SEQUENCE[1:])]
    for mended, symbol in _SYMBOLS.items():
        its = [(lane, mark) for lane, mark in zip(lanes, record.marks, strict=True) if mark.mend == mended]
        if not its:
            continue
        figure.add_scatter(
            x=slim([mark.first for _, mark in its]),
            y=[lane for lane, _ in its],
            mode="markers",
            marker={
                "symbol": symbol,
                "size": [7 + round(6 * mark.depth / deepest) for _, mark in its],
                "color": [mark.depth for _, mark in its],
                "colorscale": shades,
                "cmin": 1,
                "cmax": max(deepest, 2),
                "line": {"width": 1, "color": theme.INK.light},
            },
            name="nothing against it" if mended == "nothing" else mended,
            text=[_hover(mark, record) for _, mark in its],
            hovertemplate="%{text}<extra></extra>",
        )
    return figure


def _hover(mark: GradientMark, record: Gradients) -> str:
    number = len(mark.fates)
    sources = f"{mark.searched} of the search, {number - mark.searched} of the tables"
    lines = [
        f"{plain(record.kinds[mark.row])}, {mark.depth} hidden layers, {mark.mend} against it",
        f"{number} network{'s' * (number != 1)}: {sources}",
        f"gradient by weights: first hidden layer 1e{mark.first:+.1f}, last 1e{mark.last:+.1f}",
    ]
    if mark.first != mark.unclipped:
        lines.append(f"first before clipping 1e{mark.unclipped:+.1f}")
    told = Counter(mark.fates)
    lines.append(", ".join(f"{count} {word}" for word, count in told.items()))
    return "<br>".join(lines)


GRADIENTS = Panel(
    id="gradients",
    title="Do gradients reach the first layers?",
    caption=gradients_caption,
    data=gradients_data,
    draw=draw_gradients,
)


_COLOURS = (
    *(theme.BAD, theme.BASELINE, theme.CHANCE, theme.MEASURED, theme.MUTED),
    *(theme.REPORTED, theme.OPTIMUM, theme.GOOD, theme.INK),
)
_DASHES = ("solid", "dash", "dot")
_LAYER_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x")
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


def layers_data(findings: "Findings") -> tuple[LayerChart, ...] | None:
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


def layers_caption(record: LayerChart) -> str:
    """What is to be seen."""
    text = (
        "Hidden layers from the inputs to the outputs, before the first epoch: the norm of each layer's gradient, as "
        "clipping leaves it, and mean and variance of what its activation gives. A gradient that vanishes falls to the "
        "left. The thin lines are mean 0 and variance 1."
    )
    means = any(not _MEANS[0] <= mean <= _MEANS[1] for line in record.lines for mean in line.means)
    wild = any(not _VARIANCES[0] <= at <= _VARIANCES[1] for line in record.lines for at in _logs(line.variances))
    return f"{text} Lines that leave a chart go on beyond it." if means or wild else text


def draw_layers(record: LayerChart) -> "go.Figure":
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
                marker={"symbol": _LAYER_SYMBOLS[number % len(_LAYER_SYMBOLS)], "size": 5, "color": colour},
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


LAYERS = Panel(
    id="layers", title="Layer by layer", caption=layers_caption, data=layers_data, draw=draw_layers, many=True
)
