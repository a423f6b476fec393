"""`make simulate`: every rate in docs/statistics.md measured anew; `ARGS=--keep` keeps them and writes them there.

What is kept, simulated.json, is what a test holds the page against: no figure stands there that was not measured.
`ARGS=--page` writes what is kept to the page again, and measures nothing.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulated import (
    LOOKS,
    Draw,
    autocorrelated,
    collapses,
    counted,
    coverage,
    inside_margin,
    looked,
    looked_at_will,
    losses,
    normal,
    one_better,
    other_shape,
    rare_losses,
    searched,
    shared_test_set,
    skewed,
    steadier,
    verdicts,
)

from hpo.analysis.methods.power import power

__all__ = ["KEPT", "PAGE", "percent", "tables", "written"]

SIMULATIONS = 5_000  # a cell
PAIRS = (6, 12, 28)
FIVE, TEN = (6, 12, 18, 24, 28), tuple(range(6, 25, 2))  # pairs at each of so many looks

KEPT = Path(__file__).with_name("simulated.json")
PAGE = Path(__file__).parents[3] / "docs" / "statistics.md"
BEGIN, END = "<!-- simulated: make simulate ARGS=--keep writes this -->\n", "<!-- simulated ends -->\n"

CASES: Mapping[Draw, str] = {
    normal: "normal gains",
    skewed: "both sides lognormal (sigma 1)",
    losses: "both with a long tail of losses (gamma)",
    counted: "accuracies on 100 rows, full of ties",
    steadier: "equal means, one side three times as noisy",
    other_shape: "equal means, one side normal, the other lognormal (sigma 0.5)",
    rare_losses: "mean gain 0, all of its tail on the losing side (exponential)",
    collapses: "mean gain 0, ahead by 1 but for a collapse by 19 in one run of twenty",
    autocorrelated: "pairs that are not independent: each gain correlated by 0.5 with the one before",
    shared_test_set: "pairs that share the luck of one test set, half their own spread, read as of other rows",
}


def figures(simulations: int) -> Iterator[tuple[str, float]]:
    """Every figure by its name, as soon as it is there."""
    for draw in CASES:
        for pairs in PAIRS:
            yield f"{draw.__name__}, {pairs} pairs", verdicts(draw, pairs=pairs, simulations=simulations).better
        yield f"{draw.__name__}, three looks", looked(draw, simulations=simulations).better
    yield "five looks at 0.05", looked_at_will(FIVE, simulations=simulations)
    yield "ten looks at 0.05", looked_at_will(TEN, simulations=simulations)
    yield "rare_losses, 12 pairs, no caution", verdicts(rare_losses, simulations=simulations).firm
    found = verdicts(one_better, simulations=simulations)
    yield "one_better, 12 pairs", found.better
    yield "one_better, 12 pairs, no caution", found.firm
    for pairs in (8, 12, 29):
        yield f"coverage, {pairs} pairs", coverage(pairs, simulations=simulations)
    once, over_looks = inside_margin(simulations=simulations)
    yield "a gain of the margin inside it, once", once
    yield "a gain of the margin inside it, three looks", over_looks
    rates, optimism = searched(studies=simulations)
    yield "searches among equals", rates.better
    yield "optimism", optimism


def tables(kept: Mapping[str, Any]) -> str:
    """The tables of docs/statistics.md from the kept figures."""
    found, simulations = kept["figures"], kept["simulations"]
    headings = [f"{pairs} pairs" for pairs in PAIRS]
    looks = f"any of three looks at {', '.join(map(str, LOOKS))}"
    lines = [
        f"`{kept['command']}`, {kept['date']}, {simulations:,} simulations a cell:",
        f"a standard error of {_error(0.025, simulations)} points at 2.5 %, of {_error(0.5, simulations)} at most.",
        "",
        f"| better, where a is no better | {' | '.join(headings)} | {looks} |",
        "| --- | --- | --- | --- | --- |",
    ]
    for draw, what in CASES.items():
        cells = [found[f"{draw.__name__}, {column}"] for column in (*headings, "three looks")]
        lines.append(f"| {what} | {' | '.join(map(percent, cells))} |")
    covered = ", ".join(percent(found[f"coverage, {pairs} pairs"]).removesuffix(" %") for pairs in (8, 12, 29))
    inside = [found[f"a gain of the margin inside it, {when}"] for when in ("once", "three looks")]
    at_will = ", ".join(percent(found[f"{number} looks at 0.05"]) for number in ("five", "ten"))
    theory = percent(power(1.0, 12))
    lines += [
        "",
        "| | theory | simulated |",
        "| --- | --- | --- |",
        f"| better, true gain of one standard deviation, 12 pairs (power) | {theory} |"
        f" {percent(found['one_better, 12 pairs'])} |",
        f"| the same without a caution for skewness | | {percent(found['one_better, 12 pairs, no caution'])} |",
        f"| better without that caution, mean gain 0, tail on the losing side, 12 pairs | |"
        f" {percent(found['rare_losses, 12 pairs, no caution'])} |",
        f"| the 95 % t interval holds the true gain: 8, 12, 29 pairs | 95 % | {covered} % |",
        f"| a gain of just the margin passes for inside it: once, over three looks | 5 %, below 5 % |"
        f" {', '.join(map(percent, inside))} |",
        "| better or worse, normal gains of mean 0, were every look at 0.05:"
        f" five looks ({FIVE[0]} to {FIVE[-1]} pairs), ten ({TEN[0]} to {TEN[-1]}) | | {at_will} |",
        f"| better, after {simulations:,} searches of 50 equal trials, race and 12 pairs | 1.9 % |"
        f" {percent(found['searches among equals'])} |",
        f"| optimism of those searches, in standard deviations of a trial | 2.25 | {found['optimism']:.2f} |",
    ]
    return "\n".join(lines) + "\n"


def percent(share: float) -> str:
    """A share as the page has it."""
    return f"{share:.1%}".replace("%", " %")


def _error(share: float, simulations: int) -> str:
    """Standard error of a simulated share, in points."""
    return f"{100 * (share * (1 - share) / simulations) ** 0.5:.2f}"


def written(page: str, told: str) -> str:
    """The page with these tables between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{told}\n{END}{after}"


def main(tell: Callable[[str], object], *, keep: bool) -> None:
    """Measure all and tell it."""
    found: dict[str, float] = {}
    for name, value in figures(SIMULATIONS):
        found[name] = round(float(value), 5)
        tell(f"{name:<48}{value:>9.4f}")
    kept = {
        "command": "make simulate ARGS=--keep",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "simulations": SIMULATIONS,
        "figures": found,
    }
    tell(f"\n{tables(kept)}")
    if keep:
        KEPT.write_text(json.dumps(kept, indent=1) + "\n")
        PAGE.write_text(written(PAGE.read_text(), tables(kept)))


if __name__ == "__main__":
    if "--page" in sys.argv[1:]:
        PAGE.write_text(written(PAGE.read_text(), tables(json.loads(KEPT.read_text()))))
    else:
        main(lambda line: print(line, flush=True), keep="--keep" in sys.argv[1:])
