"""What a report says, section by section: findings -> document. How it looks is the renderers' business."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from hpo.experiments.findings import Findings, Missing
from hpo.report.document import Document, Part, Section, Text
from hpo.report.figures import shown
from hpo.report.figures.canvas import Charts, charts
from hpo.report.formatting import count
from hpo.report.sections import compared, headline, inside, predictions, searched, table_sections

__all__ = ["document"]

Build: TypeAlias = Callable[[Findings, Charts], Sequence[Part]]

_SECTIONS: tuple[tuple[str, str, Build], ...] = (
    # anchor, heading, what builds its parts; a section without any is left out; {source}: as `Findings.source`
    ("comparison", "Optimum against hand-picked", compared.parts),
    ("search", "The search", searched.search),
    ("luck", "Luck or skill?", compared.race),
    ("tables", "The {source}’s tables, measured", table_sections.tables),
    ("ablation", "What each technique adds", table_sections.ablations),
    ("greedy", "The hand method, followed anew", table_sections.greedy),
    ("importances", "What matters", searched.importance),
    ("inside", "Inside the networks", inside.parts),
    ("curves", "How both learn", predictions.curves),
    ("predictions", "What both say of the test rows", predictions.predicted),
    ("conclusions", "The {source}’s conclusions", table_sections.conclusions),
    ("budget", "What it cost", searched.budgets),
    ("again", "How to get every number again", headline.reproducibility),
)


def document(findings: Findings) -> Document:
    """The report of one search. Nothing in it is escaped: that is for whoever renders it."""
    figures = charts(shown(findings))
    sections = []
    for anchor, title, build in _SECTIONS:
        parts = tuple(build(findings, figures))
        if parts:
            sections.append(Section(id=anchor, title=title.format(source=findings.source), parts=parts))
    definition = findings.definition
    record = findings.record
    made = findings.provenance
    version = made.versions.get("hpo-service", "")
    return Document(
        title=definition.title if definition else record.definition,
        study=record.name,
        subtitle=(
            f"Study {record.name}: space {record.space}, {record.work}, "
            f"{count(findings.status.settled, 'trial')} settled, {record.direction} {record.metric}"
        ),
        verdict=headline.verdict(findings),
        missing=tuple(_missing(one) for one in findings.missing if one.part != "comparison"),  # the verdict says that
        sections=tuple(sections),
        made=f"Made by hpo {version} on {made.made_at:%Y-%m-%d at %H:%M} UTC",
    )


def _missing(one: Missing) -> Text:
    what = f"{one.what[:1].upper()}{one.what[1:]}"
    why = f"{what}: {one.why.rstrip('.')}."
    return Text(text=f"{why} This makes it:" if one.command else why, tone="missing", command=one.command or "")
