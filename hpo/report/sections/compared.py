"""The comparison in figures, and the race before it."""

from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Literal

from hpo.analysis import Comparison, FailureRate
from hpo.experiments.compare.comparison_report import CompareReport, Heat, Scores
from hpo.experiments.findings import Findings
from hpo.report.document import Cell, Mark, Part, Table, Text
from hpo.report.figures.canvas import Charts
from hpo.report.formatting import NONE, count, figure, interval, p_value, percent, setting, signed, spread
from hpo.report.sections.headline import about
from hpo.study.direction import sign

__all__ = ["parts", "race"]

_COLUMN = {"resampled": "test rows drawn anew", "own": "runs with common seeds"}
_RIGHT = frozenset({1, 2})


def parts(findings: Findings, charts: Charts) -> Sequence[Part]:
    """Paired differences, the figures behind the verdict, the second line, every pair, the looks."""
    report = findings.comparison
    if report is None:
        return ()
    found: list[Part] = [Text(text=_lead(report), tone="lead"), *charts.of("paired"), _configurations(report)]
    found.append(_figures(report))
    if report.comparison.note:
        found.append(Text(text=report.comparison.note))
    found += [Text(text=f"Lost: {lost}.", tone="note") for lost in report.scores.lost]
    found.append(_pairs(report, report.scores, f"All {len(report.scores.optimum)} pairs"))
    if report.resampled_scores is not None:
        found.append(_pairs(report, report.resampled_scores, "All pairs with test rows drawn anew"))
    if report.interim_analyses:
        found.append(_looks(report))
    return found


def race(findings: Findings, charts: Charts) -> Sequence[Part]:
    """The heats of the race: who entered, what the search said of them, what they gave when measured again."""
    report = findings.comparison
    if report is None or not report.heats:
        return ()
    found: list[Part] = [
        Text(
            text="The best trial of a search is partly a lucky one. So the best few and the hand-picked configuration "
            "were measured again, all on the same validation rows; the test rows were not looked at.",
            tone="lead",
        )
    ]
    found += [Text(text=line) for line in _luck(report)]
    found += charts.of("race")
    found += [_heat(report, number, heat) for number, heat in enumerate(report.heats, start=1)]
    return found


def _lead(report: CompareReport) -> str:
    pairs = count(len(report.scores.optimum), "pair")
    if report.rows == "own":
        return f"{pairs} of runs of the objective: each pair has a seed of its own, the same for both configurations."
    drawn = (
        "draws train and test rows anew from all rows"
        if report.rows == "resampled"
        else "draws a new 90 % of the development rows"
    )
    return (
        f"{pairs} of trainings at fidelity {report.fidelity}: each pair {drawn}, the initial weights and the order of "
        f"the batches, the same for both configurations; both are scored {about(report)}."
    )


def _configurations(report: CompareReport) -> Table:
    names = list(dict.fromkeys([*report.baseline.params, *report.optimum.params]))
    rows = []
    for name in names:
        ours, theirs = (
            setting(side.params[name]) if name in side.params else "" for side in (report.optimum, report.baseline)
        )
        rows.append((name, Cell(text=ours, mark="optimum" if ours != theirs else ""), theirs))
    return Table(
        caption="The two configurations",
        headings=("parameter", f"optimum ({report.optimum.name})", f"hand-picked ({report.baseline.name})"),
        rows=tuple(rows),
        right=_RIGHT,
    )


def _figures(report: CompareReport) -> Table:
    columns: list[tuple[str, Comparison, Scores]] = [
        (_COLUMN.get(report.rows, "the test rows"), report.comparison, report.scores)
    ]
    if report.resampled is not None and report.resampled_scores is not None:
        columns.append(("test rows drawn anew", report.resampled, report.resampled_scores))
    lines: list[tuple[str, list[str]]] = [
        ("pairs", [str(found.pairs) for _, found, _ in columns]),
        (f"{report.metric}, optimum", [spread(scores.optimum) for _, _, scores in columns]),
        (f"{report.metric}, hand-picked", [spread(scores.baseline) for _, _, scores in columns]),
        ("gain (positive: optimum better)", [signed(found.difference) for _, found, _ in columns]),
        ("95 % interval (t)", [interval(found.ci95) for _, found, _ in columns]),
        ("95 % interval (BCa bootstrap)", [interval(found.bca95) for _, found, _ in columns]),
        ("p, two-sided", [p_value(found.p_value) for _, found, _ in columns]),
        ("p, Wilcoxon", [p_value(found.p_wilcoxon) for _, found, _ in columns]),
        ("level of this look", [setting(found.alpha) for _, found, _ in columns]),
        ("pairs won", [percent(found.p_superior) for _, found, _ in columns]),
        (
            "95 % interval (Wilson)",
            [" to ".join(percent(bound) for bound in found.p_superior_ci95) for _, found, _ in columns],
        ),
        ("in no pair, yet possible", [f"up to {percent(found.unseen95, 1)}" for _, found, _ in columns]),
        ("trainings that failed, optimum", [_failed(found, "a") for _, found, _ in columns]),
        (
            "trainings that failed, hand-picked",
            [_failed(found, "b") for _, found, _ in columns],
        ),
        ("a difference too small to matter", [setting(found.margin) for _, found, _ in columns]),
        ("verdict", [found.verdict for _, found, _ in columns]),
    ]
    unit = f", {report.unit}" if report.unit else ""
    return Table(
        caption=f"The comparison in figures{unit}",
        headings=("", *(name for name, _, _ in columns)),
        rows=tuple((name, *values) for name, values in lines if any(value != "–" for value in values)),
        right=frozenset(range(1, len(columns) + 1)),
        note="± is one standard deviation over the pairs. “Up to” is an exact 95 % bound; trainings that failed are "
        "the search’s and those of all pairs.",
    )


