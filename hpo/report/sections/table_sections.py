"""Sections on the tables of a report: measured beside reported, what techniques add, and the conclusions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpo.analysis.table_wording import row_label, table_sentence, varied
from hpo.experiments.findings import Findings
from hpo.report.document import Cell, Chart, Mark, Part, Table, Text
from hpo.report.figures.canvas import Charts
from hpo.report.formatting import configuration, count, figure, interval, p_value, signed, spread

if TYPE_CHECKING:
    from hpo.analysis import FigureFinding, RowFinding, TableFinding
    from hpo.analysis.ablation_effects import AblationFinding, Effect
    from hpo.analysis.claims import ClaimFinding, ContrastFinding
    from hpo.experiments.sweep.greedy_method import GreedyReport, GreedyTable
    from hpo.experiments.sweep.sweep_report import SweepReport

__all__ = [
    "ablations",
    "conclusions",
    "greedy",
    "tables",
]

_VERDICTS: dict[str, tuple[str, Mark]] = {
    "stands": ("stands", "good"),
    "tied": ("tied", ""),
    "refuted": ("refuted", "bad"),
    "undecided": ("undecided", "open"),
}
_FIGURES = ("train", "test", "seconds")


def tables(findings: Findings, charts: Charts) -> Sequence[Part]:
    """Each table that has a row measured: a sentence, its chart, its rows beside the report's figures."""
    report = findings.sweeps
    if report is None:
        return ()
    drawn = {chart.id: chart for chart in charts.of("sweeps")}
    source = findings.source
    measured = [table for table in report.choices if _is_measured(table)]
    if not measured:
        return ()
    found: list[Part] = [Text(text=_lead(report), tone="lead"), _overview(measured, report)]
    for table in measured:
        chart: Chart | None = drawn.get(f"figure-sweep-{table.sweep.id}")
        found.append(chart or Text(text=table_sentence(table, source)))  # the chart's caption says the same
        # Figures of ours alone are in the chart; beside those of the source they are to be compared one by one.
        found.append(_table(report, table, folded=chart is not None and not report.has_reported))
    return found


def greedy(findings: Findings, charts: Charts) -> Sequence[Part]:  # noqa: ARG001 - the signature of every section
    """What the hand method chooses at each table when it judges by validation rows."""
    report = findings.greedy
    if report is None or not report.tables:
        return ()
    sentence = (
        f"Here the {findings.source}’s method is followed anew, table after table from the winner so far, but judged "
        f"on validation rows: {count(report.repeats, 'split')} each, at fidelity {report.fidelity}."
    )
    if findings.prints_figures:
        sentence = f"The {findings.source} chose by the test rows. {sentence}"
    return (Text(text=sentence, tone="lead"), _steps(report), _outcome(report))


def _is_measured(table: "TableFinding") -> bool:
    return any(figure.measured for row in table.rows for figure in row.figures.values()) or any(
        row.reasons for row in table.rows
    )


def _lead(report: "SweepReport") -> str:
    how = (
        f"at fidelity {report.fidelity}"
        if not report.has_reported
        else f"trained as long as the {report.source} did, so its figures can be held against ours"
        if report.against_report
        else f"at fidelity {report.fidelity}, which trains less than the {report.source} did: what counts is the order "
        "of the rows, and no figure is said to disagree"
    )
    ended = {_ended(row) for table in report.choices for row in table.rows}
    repeats = f"{'' if ended == {report.repeats} else 'up to '}{count(report.repeats, 'repeat')}"
    return f"Every row from its own base configuration, {repeats} with different seeds, {how}."


def _ended(row: "RowFinding") -> int:
    """Repeats of a row that have ended, whether well or not."""
    return max((len(figure.measured) for figure in row.figures.values()), default=0) + len(row.reasons)


