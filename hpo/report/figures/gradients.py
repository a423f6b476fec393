"""How large gradients are in the first and in the last hidden layer, before anything is trained.

A line a kind of network: from its last hidden layer to its first, where the mark is. A long line to the left is a
gradient that vanishes on its way, one to the right explodes; a mark far out has too small or too large a gradient
altogether.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from hpo.report import theme
from hpo.report.figures.canvas import axis, canvas, note, plain, short, slim
from hpo.report.figures.panel import Panel
from hpo.report.gradient_health import APART, EDGE, LARGEST, SMALLEST, Fate, Mend, ends, fate, kind, mend

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from hpo.experiments.findings import Findings, ProbedNetwork

__all__ = ["PANEL", "GradientMark", "Gradients", "caption", "data", "draw"]

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


def data(findings: "Findings") -> Gradients | None:
    """The networks before their first epoch; None where none was looked into."""
    if not findings.networks:
        return None
    counted = Counter(kind(network.start) for network in findings.networks)
    common = sorted(name for name, _ in counted.most_common(_MOST))
    groups: dict[tuple[int, int, Mend], list[ProbedNetwork]] = defaultdict(list)
    for network in findings.networks:
        start = network.start
        if kind(start) in common:
            groups[common.index(kind(start)), len(start.hidden), mend(start)].append(network)
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


def caption(record: Gradients) -> str:
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


def draw(record: Gradients) -> "go.Figure":
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


PANEL = Panel(id="gradients", title="Do gradients reach the first layers?", caption=caption, data=data, draw=draw)
