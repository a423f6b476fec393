"""The search: how it went, and its best trials."""

from collections.abc import Sequence

from hpo.experiments.findings import Findings, TrialPoint
from hpo.report.document import Cell, Fact, Facts, Part, Table, Text
from hpo.report.figures.panel import Charts
from hpo.report.formatting import configuration, count, duration, figure, percent
from hpo.report.sections.headline import unit_of
from hpo.study.direction import loss

__all__ = ["importance", "parts"]

_BEST = 10  # trials listed
_REASONS = 5


def parts(findings: Findings, charts: Charts) -> Sequence[Part]:
    """Counts, the optimization history, the best trials, why trials came to nothing."""
    status = findings.status
    if not status.target:
        return (Text(text="The study has no trials yet.", tone="lead"),)
    found: list[Part] = [Facts(facts=_facts(findings)), *charts.of("front", "history")]
    best = _best(findings)
    if best:
        found.append(_table(findings, best))
    reasons = _reasons(findings.trials)
    if reasons:
        found.append(_reasons_table(reasons))
    return found


def _facts(findings: Findings) -> tuple[Fact, ...]:
    status = findings.status
    facts = [
        Fact(
            name="Trials",
            value=f"{status.settled:,} of {status.target:,}",
            note=f"{status.complete:,} complete, {status.pruned:,} pruned, {status.failed:,} failed"
            + (f", {status.running:,} running" if status.running else ""),
        )
    ]
    if status.best is not None:
        unit = unit_of(findings)
        facts.append(
            Fact(
                name=f"Best {status.metric} (validation)" + (f", {unit}" if unit else ""),
                value=figure(float(status.best.value)),
                note=f"trial {status.best.number}",
                mark="optimum",
            )
        )
    seconds = [trial.seconds for trial in findings.trials if trial.seconds is not None]
    if seconds:
        facts.append(Fact(name="Time in trials", value=duration(sum(seconds)), note="all workers together"))
    if status.front:
        facts.append(
            Fact(name="The front", value=count(len(status.front), "trial"), note=" against ".join(status.objectives))
        )
    facts.append(Fact(name="Drawn by", value=status.sampler, note=f"pruner {status.pruner}, seed {status.seed}"))
    return tuple(facts)


def _best(findings: Findings) -> list[TrialPoint]:
    direction = findings.record.direction
    complete = [trial for trial in findings.trials if trial.state == "complete" and trial.value is not None]
    return sorted(complete, key=lambda trial: loss(direction, trial.value or 0.0))[:_BEST]


def _table(findings: Findings, best: Sequence[TrialPoint]) -> Table:
    rows = tuple(
        (
            "–" if trial.number is None else str(trial.number),
            Cell(text=figure(trial.value), mark="optimum" if place == 0 else ""),
            duration(trial.seconds),
            configuration(trial.params),
        )
        for place, trial in enumerate(best)
    )
    return Table(
        caption=f"The {count(len(best), 'best trial')}" if len(best) > 1 else "The best trial",
        headings=("trial", findings.record.metric, "took", "configuration"),
        rows=rows,
        right=frozenset({1, 2}),
        folded=len(best) > 1,
    )


def _reasons(trials: Sequence[TrialPoint]) -> dict[tuple[str, str], int]:
    """(state, reason) -> how many trials, the most frequent first; being pruned for a poor value is no news."""
    tally: dict[tuple[str, str], int] = {}
    for trial in trials:
        if trial.reason and trial.state in ("failed", "pruned") and not trial.reason.startswith("pruned"):
            key = (trial.state, trial.reason)
            tally[key] = tally.get(key, 0) + 1
    return dict(sorted(tally.items(), key=lambda item: -item[1])[:_REASONS])


def _reasons_table(reasons: dict[tuple[str, str], int]) -> Table:
    return Table(
        caption="Why trials came to nothing",
        headings=("reason", "outcome", "trials"),
        rows=tuple((reason, state, str(number)) for (state, reason), number in reasons.items()),
        right=frozenset({2}),
        folded=True,
    )


def importance(findings: Findings, charts: Charts) -> Sequence[Part]:
    """Importances with their intervals, and the two most important parameters together."""
    found = findings.importances
    if found is None:
        return ()
    return (*charts.of("importances"), _importances(findings), *charts.of("interaction"))


def _importances(findings: Findings) -> Table:
    assert findings.importances is not None
    rows = []
    for one in findings.importances.parameters:
        told = one.share > one.chance
        cell = Cell(text="no", mark="") if told else Cell(text="perhaps", mark="open")
        share = " to ".join(percent(bound) for bound in one.ci95)
        rows.append((one.name, percent(one.share), share, str(one.trials), cell))
    return Table(
        caption="Importances in figures",
        headings=("parameter", "share", "95 % interval", "trials with it", "only chance?"),
        rows=tuple(rows),
        right=frozenset({1, 2, 3}),
        folded=True,
    )
