"""What each side spent, and what the report claimed beside what its configuration gives."""

from collections.abc import Sequence

from hpo.experiments.compare.budget import Spent
from hpo.experiments.compare.comparison_report import Claimed, CompareReport
from hpo.experiments.findings import Findings
from hpo.report.document import Cell, Part, Table, Text
from hpo.report.figures.panel import Charts
from hpo.report.formatting import count, duration, figure, spread
from hpo.report.sections.headline import with_unit

__all__ = ["parts"]


def parts(findings: Findings, charts: Charts) -> Sequence[Part]:  # noqa: ARG001 - the signature of every section
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
