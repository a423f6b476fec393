"""What was seen inside the networks: why some learned and others did not."""

import math
from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from hpo.experiments.findings import Findings, ProbedNetwork
from hpo.report.document import Part, Table, Text
from hpo.report.figures.canvas import Charts
from hpo.report.figures.network_charts import LayerChart
from hpo.report.figures.network_charts import layers_data as layered
from hpo.report.formatting import NONE, count, percent
from hpo.report.gradient_health import fate, power

if TYPE_CHECKING:
    from hpo.training.probes import Probe

__all__ = ["parts"]

_NOTHING = 45.0  # powers of ten: what a gradient of 0 is told as, since float32 has nothing smaller


def parts(findings: Findings, charts: Charts) -> Sequence[Part]:
    """How many networks lose their gradients, the figures, and the kinds of networks in figures."""
    if not findings.networks:
        return ()
    drawn = {chart.id: chart for chart in charts.of("layers")}
    found: list[Part] = [Text(text=_lead(findings.networks), tone="lead"), *charts.of("gradients")]
    for chart in layered(findings) or ():
        found += [*([drawn[f"figure-{chart.id}"]] if f"figure-{chart.id}" in drawn else []), _layers(chart)]
    return (*found, _table(findings.networks))


def _lead(networks: Sequence[ProbedNetwork]) -> str:
    sides = {
        "without batch normalization": [one for one in networks if not one.start.normalized],
        "with it": [one for one in networks if one.start.normalized],
    }
    told = [f"of {count(len(its), 'network')} {side} {_lost(its)}" for side, its in sides.items() if its]
    clipped = [one for one in networks if fate(one.start) == "exploding" and one.start.clips]
    kept = sum(fate(one.start, clipped=True) != "exploding" for one in clipped)
    mended = f" Clipping keeps {kept} of {count(len(clipped), 'exploding one')} in bounds." if clipped else ""
    return f"Before the first epoch, {'; '.join(told)}.{mended}"


def _lost(networks: Sequence[ProbedNetwork]) -> str:
    found = [fate(one.start) for one in networks]
    return f"{found.count('vanishing')} have vanishing and {found.count('exploding')} exploding gradients"


def _layers(chart: LayerChart) -> Table:
    """The figure in numbers, for those who cannot see it."""
    return Table(
        caption=f"{chart.title}, in numbers",
        headings=(
            *("network", "gradient norm, first", "last", "mean, first", "last"),
            *("variance, first", "last"),
        ),
        rows=tuple(
            (
                line.label,
                *(
                    _number(end)
                    for values in (line.gradients, line.means, line.variances)
                    for end in values[:: len(values) - 1 or 1]
                ),
            )
            for line in chart.lines
        ),
        right=frozenset(range(1, 7)),
        folded=True,
        note="Before the first epoch, in the first and the last hidden layer: the gradient's norm as clipping leaves "
        "it, mean and variance of what the activation gives.",
    )


def _number(value: float) -> str:
    return f"{value:.2g}" if math.isfinite(value) else "not finite"


def _table(networks: Sequence[ProbedNetwork]) -> Table:
    kinds: dict[tuple[str, str, str, int], list[ProbedNetwork]] = defaultdict(list)
    for one in networks:
        first = one.start.hidden[0]
        kinds[
            first.activation, first.initializer, "yes" if one.start.normalized else "no", len(one.start.hidden)
        ].append(one)
    rows = tuple((*kind[:3], str(kind[3]), *_row(its)) for kind, its in sorted(kinds.items()))
    return Table(
        caption="Inside the networks, by what they are made of",
        headings=(
            *("activation", "initializer", "batch normalization", "hidden layers", "networks"),
            *("gradient norm, first layer", "last layer", "first, after an epoch", "saturated", "dead"),
        ),
        rows=rows,
        right=frozenset(range(3, 10)),
        folded=True,
        note="Medians over the networks of a row; layers: hidden ones, before clipping. Saturated: activations of "
        "sigmoid or tanh in the outer 1 % of their range; dead: units of the ReLU family that are 0 for every row "
        "looked at; both before the first epoch, over the hidden layers.",
    )


def _row(networks: Sequence[ProbedNetwork]) -> tuple[str, ...]:
    starts = [one.start for one in networks]
    later = [one.after for one in networks if one.after is not None]
    return (
        str(len(networks)),
        _power([start.hidden[0].gradient_norm for start in starts]),
        _power([start.hidden[-1].gradient_norm for start in starts]),
        _power([one.hidden[0].gradient_norm for one in later]),
        percent(_middle([_share(start, "saturated") for start in starts])),
        percent(_middle([_share(start, "dead") for start in starts])),
    )


def _power(values: Sequence[float]) -> str:
    return f"{10 ** median(power(value, edge=_NOTHING) for value in values):.2g}" if values else NONE


def _share(probe: "Probe", name: str) -> float | None:
    """Mean over the hidden layers that have it."""
    known = [share for layer in probe.hidden if (share := getattr(layer, name)) is not None]
    return sum(known) / len(known) if known else None


def _middle(shares: Sequence[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return median(known) if known else None
