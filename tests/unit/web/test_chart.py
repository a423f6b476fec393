from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, PackageLoader, StrictUndefined

from hpo.storage.queries.live_queries import Settled
from hpo.web.pages import chart

PAGES = Environment(loader=PackageLoader("hpo.web.pages"), autoescape=True, undefined=StrictUndefined)
TEMPLATE = PAGES.get_template("parts/chart.html")


def drawn(history: list[Settled], baseline: float | None = None) -> str:
    """The drawing as the page has it; empty where there is none."""
    found = chart.draw(history, Status(), baseline)  # type: ignore[arg-type]
    return TEMPLATE.render(chart=found) if found else ""


VALUES = st.floats(-1e6, 1e6)
TRIALS = st.lists(
    st.builds(
        lambda outcome, value: Settled(trial=1, outcome=outcome, value=None if outcome == "failed" else value, at=0.0),
        st.sampled_from(["complete", "pruned", "failed"]),
        VALUES,
    ),
    max_size=30,
)


class Status:
    """What the drawing says in words."""

    metric = "<b>accuracy</b>"
    direction = "maximize"
    best = None


@given(TRIALS, st.sampled_from(["maximize", "minimize"]))
def test_the_best_so_far_only_gets_better_and_ends_at_the_best(history: list[Settled], direction: str) -> None:
    found = chart.course(history, direction)
    complete = [one.value for one in history if one.outcome == "complete"]
    if len(complete) < 2:
        assert found is None
        return
    assert found is not None
    sign = 1 if direction == "maximize" else -1
    known = [sign * value for value in found.best if value is not None]
    assert known == sorted(known)
    assert len(found.best) == len(history)
    assert known[-1] == max(sign * value for value in complete)
    assert found.low < sign * known[-1] < found.high


@given(TRIALS, st.none() | VALUES)
def test_all_points_lie_within_the_drawing(history: list[Settled], baseline: float | None) -> None:
    text = drawn(history, baseline)
    if not text:
        return
    figure = ElementTree.fromstring(text)
    assert "<b>" not in text
    drawing = figure[0]
    _, _, width, height = map(float, drawing.attrib["viewBox"].split())
    circles = drawing.findall("circle")
    assert len(circles) == sum(one.outcome == "complete" for one in history)
    for circle in circles:
        assert 0 <= float(circle.attrib["cx"]) <= width
        assert 0 <= float(circle.attrib["cy"]) <= height


@pytest.mark.parametrize("trials", [500, 5_000])
def test_a_long_search_is_drawn_with_at_most_500_points(trials: int) -> None:
    history = [Settled(trial=n, outcome="complete", value=n / trials, at=n) for n in range(trials)]
    text = drawn(history)
    assert text.count("<circle") == 500


def test_higher_is_drawn_higher() -> None:
    history: list[Any] = [Settled(trial=n, outcome="complete", value=float(n), at=n) for n in range(3)]
    figure = ElementTree.fromstring(drawn(history))
    heights = [float(circle.attrib["cy"]) for circle in figure[0].findall("circle")]
    assert heights == sorted(heights, reverse=True)
    assert len(set(heights)) == 3


def test_trials_of_a_lower_fidelity_are_never_the_best() -> None:
    low = [Settled(trial=n, outcome="complete", value=9.0, at=n, highest=False) for n in range(4)]
    high = [Settled(trial=4 + n, outcome="complete", value=float(n), at=4 + n) for n in range(3)]
    found = chart.course([*low, *high], "maximize")
    assert found is not None
    assert found.best == (None, None, None, None, 0.0, 1.0, 2.0)
    assert len(found.points) == 7
    assert chart.course(low, "maximize") is None


def test_the_best_so_far_is_a_mean_once_it_was_confirmed() -> None:
    values = {"a": 5.0, "b": 4.0}
    first = [Settled(trial=n, outcome="complete", value=v, at=n, digest=d) for n, (d, v) in enumerate(values.items())]
    again = Settled(trial=2, outcome="complete", value=3.0, at=2, digest="a")
    found = chart.course([*first, again], "maximize")
    assert found is not None
    assert found.best == (5.0, 5.0, 4.0)


def test_the_best_so_far_falls_to_the_hand_picked_one_no_further() -> None:
    hand = Settled(trial=0, outcome="complete", value=4.5, at=0, digest="hand", given=True)
    lucky = [Settled(trial=n, outcome="complete", value=v, at=n, digest="a") for n, v in ((1, 5.0), (2, 3.0))]
    found = chart.course([hand, *lucky], "maximize")
    assert found is not None
    assert found.best == (4.5, 5.0, 4.5)