def _overview(tables: "Sequence[TableFinding]", report: "SweepReport") -> Table:
    rows = []
    source = report.source
    for table in tables:
        sweep = table.sweep
        word, mark = _VERDICTS[table.verdict]
        best = "–" if table.best is None else row_label(sweep, sweep.rows[table.best])
        wrong = sum(any(figure.disagrees for figure in row.figures.values()) for row in table.rows)
        chosen = row_label(sweep, sweep.rows[sweep.chosen])
        said: tuple[str | Cell, ...] = (sweep.title, chosen, best, Cell(text=word, mark=mark))
        rows.append((*said, f"{wrong} of {len(table.rows)}") if report.has_reported else said)
    return Table(
        caption=f"What becomes of the {source}’s choices",
        headings=(
            *("table", f"the {source} chose", "best here", "its choice"),
            *(("rows that disagree",) if report.has_reported else ()),
        ),
        rows=tuple(rows),
        right=frozenset({4}),
    )


def _table(report: "SweepReport", table: "TableFinding", *, folded: bool) -> Table:
    names = [name for name in _FIGURES if any(name in row.figures for row in table.rows)]
    headings = [varied(table.sweep)]
    for name in names:
        headings += [name, report.source] if _is_reported(table, name) else [name]
    unit = f", {report.unit}" if report.unit else ""
    unsure = [row for row in table.rows if any(figure.disagrees for figure in row.figures.values())]
    marks = "≠ marks what disagrees by more than noise and rounding explain. " if unsure else ""
    spreads = "± is one standard deviation over the repeats. " if report.repeats > 1 else ""
    beside = " beside reported" if report.has_reported else ""
    return Table(
        caption=f"{table.sweep.title}: measured{beside} ({report.metric}{unit})",
        headings=tuple(headings),
        rows=tuple(_row(table, row, names, report.source) for row in table.rows),
        right=frozenset(range(1, len(headings))),
        note=f"{marks}{spreads}✓ marks the {report.source}’s choice.",
        folded=folded,
    )


def _row(table: "TableFinding", row: "RowFinding", names: Sequence[str], source: str) -> tuple[str | Cell, ...]:
    label = row_label(table.sweep, table.sweep.rows[row.index])
    chosen = row.index == table.sweep.chosen
    cells: list[str | Cell] = [
        Cell(text=f"{label} ✓", mark="chosen", hint=f"the {source}’s choice") if chosen else label
    ]
    for name in names:
        both = _figure(name, row.figures.get(name), row)
        cells += both if _is_reported(table, name) else both[:1]
    return tuple(cells)


def _is_reported(table: "TableFinding", name: str) -> bool:
    return any(row.figures[name].reported is not None for row in table.rows if name in row.figures)


def _figure(name: str, found: "FigureFinding | None", row: "RowFinding") -> list[str | Cell]:
    if found is None:
        return ["–", "–"]
    reported = figure(found.reported)
    measured: str | Cell = spread(found.measured, 3 if name == "seconds" else 4)
    if not found.measured and row.reasons:
        measured = Cell(text=_short(row.reasons[0]), mark="bad", hint=row.reasons[0])
    if found.disagrees:
        return [
            measured,
            Cell(text=f"{reported} ≠", mark="bad", hint="disagrees by more than noise and rounding explain"),
        ]
    return [measured, Cell(text=reported, mark="reported")]


def _short(reason: str) -> str:
    return "diverged" if reason.startswith("diverged") else "no result"


def _steps(report: "GreedyReport") -> Table:
    return Table(
        caption="The choice at each table",
        headings=("table", f"the {report.source} chose", "chosen here", f"validation {report.metric}"),
        rows=tuple(_step(table) for table in report.tables),
        right=frozenset({3}),
    )


def _step(table: "GreedyTable") -> tuple[str | Cell, ...]:
    sweep = table.sweep
    theirs = row_label(sweep, sweep.rows[sweep.chosen])
    if table.chosen is None:
        return sweep.title, theirs, Cell(text="no row could be trained", mark="open"), "–"
    ours = row_label(sweep, sweep.rows[table.chosen])
    same = table.chosen == sweep.chosen
    cell = Cell(text=f"{ours} (the same)" if same else ours, mark="" if same else "optimum")
    return sweep.title, theirs, cell, figure(table.rows[table.chosen].mean)


