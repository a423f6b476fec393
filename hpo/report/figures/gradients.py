"""How gradients fade or swell on their way through the networks of a search, before anything is trained.

One dot is one network: the norm of the loss's gradient in its first hidden layer by that in its last. At 1 every layer
learns at the same pace; far to the left the first layers stand still, far to the right their steps tear them apart.
"""

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hpo.report import theme
from hpo.report.figures.canvas import axis, canvas, note, plain, short, slim
from hpo.report.figures.panel import Panel

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from hpo.service.findings import Findings, ProbedNetwork
    from hpo.training.probes import LayerProbe, Probe

__all__ = ["APART", "PANEL", "GradientDot", "Gradients", "Mend", "caption", "data", "draw", "passage"]

APART = 3.0  # powers of ten between first and last layer from which gradients count as vanishing or exploding
_EDGE = 12.0  # powers of ten beyond which a dot lies on the edge: float32 adds nothing so small to a weight
_MOST = 20  # kinds of network drawn: rows a phone can scroll past

Mend = Literal["nothing", "batch normalization", "clipping"]
_SYMBOLS: dict[Mend, str] = {"nothing": "circle", "batch normalization": "diamond", "clipping": "square"}


@dataclass(frozen=True, kw_only=True)
class GradientDot:
    """One network."""

    trial: int
    swept: bool  # of the definition's tables; else of the search
    row: int  # index of its kind
    depth: int  # hidden layers
    passage: float  # log10 of first by last gradient norm, as clipping leaves them, within ±12
    unclipped: float  # the same of the gradients themselves
    mend: Mend  # what stands against vanishing and exploding; batch normalization where there are both


@dataclass(frozen=True, kw_only=True)
class Gradients:
    """Networks by activation and initializer."""

    kinds: tuple[str, ...]  # "relu, he_normal": activation and initializer of the hidden layers, by name
    dots: tuple[GradientDot, ...]
    left_out: int  # networks of rarer kinds


def data(findings: "Findings") -> Gradients | None:
    """The networks before their first epoch; None where none was looked into."""
    kinds = [_kind(network.start) for network in findings.networks]
    if not kinds:
        return None
    common = sorted(kind for kind, _ in Counter(kinds).most_common(_MOST))
    dots = [
        _dot(network, common.index(kind))
        for network, kind in zip(findings.networks, kinds, strict=True)
        if kind in common
    ]
    return Gradients(kinds=tuple(common), dots=tuple(dots), left_out=len(findings.networks) - len(dots))


def passage(probe: "Probe", *, clipped: bool = False) -> float:
    """log10 of the first hidden layer's gradient norm by the last one's, within ±12.

    A gradient that is 0 in the first layer has vanished, one that left the finite numbers has exploded.
    """
    layers = probe.layers[:-1] if len(probe.layers) > 2 else probe.layers
    first, last = (_norm(layer, clipped) for layer in (layers[0], layers[-1]))
    if not (math.isfinite(first) and math.isfinite(last)):
        return _EDGE
    if not first or not last:
        return _EDGE if first else -_EDGE
    return min(max(math.log10(first) - math.log10(last), -_EDGE), _EDGE)


def _norm(layer: "LayerProbe", clipped: bool) -> float:
    return layer.clipped_norm if clipped else layer.gradient_norm


def _kind(probe: "Probe") -> str:
    first = probe.hidden[0]
    return f"{first.activation}, {first.initializer}"


def _dot(network: "ProbedNetwork", row: int) -> GradientDot:
    start = network.start
    mend: Mend = "batch normalization" if start.normalized else "clipping" if start.clips else "nothing"
    return GradientDot(
        trial=network.number,
        swept=network.swept,
        row=row,
        depth=len(start.hidden),
        passage=passage(start, clipped=True),
        unclipped=passage(start),
        mend=mend,
    )


def caption(record: Gradients) -> str:
    """What is to be seen."""
    text = (
        "Each mark is a network before its first epoch, of a trial or of a row of the tables, by activation and "
        "initializer: how large the gradient of its first hidden layer is beside that of its last. The larger and "
        "stronger the mark, the more hidden layers. Left of the band gradients vanish, right of it they explode, by a "
        f"factor of {10**APART:,.0f} or more. A square shows what clipping leaves of them."
    )
    if any(abs(dot.passage) == _EDGE for dot in record.dots):
        text += " Marks on the edge lie there or beyond."
    if record.left_out:
        text += f" {record.left_out} networks of rarer kinds are left out."
    return text


def draw(record: Gradients) -> "go.Figure":
    """Kinds one under the other; the symbol tells what mends, size and shade how deep."""
    reach = max([APART + 1, *(abs(dot.passage) for dot in record.dots)]) + 0.5
    step = 2 if reach < 8 else 4
    ticks = [tick for tick in range(-12, 13, step) if abs(tick) <= reach]
    figure = canvas(
        height=150 + 34 * len(record.kinds),
        x=axis(
            "gradient of the first hidden layer by that of the last",
            tickvals=ticks,
            ticktext=["1" if not tick else f"1e{tick:+d}" for tick in ticks],
            range=slim([-reach, reach]),
        ),
        y=axis(
            tickvals=list(range(len(record.kinds))),
            ticktext=[plain(short(kind, 26)) for kind in record.kinds],
            range=[len(record.kinds) - 0.4, -1.0],
            showgrid=False,
        ),
    )
    figure.add_vrect(x0=-APART, x1=APART, fillcolor=theme.MEASURED_BAND.light, line_width=0, layer="below")
    for text, at, anchor in (("vanishing", -APART, "right"), ("exploding", APART, "left")):
        figure.add_annotation(note(text, x=at, y=-0.75, xanchor=anchor))
    deepest = max(dot.depth for dot in record.dots)
    shades = [[at / (len(theme.SEQUENCE) - 2), colour.light] for at, colour in enumerate(theme.SEQUENCE[1:])]
    for mend, symbol in _SYMBOLS.items():
        dots = [dot for dot in record.dots if dot.mend == mend]
        if not dots:
            continue
        figure.add_scatter(
            x=slim([dot.passage for dot in dots]),
            y=slim([dot.row + _aside(dot.trial) for dot in dots]),
            mode="markers",
            marker={
                "symbol": symbol,
                "size": [7 + round(7 * dot.depth / deepest) for dot in dots],
                "color": [dot.depth for dot in dots],
                "colorscale": shades,
                "cmin": 1,
                "cmax": max(deepest, 2),
                "line": {"width": 1, "color": theme.MUTED.light},
            },
            name="nothing against it" if mend == "nothing" else mend,
            text=[_hover(dot, record) for dot in dots],
            hovertemplate="%{text}<extra></extra>",
        )
    return figure


def _aside(number: int) -> float:
    """Marks of one kind a little above one another by a fixed rule, or they would hide one another."""
    return 0.5 * (math.modf(number * 0.618034)[0] - 0.5)


def _hover(dot: GradientDot, record: Gradients) -> str:
    which = f"training {dot.trial} of the tables" if dot.swept else f"trial {dot.trial}"
    lines = [
        f"{which}: {plain(record.kinds[dot.row])}",
        f"{dot.depth} hidden layers, {dot.mend} against it",
        f"first by last gradient 1e{dot.unclipped:+.1f}",
    ]
    if dot.passage != dot.unclipped:
        lines.append(f"as clipped 1e{dot.passage:+.1f}")
    return "<br>".join(lines)


PANEL = Panel(id="gradients", title="Do gradients reach the first layers?", caption=caption, data=data, draw=draw)
