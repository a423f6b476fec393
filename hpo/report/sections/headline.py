"""What the page says first, the verdict, and last, how to get every number again."""

from collections.abc import Sequence

from hpo.analysis import ASSUMED, failed, sentence, unseen
from hpo.experiments.compare.comparison_report import CompareReport
from hpo.experiments.findings import Findings
from hpo.experiments.findings.findings_record import hand_alone
from hpo.report.document import Cell, Commands, Fact, Part, Table, Text, Verdict
from hpo.report.figures.canvas import Charts
from hpo.report.formatting import count, figure, interval, p_value, percent, setting, signed

__all__ = [
    "SEEN",
    "about",
    "limits",
    "reproducibility",
    "second",
    "unit_of",
    "verdict",
    "with_unit",
]

SEEN = "The search chose the optimum on rows that are now among the test rows, which may flatter it here."
"""What drawing test rows anew cannot undo."""

COMMON = "in runs with common seeds"
"""What the pairs of an objective are, which takes what rows it likes."""


def verdict(findings: Findings) -> Verdict:
    """What the comparison found; where there is none, how far the search has come and what would tell."""
    if findings.comparison is None:
        return _open(findings)
    report = findings.comparison
    found = report.comparison
    return Verdict(
        word=found.verdict,
        sentence=sentence(found, metric=report.metric, unit=report.unit, about=about(report)),
        second=second(report),
        limits=limits(report),
        facts=_facts(report),
    )


def second(report: CompareReport) -> str:
    """What the pairs with rows drawn anew say, about the task rather than one test set, and what to keep in mind.

    Empty where there are none.
    """
    if report.resampled is None:
        return SEEN if report.rows == "resampled" else ""
    said = sentence(
        report.resampled, metric=report.metric, unit=report.unit, about="on test rows drawn anew for each pair"
    )
    return f"About the task rather than about one test set: {said} {unseen(report.resampled)} {SEEN}"


def limits(report: CompareReport) -> str:
    """What the pairs cannot have shown, what failed where anything did, and what every verdict takes for granted."""
    found = report.comparison
    names = {"optimum": "the automated optimum", "baseline": "the hand-picked configuration"}
    told = "" if found.verdict == "unreliable" else failed(found, **names)  # else the sentence has it
    return " ".join(part for part in (unseen(found), f"{told}." if told else "", ASSUMED) if part)


def about(report: CompareReport) -> str:
    """What the main verdict is about, as the end of a sentence."""
    return {"resampled": "on test rows drawn anew for each pair", "own": COMMON}.get(report.rows, "on the test rows")


def unit_of(findings: Findings) -> str:
    """The unit of the metric; empty where it has none, or nobody knows."""
    return findings.definition.unit if findings.definition else ""


def with_unit(text: str, unit: str) -> str:
    """A figure with its unit."""
    return f"{text} {unit}".rstrip()


def _facts(report: CompareReport) -> tuple[Fact, ...]:
    found = report.comparison
    unit = report.unit
    facts = [
        Fact(
            name=f"Gain in {report.metric}" + (f", {unit}" if unit else ""),
            value=signed(found.difference),
            note=f"95 % interval {interval(found.ci95)}" if found.ci95 else "one pair has no interval",
        ),
        Fact(
            name="Pairs won",
            value=percent(found.p_superior),
            note=f"of {found.pairs}; 95 % interval {percent(found.p_superior_ci95[0])} "
            f"to {percent(found.p_superior_ci95[1])}",
        ),
        Fact(name="p, no difference", value=p_value(found.p_value), note=f"this look may spend {setting(found.alpha)}"),
    ]
    if report.heats and report.heats[0].finding.optimism is not None:
        optimism = report.heats[0].finding.optimism
        facts.append(Fact(name="Optimism of the search", value=signed(optimism), note="above 0: it flattered its best"))
    return tuple(facts)


def _open(findings: Findings) -> Verdict:
    status = findings.status
    unit = unit_of(findings)
    command = next((one.command or "" for one in findings.missing if one.part == "comparison"), "")
    if not status.target:
        text = "The study has no trials yet, so there is nothing to judge."
    elif not status.settled:
        text = "No trial of the study has ended yet, so there is nothing to judge."
    elif status.best is None:
        text = (
            f"Of {count(status.settled, 'settled trial')} none is complete "
            f"({status.pruned} pruned, {status.failed} failed), so there is nothing to judge."
        )
    else:
        value = with_unit(figure(float(status.best.value)), unit)
        ranked = _ranked(findings)
        definition = findings.definition
        value_name = findings.record.value_name
        a_value = f"{'an' if value_name[0] in 'aeiouAEIOU' else 'a'} {value_name}"
        text = (
            f"The best of {ranked} has {a_value} of {value}. "
            "Whether that beats the hand-picked configuration, only a comparison can tell."
        )
        if definition is not None and hand_alone(findings.record, definition, status):
            text = (
                f"The only complete trial is the hand-picked configuration’s own, with {a_value} of "
                f"{value}. More trials may find something to compare it with."
            )
        elif definition is not None and not definition.baselines:
            text = (
                f"The best of {ranked} has {a_value} of {value}. "
                "Nobody names a hand-picked configuration to compare it with."
            )
    return Verdict(word="open", sentence=text, command=command)


def _ranked(findings: Findings) -> str:
    """What the best is the best of."""
    if findings.climb is None:
        return count(findings.status.complete, "complete trial")
    return f"{count(len(findings.incumbents), 'configuration')} trained at fidelity {findings.record.fidelity}"


def reproducibility(findings: Findings, charts: Charts) -> Sequence[Part]:  # noqa: ARG001 - the signature of every section
    """Commands, seeds, versions, checksums of the data."""
    made = findings.provenance
    lead = Text(
        text="Every seed follows from the study’s. With the same versions, the same kind of machine and as many "
        "threads a worker, a training gives the same figures; which trial a search draws next also depends on which of "
        "its workers is ready first."
    )
    found: list[Part] = [
        lead,
        Commands(caption="These commands, in this order, make all of it:", lines=made.commands),
        Table(
            caption="Seeds",
            headings=("of", "seed"),
            rows=tuple((name, str(seed)) for name, seed in made.seeds.items()),
            right=frozenset({1}),
        ),
        Table(
            caption="Versions",
            headings=("package", "version"),
            rows=(("Python", f"{made.python}, {made.platform}"), *made.versions.items()),
        ),
    ]
    if made.data:
        rows = tuple((name, Cell(text=checksum, mark="code")) for name, checksum in made.data.items())
        found.append(Table(caption="Data", headings=("rows", "what they are"), rows=rows))
    return found
