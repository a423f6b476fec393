"""Paired differences: what the optimum gained over the hand-picked configuration in each pair."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.report import theme
from hpo.report.figures.canvas import axis, canvas, note, padded, plain, slim, titled
from hpo.report.figures.panel import Panel
from hpo.study.direction import sign

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from hpo.analysis import Comparison
    from hpo.experiments.compare.comparison_report import CompareReport, Scores
    from hpo.experiments.findings import Findings

__all__ = ["PANEL", "PairedDifferences", "caption", "data", "draw"]


@dataclass(frozen=True, kw_only=True)
class PairedDifferences:
    """The pairs of one comparison, in the order they were drawn."""

    id: str
    title: str
    metric: str
    unit: str  # may be empty
    optimum: tuple[float, ...]  # (pairs,) scores on the test rows
    baseline: tuple[float, ...]  # (pairs,)
    gains: tuple[float, ...]  # (pairs,) of the metric; positive: the optimum did better, whatever the direction
    mean: float  # of the gains
    interval: tuple[float, float] | None  # 95 % of the mean, as the comparison gives it; None: too few pairs
    margin: float  # a difference smaller than this does not matter
    optimum_name: str
    baseline_name: str


def data(findings: "Findings") -> tuple[PairedDifferences, ...] | None:
    """The comparison, and its second line over resampled rows where there is one; None where there is no pair."""
    report = findings.comparison
    if report is None:
        return None
    about = "rows drawn anew for each pair" if report.rows == "resampled" else "the test rows"
    found = [_record(report, "paired", f"Paired differences on {about}", report.scores, report.comparison)]
    if report.resampled is not None and report.resampled_scores is not None:
        title = "Paired differences with train and test rows drawn anew for each pair"
        found.append(_record(report, "paired-resampled", title, report.resampled_scores, report.resampled))
    return tuple(record for record in found if record.gains) or None


def _record(
    report: "CompareReport", name: str, title: str, scores: "Scores", comparison: "Comparison"
) -> PairedDifferences:
    return PairedDifferences(
        id=name,
        title=title,
        metric=report.metric,
        unit=report.unit,
        optimum=scores.optimum,
        baseline=scores.baseline,
        gains=tuple(sign(report.direction) * (a - b) for a, b in zip(scores.optimum, scores.baseline, strict=True)),
        mean=comparison.difference,
        interval=comparison.ci95,
        margin=comparison.margin,
        optimum_name=report.optimum.name,
        baseline_name=report.baseline.name,
    )


def caption(record: PairedDifferences) -> str:
    """What is to be seen."""
    won = sum(gain > 0 for gain in record.gains)
    tied = sum(gain == 0 for gain in record.gains)
    text = (
        f"Each pair trained both configurations on the same rows from the same seed. Above zero the optimum "
        f"({record.optimum_name}) did better, below it the hand-picked one ({record.baseline_name}); the optimum won "
        f"{won} of {len(record.gains)} pairs" + (f" and tied {tied}." if tied else ".")
    )
    if record.interval is None:
        return text
    low, high = record.interval
    return f"{text} The line is the mean gain, {record.mean:+.3g}, in its 95 % interval from {low:+.3g} to {high:+.3g}."


def draw(record: PairedDifferences) -> "go.Figure":
    """A stem for each pair, and the mean in its interval across all of them."""
    total = len(record.gains)
    ends = [0.4, total + 0.6]
    low, high = padded([0.0, record.mean, *record.gains, *(record.interval or ())], share=0.12)
    low -= 0.08 * (high - low) if min(record.gains) < 0 else 0  # for the words along the lower edge
    figure = canvas(
        height=360,
        x=axis(
            "pair", range=ends, showgrid=False, **({"dtick": 1} if total <= 15 else {"nticks": 10, "tickformat": "d"})
        ),
        y=axis(titled(f"gain in {record.metric}", record.unit), range=[low, high]),
    )
    if record.interval is not None:
        figure.add_scatter(
            x=[*ends, *reversed(ends)],
            y=slim([record.interval[0]] * 2 + [record.interval[1]] * 2),
            fill="toself",
            fillcolor=theme.MEASURED_BAND.light,
            mode="none",
            name="95 % interval of the mean",
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=ends,
        y=slim([record.mean] * 2),
        mode="lines",
        line={"color": theme.MEASURED.light, "width": 2.5, "dash": "dash"},
        name=f"mean {record.mean:+.3g}",
        hoverinfo="skip",
    )
    stems = [x for number in range(1, total + 1) for x in (number, number, None)]
    figure.add_scatter(
        x=stems,
        y=slim([y for gain in record.gains for y in (0.0, gain, None)]),
        mode="lines",
        line={"color": theme.MUTED.light, "width": 1},
        showlegend=False,
        hoverinfo="skip",
    )
    for name, symbol, colour, pick in (
        ("optimum better", "circle", theme.OPTIMUM, [g > 0 for g in record.gains]),
        ("hand-picked better", "diamond-open", theme.BASELINE, [g < 0 for g in record.gains]),
        ("alike", "line-ew-open", theme.MUTED, [g == 0 for g in record.gains]),
    ):
        chosen = [index for index, take in enumerate(pick) if take]
        if not chosen:
            continue
        figure.add_scatter(
            x=[index + 1 for index in chosen],
            y=slim([record.gains[index] for index in chosen]),
            customdata=[slim([record.optimum[index], record.baseline[index]]) for index in chosen],
            mode="markers",
            marker={"symbol": symbol, "size": 9, "color": colour.light, "line": {"width": 2, "color": colour.light}},
            name=f"{name} ({len(chosen)})",
            hovertemplate=(
                f"pair %{{x}}<br>{plain(record.optimum_name)}: %{{customdata[0]}}<br>{plain(record.baseline_name)}: "
                "%{customdata[1]}<br>gain %{y:+.4~g}<extra></extra>"
            ),
        )
    figure.add_shape(type="line", xref="paper", x0=0, x1=1, y0=0, y1=0, line={"color": theme.INK.light, "width": 1.5})
    figure.add_annotation(
        note("▲ the optimum is better", xref="paper", x=0, xanchor="left", yref="paper", y=1, yanchor="bottom")
    )
    if min(record.gains) < 0:
        figure.add_annotation(
            note(
                "▼ the hand-picked one is better",
                xref="paper",
                x=0,
                xanchor="left",
                yref="paper",
                y=0,
                yanchor="bottom",
            )
        )
    return figure


PANEL = Panel(id="paired", title="Paired differences", caption=caption, data=data, draw=draw, many=True)
