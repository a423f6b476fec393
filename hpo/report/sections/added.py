"""What each technique adds, alone and in company."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpo.experiments.findings import Findings
from hpo.report.document import Cell, Mark, Part, Table, Text
from hpo.report.figures.panel import Charts
from hpo.report.formatting import count, figure, interval, signed

if TYPE_CHECKING:
    from hpo.analysis.ablation_effects import AblationFinding, Effect

__all__ = ["parts"]

_UNMEASURED = " has not been measured"  # how an effect's note ends where a row was not trained yet


def parts(findings: Findings, charts: Charts) -> Sequence[Part]:
    """For each ablation that was begun a sentence, its chart, its table."""
    report = findings.sweeps
    begun = [one for one in (report.ablations if report else ()) if _tells(one)]
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


def _tells(found: "AblationFinding") -> bool:
    """Whether anything is known of a technique; single rows may stand in other tables and be measured with those."""
    return any(one.difference is not None or not one.note.endswith(_UNMEASURED) for one in _effects(found))


def _effects(found: "AblationFinding") -> "list[Effect]":
    return [effect for one in found.techniques for effect in (one.alone, one.company, one.interaction)]


def _table(found: "AblationFinding", metric: str) -> Table:
    ends = f"The plain configuration gives {figure(found.plain)}, the full one {figure(found.full)}"
    least = f"{count(found.repeats, 'repeat')} of each row at least" if found.repeats else "not every row gave a score"
    notes = dict.fromkeys(effect.note for effect in _effects(found) if effect.note)
    unmeasured = [note.removesuffix(_UNMEASURED) for note in notes if note.endswith(_UNMEASURED)]
    said = "".join(f" {note[:1].upper()}{note[1:]}." for note in notes if not note.endswith(_UNMEASURED))
    if unmeasured:
        said += f" Not measured: {', '.join(unmeasured)}."
    return Table(
        caption=f"{found.title} ({metric}; + is better)",
        headings=("technique", "alone", "95 % interval", "in company", "95 % interval", "interaction", "95 % interval"),
        rows=tuple(
            (one.name, *_cells(one.alone), *_cells(one.company), *_cells(one.interaction, neutral=True))
            for one in found.techniques
        ),
        right=frozenset(range(1, 7)),
        note=f"{ends}; {least}. Intervals after Welch, not corrected for the number of techniques; a star where they "
        f"leave 0 out.{said}",
    )


def _cells(effect: "Effect", *, neutral: bool = False) -> tuple[str | Cell, str]:
    """The difference and its interval; `neutral`: neither side of 0 is good or bad."""
    text = signed(effect.difference)
    if not effect.sure or effect.difference is None:
        return text, interval(effect.ci95)
    good: Mark = "" if neutral else "good" if effect.difference > 0 else "bad"
    return Cell(text=f"{text} *", mark=good, hint="the interval leaves 0 out"), interval(effect.ci95)