def _outcome(report: "GreedyReport") -> Text:
    so_far = "" if report.complete else " so far"
    if dict(report.final) == dict(report.reported):
        return Text(
            text=f"It ends{so_far} with the {report.source}’s own configuration: {configuration(report.final)}."
        )
    return Text(
        text=f"It ends{so_far} with {configuration(report.final)}; the {report.source} with "
        f"{configuration(report.reported)}."
    )


_UNMEASURED = " has not been measured"  # how an effect's note ends where a row was not trained yet


def ablations(findings: Findings, charts: Charts) -> Sequence[Part]:
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
        found += [*([chart] if chart else []), _ablation_table(one, report.metric)]
    return found


def _tells(found: "AblationFinding") -> bool:
    """Whether anything is known of a technique; single rows may stand in other tables and be measured with those."""
    return any(one.difference is not None or not one.note.endswith(_UNMEASURED) for one in _effects(found))


def _effects(found: "AblationFinding") -> "list[Effect]":
    return [effect for one in found.techniques for effect in (one.alone, one.company, one.interaction)]


def _ablation_table(found: "AblationFinding", metric: str) -> Table:
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


_CLAIM_VERDICTS: dict[str, tuple[str, Mark]] = {
    "supported": ("✓\u00a0supported", "good"),
    "contradicted": ("✗\u00a0contradicted", "bad"),
    "undecided": ("?\u00a0undecided", "open"),
    "unmeasured": ("○\u00a0not\u00a0measured", "open"),
}


def conclusions(findings: Findings, charts: Charts) -> Sequence[Part]:  # noqa: ARG001 - the signature of every section
    """A tally, every claim with its verdict, and the contrasts behind them."""
    claims = findings.claims
    if not claims:
        return ()
    tally = {verdict: sum(one.verdict == verdict for one in claims) for verdict in _CLAIM_VERDICTS}
    said = ", ".join(f"{number} {_plain(name)}" for name, number in tally.items() if number)
    at = ""
    if findings.sweeps is not None and not findings.sweeps.against_report:
        less = f", which trains less than the {findings.source} did" if findings.prints_figures else ""
        at = f" The tables were measured at fidelity {findings.sweeps.fidelity}{less}."
    lead = Text(text=f"Of {len(claims)} conclusions: {said}.{at}", tone="lead")
    return (
        lead,
        _claims_table(claims, findings.source),
        *([_evidence(claims)] if any(one.evidence for one in claims) else []),
    )


def _plain(verdict: str) -> str:
    """Its word without the sign before it."""
    return _CLAIM_VERDICTS[verdict][0][2:].replace("\u00a0", " ")


def _claims_table(claims: "Sequence[ClaimFinding]", source: str) -> Table:
    rows = []
    for one in claims:
        word, mark = _CLAIM_VERDICTS[one.verdict]
        hint = "" if one.claim.contrasts else f"no table of the {source} can test it"
        rows.append((one.claim.text, one.claim.source, Cell(text=word, mark=mark, hint=hint)))
    return Table(
        caption=f"What the {source} concludes, and what the measurements say",
        headings=("conclusion", "section", "measured"),
        rows=tuple(rows),
    )


def _evidence(claims: "Sequence[ClaimFinding]") -> Table:
    rows = tuple(_contrast(one, contrast) for one in claims for contrast in one.evidence)
    return Table(
        caption="The contrasts behind them",
        headings=("section", "what should hold", "difference", "95 % interval", "p", "measured"),
        rows=rows,
        right=frozenset({2, 3, 4}),
        folded=True,
        note="A difference is the first rows’ mean minus the others’, as numbers; gap is how much worse test is than "
        "train. p is two-sided of no difference; of “alike”, of a difference beyond the margin.",
    )


def _contrast(claim: "ClaimFinding", found: "ContrastFinding") -> tuple[str | Cell, ...]:
    word, mark = _CLAIM_VERDICTS[found.verdict]
    within = "" if found.margin is None or found.contrast.relation != "alike" else f" (within {figure(found.margin)})"
    return (
        claim.claim.source,
        f"{found.contrast}{within}",
        signed(found.difference),
        interval(found.ci95),
        p_value(found.p),
        Cell(text=word, mark=mark, hint=found.note),
    )
