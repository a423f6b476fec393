"""Sections on the search: its trials, what matters, and what all of it cost."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpo.analysis.rung_agreement import climb_sentences
from hpo.experiments.compare.budget import Spent
from hpo.experiments.compare.comparison_report import Claimed, CompareReport
from hpo.experiments.findings import Findings, TrialPoint
from hpo.report.document import Cell, Fact, Facts, Part, Table, Text
from hpo.report.figures.canvas import Charts
from hpo.report.formatting import configuration, count, duration, figure, percent, signed, spread
from hpo.report.sections.headline import unit_of, with_unit

if TYPE_CHECKING:
    from hpo.analysis.rung_agreement import ClimbFindings
    from hpo.storage.slots.slot import Incumbent

__all__ = [
    "budgets",
    "importance",
    "search",
]

_BEST = 10  # trials listed
_REASONS = 5


def search(findings: Findings, charts: Charts) -> Sequence[Part]:
    """Counts, the optimization history, the best trials, why trials came to nothing."""
    status = findings.status
    if not status.target:
        return (Text(text="The study has no trials yet.", tone="lead"),)
    found: list[Part] = [Facts(facts=_facts(findings)), *charts.of("front", "history")]
    if findings.climb is not None:
        found += _climb(findings, findings.climb, charts)
    best = findings.incumbents[:_BEST]
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
        rows = "" if findings.record.by_objective else " (validation)"
        facts.append(
            Fact(
                name=f"Best {status.metric}{rows}" + (f", {unit}" if unit else ""),
                value=figure(float(status.best.value)),
                note=f"trial {status.best.number}{_trained(findings, status.best.trainings)}",
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


def _trained(findings: Findings, trainings: int) -> str:
    """How often the best of a search that climbs was trained, to follow its number."""
    if findings.climb is None:
        return ""
    at = f"at {findings.record.fidelity}"
    return f", the mean of {trainings} trainings {at}" if trainings > 1 else f", trained once {at}: not confirmed yet"


def _table(findings: Findings, best: "Sequence[Incumbent]") -> Table:
    """The best configurations of the highest fidelity; where it climbs, how often each was trained there."""
    climbs = findings.climb is not None
    rows: list[tuple[str | Cell, ...]] = []
    for place, one in enumerate(best):
        number, seconds = one.slot.trial_number, None
        if one.slot.started_at is not None and one.slot.settled_at is not None:
            seconds = one.slot.settled_at - one.slot.started_at
        rows.append(
            (
                _number(number),
                Cell(text=figure(one.value), mark="optimum" if place == 0 else ""),
                *([str(one.trainings)] if climbs else []),
                duration(seconds),
                configuration(one.slot.params or {}),
            )
        )
    where = f" at fidelity {findings.record.fidelity}" if climbs else ""
    return Table(
        caption=(f"The {count(len(best), 'best trial')}" if len(best) > 1 else "The best trial") + where,
        headings=("trial", findings.record.metric, *(["trainings"] if climbs else []), "took", "configuration"),
        rows=tuple(rows),
        right=frozenset({1, 2, 3} if climbs else {1, 2}),
        folded=len(best) > 1,
        note="The value of what was trained more than once is the mean; it comes before what was trained once, which "
        "may have been lucky."
        if climbs
        else "",
    )


def _climb(findings: Findings, found: "ClimbFindings", charts: Charts) -> list[Part]:
    """Each rung with where the hand-picked configuration stands, how far it orders as the next, and the luck."""
    record = findings.record
    hand = {each.rung: each for each in found.hand}
    agreement = {each.rung: each for each in found.agreements}
    rows = []
    for number, (name, rung) in enumerate(findings.status.named_rungs):
        complete = sum(trial.state == "complete" and trial.rung == number for trial in findings.trials)
        rank, its = hand.get(number), agreement.get(number)
        tau = None if its is None else its.tau
        rows.append(
            (
                name,
                f"{rung.settled} of {rung.target}",
                str(complete),
                "–" if rank is None else f"{rank.rank} of {rank.of}",
                "–" if its is None or tau is None else f"{tau:.2f} over {its.configurations}",
            )
        )
    parts: list[Part] = [*charts.of("climb")]
    parts += [
        Text(text=f"{sentence[:1].upper()}{sentence[1:]}.") for sentence in climb_sentences(found, record.fidelities)
    ]
    if rows:
        parts.append(
            Table(
                caption="The rungs",
                headings=("rung", "settled", "complete", "rank of the hand-picked", "Kendall’s tau with the next"),
                rows=tuple(rows),
                right=frozenset({1, 2, 3, 4}),
                note="Tau is 1 where a rung orders configurations as the next one does, 0 where it tells nothing; of "
                "the promoted alone it is a lower estimate.",
            )
        )
    if found.confirmations:
        parts.append(_luck(findings, found))
    return parts


def _luck(findings: Findings, found: "ClimbFindings") -> Table:
    numbers = {trial.digest: trial.number for trial in findings.trials if trial.highest and trial.digest is not None}
    numbers |= {one.slot.digest: one.slot.trial_number for one in findings.incumbents if one.slot.digest is not None}
    return Table(
        caption="What training again made of the best",
        headings=("trial", "in the search", "again", "luck"),
        rows=tuple(
            (
                Cell(text=f"{_number(numbers.get(one.digest))} (hand-picked)", mark="baseline")
                if one.prior
                else _number(numbers.get(one.digest)),
                figure(one.found),
                figure(one.again),
                signed(one.luck),
            )
            for one in found.confirmations
        ),
        right=frozenset({1, 2, 3}),
        note="Luck is by how much the search’s value was better than the value with new seeds. Where "
        "there is a holdout it is drawn anew, too, which moves all alike: the hand-picked one, chosen for no value, "
        "tells by how much.",
    )


def _number(trial: int | None) -> str:
    return "–" if trial is None else str(trial)


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


def budgets(findings: Findings, charts: Charts) -> Sequence[Part]:  # noqa: ARG001 - the signature of every section
    """The budget of both sides and the claim held against its own configuration."""
    report = findings.comparison
    if report is None:
        return ()
    found: list[Part] = [Text(text=_passed(report), tone="lead"), _budget(report)]
    if report.claimed is not None and report.claimed.reported:
        found += [Text(text=_claim(report, report.claimed)), _claimed(report, report.claimed)]
    return found


def _passed(report: CompareReport) -> str:
    passed = report.budget.trials_to_pass
    if passed is None and report.baseline.value is None:
        return (
            "The hand-picked configuration has no value in the search, so nobody can tell after how many trials it was "
            "passed."
        )
    if passed is None:
        return "No trial of the search passed the hand-picked configuration’s value in the same search."
    return f"The search passed the hand-picked configuration’s value after {count(passed, 'settled trial')}."


def _budget(report: CompareReport) -> Table:
    sides: list[tuple[str, Spent]] = [("search", report.budget.search)]
    if report.budget.hand is not None:
        sides.append(("hand", report.budget.hand))
    lines = (
        ("configurations tried", [f"{side.trials:,}" for _, side in sides]),
        ("tables", [_whole(side.tables) for _, side in sides]),
        ("rows of the tables", [_whole(side.rows) for _, side in sides]),
        ("epochs trained", [_whole(side.epochs) for _, side in sides]),
        ("time in training", [duration(side.seconds) for _, side in sides]),
    )
    return Table(
        caption="The budget of the search" if report.budget.hand is None else "The budget of both sides",
        headings=("", *(name for name, _ in sides)),
        rows=tuple((name, *values) for name, values in lines if any(value != "–" for value in values)),
        right=frozenset({1, 2}),
        note="How the hand-picked configuration was come by is not on record."
        if report.budget.hand is None
        else "The hand’s time is what its rows took here, where they were measured.",
    )


def _whole(number: float | None) -> str:
    return "–" if number is None else f"{number:,.0f}"


def _claim(report: CompareReport, claimed: Claimed) -> str:
    reported, measured = claimed.reported.get("test"), claimed.measured.get("test", ())
    if reported is None or not measured:
        return "What the report claims for its configuration, beside what it gives when trained as the report says:"
    gives = with_unit(spread(measured), report.unit)
    return (
        f"The report claims a test {report.metric} of {reported} for its configuration; trained as it says, with "
        f"{count(len(measured), 'seed')}, it gives {gives}."
    )


def _claimed(report: CompareReport, claimed: Claimed) -> Table:
    names = list(dict.fromkeys([*claimed.reported, *claimed.measured]))
    return Table(
        caption="Claimed and measured" + (f", {report.unit}" if report.unit else ""),
        headings=("figure", "the report", "measured"),
        rows=tuple(
            (
                name,
                Cell(text=figure(claimed.reported.get(name)), mark="reported"),
                spread(claimed.measured.get(name, ()), 3),
            )
            for name in names
        ),
        right=frozenset({1, 2}),
    )