def _failed(found: Comparison, side: Literal["a", "b"]) -> str:
    if found.failures is None:
        return NONE
    rate: FailureRate = getattr(found.failures, side)
    return f"{rate.failed} of {rate.trainings}, up to {percent(rate.upper95, 1)}"


def _pairs(report: CompareReport, scores: Scores, caption: str) -> Table:
    rows = []
    for number, (ours, theirs) in enumerate(zip(scores.optimum, scores.baseline, strict=True), start=1):
        gain = sign(report.direction) * (ours - theirs)
        won: Mark = "good" if gain > 0 else "bad" if gain < 0 else ""
        word = {"good": "won", "bad": "lost"}.get(won, "tied")
        rows.append((str(number), figure(ours), figure(theirs), signed(gain), Cell(text=word, mark=won)))
    return Table(
        caption=caption,
        headings=("pair", "optimum", "hand-picked", "gain", "the optimum"),
        rows=tuple(rows),
        right=frozenset({1, 2, 3}),
        folded=True,
    )


def _looks(report: CompareReport) -> Table:
    return Table(
        caption="Looks at the pairs so far",
        headings=("look", "rows", "pairs", "level", "p", "verdict"),
        rows=tuple(
            (
                str(look.number) if look.number else "spends nothing",
                {"resampled": "drawn anew", "own": "the objective's"}.get(look.rows, "test"),
                str(look.pairs),
                setting(look.alpha) if look.number else "–",
                p_value(look.p_value),
                look.verdict,
            )
            for look in report.interim_analyses
        ),
        right=frozenset({2, 3, 4}),
        note="Who looks again and again at growing data finds something in the end. So each look spends three "
        "quarters of what is left of a 5 % chance of error.",
        folded=len(report.interim_analyses) < 2,
    )


def _luck(report: CompareReport) -> list[str]:
    finding = report.heats[0].finding
    lines = []
    if finding.optimism is not None:
        within = f" (95 % interval {interval(finding.optimism_ci95)})" if finding.optimism_ci95 else ""
        lines.append(
            f"The optimism of the search, its best trial’s value held against the same measured again, is "
            f"{signed(finding.optimism)}{within}: above zero, the search flattered it."
        )
    if finding.first_share is not None:
        share = percent(finding.first_share)
        lines.append(f"Of the trials, {finding.winner.name} comes first in {share} of the resamples of the rounds.")
    if finding.tau is not None:
        tau = figure(float(finding.tau), 2)
        lines.append(
            f"The order of the search and the order measured again agree to a Kendall’s τ of {tau} (1: the same order, "
            "0: unrelated)."
        )
    return lines


def _heat(report: CompareReport, number: int, heat: Heat) -> Table:
    rows = []
    for place, racer in enumerate(heat.finding.order, start=1):
        mark: Mark = "baseline" if racer.number is None else ""
        if racer.name == heat.finding.winner.name:
            mark = "optimum"
        mean = fmean(racer.scores)
        sd = figure(stdev(racer.scores), 2) if len(racer.scores) > 1 else "–"
        searched = figure(racer.search_value)
        rows.append((Cell(text=f"{place}. {racer.name}", mark=mark), searched, figure(mean), sd))
    dropped = f" Out: {'; '.join(heat.dropped)}." if heat.dropped else ""
    return Table(
        caption=f"Heat {number}: {count(heat.rounds, 'round')} at fidelity {heat.fidelity}",
        headings=("place", "in the search", "measured again", "standard deviation"),
        rows=tuple(rows),
        right=frozenset({1, 2, 3}),
        note=f"Validation {report.metric}.{dropped}",
    )
