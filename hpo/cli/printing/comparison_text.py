"""A comparison in words: what it is going to do, and what it found."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Literal

from hpo.cli.printing.console import count, duration, say, table, tell

if TYPE_CHECKING:
    from hpo.analysis import Comparison, FailureRate
    from hpo.experiments.compare.budget import Spent
    from hpo.experiments.compare.comparison_plan import ComparePlan
    from hpo.experiments.compare.comparison_report import Claimed, CompareReport, Heat, Scores
    from hpo.experiments.compare.interim_analyses import InterimAnalysis
    from hpo.experiments.compare.paired_scores import PairedVerdict

__all__ = ["announce", "show", "show_scores"]

_ABOUT = {
    "share": "on the test rows",
    "resampled": "on test rows drawn anew",
    "development": "on the test data",
    "own": "in runs with common seeds",
}


def announce(plan: "ComparePlan") -> None:
    """Say what is going to be done and about how long it takes."""
    from hpo.analysis import DECIDING_PAIRS

    contest = plan.contest
    if contest.settled < contest.target:
        say(
            f"note: {contest.record.name} has {contest.settled} of {contest.target} trials so far; "
            "more of them may find another optimum"
        )
    if contest.leads:
        found = contest.candidates[0]
        say(
            f"note: the optimum of {contest.record.name} is baseline {contest.hand.name} itself; compared with it is "
            f"the best that was found besides, {found.name}"
        )
    if not plan.left:
        final = next(f.stage for f in plan.stages if f.stage.name in ("final", "resampled"))
        say(f"nothing is left to train for {contest.record.name}: {final.about}")
        return
    say(f"compare {contest.record.name} with baseline {contest.hand.name} in {plan.storage.safe_url}")
    for foreseen in plan.stages:
        stage = foreseen.stage
        left = f"{foreseen.left} of {count(len(stage.jobs), 'training')} left" if foreseen.left else "done"
        say(f"  {stage.name:<12} {stage.about}, {stage.plan.fidelity}: {left}")
    pairs = min((len(f.stage.jobs) // 2 for f in plan.stages if f.stage.name in ("final", "resampled")), default=0)
    if pairs < DECIDING_PAIRS:
        say(f"  note         fewer than {DECIDING_PAIRS} pairs can never decide: --pairs {DECIDING_PAIRS} or more can")
    if plan.changed:
        say("  code         the definition's has changed since: trainings from now on are of the new one")
    time = "told after the first trainings" if plan.seconds is None else f"about {duration(plan.seconds)} in all"
    say(f"  time         {time}; Ctrl-C keeps what is done, and the same command goes on")


def show(report: "CompareReport") -> None:
    """Print a report: the verdict first, and everything it rests on."""
    from hpo.analysis import ASSUMED, failed, sentence, unseen

    names = {"optimum": f"the search's optimum ({report.optimum.name})", "baseline": _baseline(report)}
    for comparison, rows in _lines(report):
        tell(sentence(comparison, metric=report.metric, unit=report.unit, about=_ABOUT[rows], **names))
        if comparison.note:
            tell(f"  {comparison.note}")
        tell(f"  {unseen(comparison)}")
        if rows == "resampled":
            tell("  The search chose its optimum on rows that are now among the test rows, which may flatter it here.")
    if (said := failed(report.comparison, **names)) and report.comparison.verdict != "unreliable":
        tell(f"{said}.")
    tell(ASSUMED)
    _figures(report)
    for scores in (report.scores, report.resampled_scores):
        for lost in scores.lost if scores is not None else ():
            tell(f"lost, and counted as the worst score of all pairs: {lost}")
    for heat in report.heats:
        _heat(heat, report)
    _budget(report)
    if report.claimed is not None:
        _claimed(report.claimed, report)
    _looks(report)


def show_scores(found: "PairedVerdict") -> None:
    """Print what a file of paired scores says: the verdict first, and what it rests on."""
    from hpo.analysis import ASSUMED, sentence, unseen

    a, b = found.scores.names
    comparison = found.comparison
    tell(sentence(comparison, metric=found.scores.metric, optimum=a, baseline=b, about=f"in {found.file.name}"))
    if comparison.note:
        tell(f"  {comparison.note}")
    tell(f"  {unseen(comparison)}")
    tell(ASSUMED)
    means = {a: found.scores.a, b: found.scores.b}
    column = _column(comparison, means, winner=a, bca=comparison.bca95 is not None)
    which = f"{found.scores.metric}, {found.direction}; a difference above 0 is a gain of {a}"
    table(["", found.file.name], [[name, value] for name, value in column.items()], title=which, text=(0, 1))


def _baseline(report: "CompareReport") -> str:
    return f"the hand-picked configuration ({report.baseline.name})"


def _lines(report: "CompareReport") -> "list[tuple[Comparison, str]]":
    """The verdict and, where there is one, the second line; each with what it is about."""
    second = [] if report.resampled is None else [(report.resampled, "resampled")]
    return [(report.comparison, report.rows), *second]


def _figures(report: "CompareReport") -> None:
    columns = [_of_report(report, report.comparison, report.scores)]
    headings = ["", _ABOUT[report.rows]]
    if report.resampled is not None and report.resampled_scores is not None:
        columns.append(_of_report(report, report.resampled, report.resampled_scores))
        headings.append(_ABOUT["resampled"])
    rows = [[name, *(column.get(name, "") for column in columns)] for name in columns[0]]
    unit = f", in {report.unit}" if report.unit else ""
    which = f"{report.metric}{unit}, fidelity {report.fidelity}; a difference above 0 is a gain of the optimum"
    table(headings, rows, title=which, text=range(len(headings)))


def _of_report(report: "CompareReport", found: "Comparison", scores: "Scores") -> dict[str, str]:
    means = {
        f"optimum, {report.optimum.name}": scores.optimum,
        f"baseline, {report.baseline.name}": scores.baseline,
    }
    bca = report.comparison.bca95 is not None or found.bca95 is not None
    column = _column(found, means, winner="the optimum", bca=bca)
    last = {name: column.pop(name) for name in ("margin", "alpha of this look")}
    failures: dict[str, str] = {
        "optimum's trainings that failed": _failed(found, "a"),
        "baseline's trainings that failed": _failed(found, "b"),
    }
    return column | failures | last


def _column(found: "Comparison", sides: Mapping[str, Sequence[float]], *, winner: str, bca: bool) -> dict[str, str]:
    """The figures of a verdict, by their names.

    Args:
        found: the verdict.
        sides: the scores of either side by what it is called.
        winner: what the first side is called where it wins pairs.
        bca: whether there is a row for the bootstrap.

    """
    won = found.p_superior * found.pairs
    column = {
        "verdict": found.verdict,
        "pairs": str(found.pairs),
        **{name: _short(fmean(scores)) for name, scores in sides.items()},
        "difference": f"{found.difference:+.4g}",
        "  95 % interval": _interval(found.ci95, signed=True),
    }
    if bca:
        column["  95 % by BCa bootstrap"] = _interval(found.bca95, signed=True)
    return column | {
        "p, two-sided": f"{found.p_value:.3g}" + (" (corrected t)" if found.resampled else " (sign flips)"),
        "p, Wilcoxon": _short(found.p_wilcoxon),
        "p, equivalence within the margin": _short(found.p_equivalent),
        f"pairs won by {winner}": f"{won:g} of {found.pairs}, {found.p_superior:.0%}",
        "  95 % interval (Wilson)": f"{found.p_superior_ci95[0]:.0%} to {found.p_superior_ci95[1]:.0%}",
        "in no pair, yet possible": f"up to {found.unseen95:.1%} of trainings",
        "margin": f"{found.margin:.4g}",
        "alpha of this look": f"{found.alpha:.3g}",
    }


def _failed(found: "Comparison", side: Literal["a", "b"]) -> str:
    if found.failures is None:
        return "-"
    rate: FailureRate = getattr(found.failures, side)
    return f"{rate.failed} of {rate.trainings}, up to {rate.upper95:.1%}"


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _interval(interval: tuple[float, float] | None, *, signed: bool = False) -> str:
    if interval is None:
        return "-"
    low, high = (f"{end:+.4g}" if signed else f"{end:.4g}" for end in interval)
    return f"{low} to {high}"


def _heat(heat: "Heat", report: "CompareReport") -> None:
    found = heat.finding
    rows = []
    for place, racer in enumerate(found.order, start=1):
        kind = racer.name if racer.number is not None else f"baseline {racer.name}"
        rows.append([str(place), kind, _short(racer.search_value), _short(racer.mean)])
    splits = "one split" if heat.rounds == 1 else f"{heat.rounds} common splits"
    title = f"Race at fidelity {heat.fidelity}: validation {report.metric} on {splits}, measured again"
    table(["", "", "in the search", "here, mean"], rows, title=title, right=(0, 2, 3))
    if found.optimism is not None:
        interval = "" if found.optimism_ci95 is None else f", 95 % {_interval(found.optimism_ci95, signed=True)}"
        tell(
            f"optimism of the search: {found.optimism:+.4g}{interval}; above 0: its best trial looked better than it is"
        )
    words = [] if found.tau is None else [f"Kendall's tau of the search's order and this one is {found.tau:.2f}"]
    if found.first_share is not None:
        words.append(f"{found.winner.name} stays first of the trials in {found.first_share:.0%} of bootstrapped rounds")
    if words:
        tell(f"stability: {'; '.join(words)}")
    for dropped in heat.dropped:
        tell(f"out of the race: {dropped}")


def _budget(report: "CompareReport") -> None:
    spent = report.budget
    tell()
    tell(f"spent by the search: {count(spent.search.trials, 'trial')}{_work(spent.search)}")
    if spent.hand is not None:
        tables = f"{count(spent.hand.rows or 0, 'row')} of {count(spent.hand.tables or 0, 'table')}"
        again = "" if spent.hand.seconds is None else ", as measured again here"
        tell(f"spent by hand: {tables}, {count(spent.hand.trials, 'configuration')}{_work(spent.hand)}{again}")
    if spent.trials_to_pass is not None:
        tell(f"the search passed the baseline's value with its trial number {spent.trials_to_pass} in order of ending")
    elif report.baseline.value is None:
        tell("the baseline has no value in the search, so nobody can tell after how many trials it was passed")
    else:
        tell("no trial of the search was better there than the baseline")


def _work(spent: "Spent") -> str:
    epochs = "" if spent.epochs is None else f", {spent.epochs:,.0f} epochs"
    return epochs + ("" if spent.seconds is None else f", {duration(spent.seconds)} of training")


def _claimed(claimed: "Claimed", report: "CompareReport") -> None:
    for name in (name for name in ("test", "train", "seconds") if name in claimed.reported):
        what = "training seconds" if name == "seconds" else f"{name} {report.metric}"
        values = claimed.measured.get(name, ())
        if values:
            spread = f" ({_short(min(values))} to {_short(max(values))})" if len(values) > 1 else ""
            gives = f"trained as reported it gives {_short(fmean(values))}{spread}, {count(len(values), 'training')}"
        else:
            gives = "not measured yet (hpo sweep)"
        tell(f"{report.baseline.name}, {what}: the report says {claimed.reported[name]}; {gives}")


def _looks(report: "CompareReport") -> None:
    spending = [look for look in report.interim_analyses if look.number and look.rows == report.rows]
    if spending:
        analyses = "; ".join(_look(look) for look in spending)
        tell(f"looks so far {_ABOUT[report.rows]}: {analyses}")


def _look(look: "InterimAnalysis") -> str:
    p = "not told" if look.p_value is None else f"{look.verdict}, p {look.p_value:.3g}"
    return f"{look.number} ({count(look.pairs, 'pair')}, alpha {look.alpha:.3g}): {p}"
