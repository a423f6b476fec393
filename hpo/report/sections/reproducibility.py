"""How to come by every number again."""

from collections.abc import Sequence

from hpo.experiments.findings import Findings
from hpo.report.document import Cell, Commands, Part, Table, Text
from hpo.report.figures.panel import Charts

__all__ = ["parts"]


def parts(findings: Findings, charts: Charts) -> Sequence[Part]:  # noqa: ARG001 - the signature of every section
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
