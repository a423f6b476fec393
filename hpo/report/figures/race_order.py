"""The race: what the search said of each candidate beside what it gave when measured again."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.report import theme
from hpo.report.figures.canvas import axis, canvas, plain, short, slim, titled
from hpo.report.figures.panel import Panel

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from hpo.experiments.compare.comparison_report import Heat
    from hpo.experiments.findings import Findings

__all__ = ["PANEL", "RaceChart", "Runner", "caption", "data", "draw"]


@dataclass(frozen=True, kw_only=True)
class Runner:
    """One configuration in one heat."""

    name: str
    baseline: bool  # the hand-picked one
    search_value: float | None  # None: not complete in the search, or measured there at another fidelity
    scores: tuple[float, ...]  # one a round
    mean: float


@dataclass(frozen=True, kw_only=True)
class RaceChart:
    """One heat, the best first."""

    id: str
    title: str
    metric: str
    unit: str
    fidelity: str
    rounds: int
    runners: tuple[Runner, ...]
    winner: str  # the best that is not the hand-picked one
    optimism: float | None  # how much the search flattered its best trial, in the metric; None: it cannot be told
    optimism_interval: tuple[float, float] | None  # 95 %; None: one round


def data(findings: "Findings") -> tuple[RaceChart, ...] | None:
    """A chart for each heat; None where nothing was raced."""
    report = findings.comparison
    if report is None:
        return None
    charts = []
    for number, heat in enumerate(report.heats, start=1):
        same = heat.fidelity == report.search_fidelity  # values of two fidelities are not comparable
        title = "The best of the search, measured again" + (f": heat {number}" if len(report.heats) > 1 else "")
        charts.append(
            RaceChart(
                id="race" if number == 1 else f"race-{number}",
                title=title,
                metric=report.metric,
                unit=report.unit,
                fidelity=heat.fidelity,
                rounds=heat.rounds,
                runners=_runners(heat, same=same),
                winner=heat.finding.winner.name,
                optimism=heat.finding.optimism if same else None,
                optimism_interval=heat.finding.optimism_ci95 if same else None,
            )
        )
    return tuple(chart for chart in charts if chart.runners) or None


def _runners(heat: "Heat", *, same: bool) -> tuple[Runner, ...]:
    return tuple(
        Runner(
            name=racer.name,
            baseline=racer.number is None,
            search_value=racer.search_value if same else None,
            scores=racer.scores,
            mean=racer.mean,
        )
        for racer in heat.finding.order
        if racer.scores
    )


def caption(record: RaceChart) -> str:
    """What is to be seen."""
    rounds = f"{record.rounds} common split{'s' * (record.rounds != 1)} of the development rows"
    text = f"The candidates and the hand-picked configuration on {rounds}, fidelity {record.fidelity}, best mean first."
    if record.optimism is None:
        return text
    amount = f"{abs(record.optimism):.3g}"
    if record.optimism > 0:
        text += f" The search's best trial did worse by {amount} when measured again"
    else:
        text += f" The search's best trial did not do worse when measured again, but better by {amount}"
    if record.optimism_interval is None:
        return f"{text}."
    low, high = record.optimism_interval
    may = (
        "; that may be chance" if low <= 0 <= high else ", as the best of many trials is partly luck" if low > 0 else ""
    )
    return f"{text} (95 % interval of the search's optimism {low:+.3g} to {high:+.3g}){may}."


def draw(record: RaceChart) -> "go.Figure":
    """One line a candidate: an open diamond where the search saw it, dots where the rounds did, a bar at their mean."""
    count = len(record.runners)
    figure = canvas(
        height=150 + 34 * count,
        x=axis(titled(f"validation {record.metric}", record.unit), nticks=6),
        y=axis(
            tickvals=list(range(count)),
            ticktext=[_label(runner, record.winner) for runner in record.runners],
            range=[count - 0.5, -0.5],
            showgrid=False,
        ),
    )
    moved = [(at, runner) for at, runner in enumerate(record.runners) if runner.search_value is not None]
    if moved:
        figure.add_scatter(
            x=slim([x for _, runner in moved for x in (runner.search_value, runner.mean, None)]),
            y=[y for at, _ in moved for y in (at, at, None)],
            mode="lines",
            line={"color": theme.MUTED.light, "width": 1.5, "dash": "dot"},
            showlegend=False,
            hoverinfo="skip",
        )
        figure.add_scatter(
            x=slim([runner.search_value for _, runner in moved]),
            y=[at for at, _ in moved],
            mode="markers",
            marker={"symbol": "diamond-open", "size": 11, "color": theme.INK.light, "line": {"width": 1.5}},
            name="in the search",
            text=[plain(runner.name) for _, runner in moved],
            hovertemplate="%{text}<br>in the search: %{x}<extra></extra>",
        )
    figure.add_scatter(
        x=slim([score for runner in record.runners for score in runner.scores]),
        y=[at for at, runner in enumerate(record.runners) for _ in runner.scores],
        mode="markers",
        marker={"size": 7, "color": theme.MUTED.light, "opacity": 0.7},
        name="one round",
        text=[f"{plain(one.name)}, round {n}" for one in record.runners for n in range(1, len(one.scores) + 1)],
        hovertemplate="%{text}: %{x}<extra></extra>",
    )
    for name, colour, its in (
        ("mean, measured again", theme.OPTIMUM, [not runner.baseline for runner in record.runners]),
        ("hand-picked, measured again", theme.BASELINE, [runner.baseline for runner in record.runners]),
    ):
        chosen = [at for at, take in enumerate(its) if take]
        if chosen:
            figure.add_scatter(
                x=slim([record.runners[at].mean for at in chosen]),
                y=chosen,
                mode="markers",
                marker={"symbol": "line-ns-open", "size": 20, "color": colour.light, "line": {"width": 4}},
                name=name,
                text=[plain(record.runners[at].name) for at in chosen],
                hovertemplate="%{text}<br>mean of the rounds: %{x}<extra></extra>",
            )
    return figure


def _label(runner: Runner, winner: str) -> str:
    label = plain(short(runner.name))
    return f"<b>{label}</b>" if runner.name == winner and not runner.baseline else label


PANEL = Panel(id="race", title="The race", caption=caption, data=data, draw=draw, many=True)
