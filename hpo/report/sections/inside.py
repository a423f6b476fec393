"""What the trials saw inside their networks: why some learned and others did not."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from hpo.report.document import Part, Table, Text
from hpo.report.figures.gradients import APART, passage
from hpo.report.sections.charts import Charts
from hpo.report.words import NONE, count, percent
from hpo.service.findings import Findings, ProbedNetwork

if TYPE_CHECKING:
    from hpo.training.probes import Probe

__all__ = ["parts"]


def parts(findings: Findings, charts: Charts) -> Sequence[Part]:
    """How many networks lose their gradients, the figure, and the kinds of networks in figures."""
    if not findings.networks:
        return ()
    return (Text(text=_lead(findings.networks), tone="lead"), *charts.of("gradients"), _table(findings.networks))


def _lead(networks: Sequence[ProbedNetwork]) -> str:
    sides = {
        "without batch normalization": [one for one in networks if not one.start.normalized],
        "with it": [one for one in networks if one.start.normalized],
    }
    told = [f"of {count(len(its), 'network')} {side} {_lost(its)}" for side, its in sides.items() if its]
    return f"Before the first epoch, {'; '.join(told)}."


def _lost(networks: Sequence[ProbedNetwork]) -> str:
    found = [passage(one.start) for one in networks]
    vanishing, exploding = sum(at <= -APART for at in found), sum(at >= APART for at in found)
    return f"{vanishing} have vanishing and {exploding} exploding gradients"


def _table(networks: Sequence[ProbedNetwork]) -> Table:
    kinds: dict[tuple[str, str, str], list[ProbedNetwork]] = defaultdict(list)
    for one in networks:
        first = one.start.hidden[0]
        kinds[first.activation, first.initializer, "yes" if one.start.normalized else "no"].append(one)
    rows = tuple((*kind, *_row(its)) for kind, its in sorted(kinds.items()))
    return Table(
        caption="Inside the networks, by what they are made of",
        headings=(
            *("activation", "initializer", "batch normalization", "networks", "hidden layers"),
            *("first / last gradient, start", "after an epoch", "saturated", "dead"),
        ),
        rows=rows,
        right=frozenset(range(3, 9)),
        folded=True,
        note="Medians over the networks of a row. Saturated: activations of sigmoid or tanh in the outer 1 % of their "
        "range; dead: units of the ReLU family that are 0 for every row looked at; both before the first epoch, over "
        "the hidden layers.",
    )


def _row(networks: Sequence[ProbedNetwork]) -> tuple[str, ...]:
    starts = [one.start for one in networks]
    later = [one.after for one in networks if one.after is not None]
    depths = sorted({len(start.hidden) for start in starts})
    return (
        str(len(networks)),
        str(depths[0]) if len(depths) == 1 else f"{depths[0]} to {depths[-1]}",
        _power([passage(start) for start in starts]),
        _power([passage(one) for one in later]),
        percent(_middle([_share(start, "saturated") for start in starts])),
        percent(_middle([_share(start, "dead") for start in starts])),
    )


def _power(values: Sequence[float]) -> str:
    return f"{10 ** median(values):.2g}" if values else NONE


def _share(probe: "Probe", name: str) -> float | None:
    """Mean over the hidden layers that have it."""
    known = [share for layer in probe.hidden if (share := getattr(layer, name)) is not None]
    return sum(known) / len(known) if known else None


def _middle(shares: Sequence[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return median(known) if known else None
