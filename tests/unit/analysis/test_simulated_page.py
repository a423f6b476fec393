"""Every figure of docs/statistics.md about a verdict that errs is one that `make simulate` printed."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulate import CASES, KEPT, PAGE, percent, tables, written
from simulated import collapses, normal, shared_test_set, verdicts

ROOT = PAGE.parents[1]
SIMULATED = json.loads(KEPT.read_text())
NOMINAL = {"2.5 %"}  # what the levels themselves say
WHOLE = ("Looking again", "What a verdict does not say")  # sections whose every percentage is a simulated one
FIGURE = re.compile(r"\d+(?:\.\d+)? %")


def prose(page: str) -> str:
    """The page without the tables that are written into it."""
    return re.sub(r"<!-- simulated: .*?<!-- simulated ends -->", "", page, flags=re.DOTALL)


def claims(path: Path) -> Iterator[tuple[str, str]]:
    """(figure, sentence) of each percentage in a sentence on "better", or in one of the sections."""
    for section in re.split(r"^## ", prose(path.read_text()), flags=re.MULTILINE):
        title, _, text = section.partition("\n")
        for sentence in re.split(r"(?<=[.:])\s+", " ".join(text.split())):
            if '"better"' in sentence or title in WHOLE:
                yield from ((figure, sentence) for figure in FIGURE.findall(sentence))


def test_the_tables_of_the_page_are_those_of_the_simulation_that_was_kept() -> None:
    page = PAGE.read_text()
    assert written(page, tables(SIMULATED)) == page
    assert page.count("<!-- simulated ends -->") == 1


@pytest.mark.parametrize("path", [ROOT / "README.md", *sorted(PAGE.parent.glob("*.md"))], ids=lambda path: path.name)
def test_no_figure_of_a_verdict_that_errs_stands_anywhere_that_was_not_simulated(path: Path) -> None:
    known = {percent(value) for value in SIMULATED["figures"].values()} | NOMINAL
    found = list(claims(path))
    assert [claim for claim in found if claim[0] not in known] == []
    if path == PAGE:
        assert {"54.0 %", "13.2 %", "23.5 %"} <= {figure for figure, _ in found}


def test_every_case_was_simulated_and_the_standard_error_is_reported() -> None:
    for draw in CASES:
        assert all(f"{draw.__name__}, {pairs} pairs" in SIMULATED["figures"] for pairs in (6, 12, 28))
    assert "standard error of 0.22 points at 2.5 %, of 0.71 at most" in tables(SIMULATED)  # of 5,000 simulations


@pytest.mark.parametrize("draw", [normal, collapses, shared_test_set])
def test_a_short_simulation_agrees_with_the_kept_one(draw) -> None:
    short, kept = 800, SIMULATED["figures"][f"{draw.__name__}, 12 pairs"]
    error = (kept * (1 - kept) * (1 / short + 1 / SIMULATED["simulations"])) ** 0.5
    assert verdicts(draw, simulations=short, seed=1).better == pytest.approx(kept, abs=4 * error)


def test_comparisons_without_a_rare_collapse_are_as_frequent_as_computed() -> None:
    for pairs in (6, 12, 28):
        assert SIMULATED["figures"][f"collapses, {pairs} pairs"] == pytest.approx(0.95**pairs, abs=0.03)
