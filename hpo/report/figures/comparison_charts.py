"""The optimum against the hand-picked configuration: the paired differences, and the race of the best."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.report import theme
from hpo.report.figures.canvas import Panel, axis, canvas, note, padded, plain, short, slim, titled
from hpo.study.direction import sign

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from hpo.analysis import Comparison
    from hpo.experiments.compare.comparison_report import CompareReport, Heat, Scores
    from hpo.experiments.findings import Findings

__all__ = [
    "PAIRS",
    "RACE",
    "PairedDifferences",
    "RaceChart",
    "Runner",
    "draw_pairs",
    "draw_race",
    "pairs_caption",
    "pairs_data",
    "race_caption",
    "race_data",
]


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


def pairs_data(findings: "Findings") -> tuple[PairedDifferences, ...] | None:
    """The comparison, and its second line over resampled rows where there is one; None where there is no pair."""
    report = findings.comparison
    if report is None:
        return None
    drawn = {"resampled": "on rows drawn anew for each pair", "own": "in runs with common seeds"}
    about = drawn.get(report.rows, "on the test rows")
    found = [_record(report, "paired", f"Paired differences {about}", report.scores, report.comparison)]
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


def pairs_caption(record: PairedDifferences) -> str:
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


def draw_pairs(record: PairedDifferences) -> "go.Figure":
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


PAIRS = Panel(
    id="paired", title="Paired differences", caption=pairs_caption, data=pairs_data, draw=draw_pairs, many=True
)


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


def race_data(findings: "Findings") -> tuple[RaceChart, ...] | None:
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


def race_caption(record: RaceChart) -> str:
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


def draw_race(record: RaceChart) -> "go.Figure":
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


RACE = Panel(id="race", title="The race", caption=race_caption, data=race_data, draw=draw_race, many=True)
