"""The report's conclusions, each with what the measurements say of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpo.experiments.findings import Findings
from hpo.report.document import Cell, Mark, Part, Table, Text
from hpo.report.figures.panel import Charts
from hpo.report.formatting import figure, interval, p_value, signed

if TYPE_CHECKING:
    from hpo.analysis.claims import ClaimFinding, ContrastFinding

__all__ = ["parts"]

_VERDICTS: dict[str, tuple[str, Mark]] = {
    "supported": ("✓\u00a0supported", "good"),
    "contradicted": ("✗\u00a0contradicted", "bad"),
    "undecided": ("?\u00a0undecided", "open"),
    "unmeasured": ("○\u00a0not\u00a0measured", "open"),
}


def parts(findings: Findings, charts: Charts) -> Sequence[Part]:  # noqa: ARG001 - the signature of every section
    """A tally, every claim with its verdict, and the contrasts behind them."""
    claims = findings.claims
    if not claims:
        return ()
    tally = {verdict: sum(one.verdict == verdict for one in claims) for verdict in _VERDICTS}
    said = ", ".join(f"{number} {_plain(name)}" for name, number in tally.items() if number)
    at = ""
    if findings.sweeps is not None and not findings.sweeps.against_report:
        less = f", which trains less than the {findings.source} did" if findings.prints_figures else ""
        at = f" The tables were measured at fidelity {findings.sweeps.fidelity}{less}."
    lead = Text(text=f"Of {len(claims)} conclusions: {said}.{at}", tone="lead")
    return (
        lead,
        _table(claims, findings.source),
        *([_evidence(claims)] if any(one.evidence for one in claims) else []),
    )


def _plain(verdict: str) -> str:
    """Its word without the sign before it."""
    return _VERDICTS[verdict][0][2:].replace("\u00a0", " ")


def _table(claims: "Sequence[ClaimFinding]", source: str) -> Table:
    rows = []
    for one in claims:
        word, mark = _VERDICTS[one.verdict]
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
    word, mark = _VERDICTS[found.verdict]
    within = "" if found.margin is None or found.contrast.relation != "alike" else f" (within {figure(found.margin)})"
    return (
        claim.claim.source,
        f"{found.contrast}{within}",
        signed(found.difference),
        interval(found.ci95),
        p_value(found.p),
        Cell(text=word, mark=mark, hint=found.note),
    )
