"""What each technique adds, alone and in company."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpo.report.document import Cell, Part, Table, Text
from hpo.report.sections.charts import Charts
from hpo.report.words import count, figure, interval, signed
from hpo.service.findings import Findings

if TYPE_CHECKING:
    from hpo.analysis.tables.ablation import AblationFinding, Effect

__all__ = ["parts"]


def parts(findings: Findings, charts: Charts) -> Sequence[Part]:
    """For each ablation that was begun a sentence, its chart, its table."""
    report = findings.sweeps
    begun = [one for one in (report.ablations if report else ()) if one.begun]
    if report is None or not begun:
        return ()
    drawn = {chart.id: chart for chart in charts.of("ablations")}
    sentence = (
        "A technique alone is added to a plain configuration; in company it is what the full configuration loses "
        "without it. Where the others do its work for it, the interaction is below 0; where they need it, above. "
        f"Trained at fidelity {report.fidelity} on all development rows, scored on the test rows."
    )
    found: list[Part] = [Text(text=sentence, tone="lead")]
    for one in begun:
        chart = drawn.get(f"figure-ablation-{one.id}")
        found += [*([chart] if chart else []), _table(one, report.metric)]
    return found


def _table(found: "AblationFinding", metric: str) -> Table:
    ends = f"The plain configuration gives {figure(found.plain)}, the full one {figure(found.full)}"
    notes = dict.fromkeys(
        effect.note for one in found.techniques for effect in (one.alone, one.company, one.interaction) if effect.note
    )
    said = "".join(f" {note[:1].upper()}{note[1:]}." for note in notes)
    return Table(
        caption=f"{found.title} ({metric}; + is better)",
        headings=("technique", "alone", "95 % interval", "in company", "95 % interval", "interaction", "95 % interval"),
        rows=tuple(
            (one.name, *_cells(one.alone), *_cells(one.company), *_cells(one.interaction)) for one in found.techniques
        ),
        right=frozenset(range(1, 7)),
        note=f"{ends}; {count(found.repeats, 'repeat')} of each row at least. Intervals after Welch, not corrected for "
        f"the number of techniques; coloured where they leave 0 out.{said}",
    )


def _cells(effect: "Effect") -> tuple[str | Cell, str]:
    text = signed(effect.difference)
    if not effect.sure or effect.difference is None:
        return text, interval(effect.ci95)
    mark: Cell = Cell(
        text=f"{text} *", mark="good" if effect.difference > 0 else "bad", hint="the interval leaves 0 out"
    )
    return mark, interval(effect.ci95)
