"""What all figures have in common: colours, what goes into a page, and that nothing comes of nothing."""

import json
import math
import subprocess
import sys
from typing import Any

import pytest
import told
from hypothesis import given
from hypothesis import strategies as st

from hpo.report import theme
from hpo.report.figures import FIGURES, canvas, figure_json, shown

finite = st.floats(allow_nan=False, allow_infinity=False, width=32)


def everything(**more: object) -> Any:
    race = told.heat(told.racer("trial 7", [0.9, 0.91], 0.93), told.racer("report", [0.88, 0.9]))
    return told.findings(
        trials=(told.trial(0, value=0.9, params=told.HAND), told.trial(1, value=0.92), told.trial(2, "failed")),
        comparison=told.comparison([0.92, 0.93, 0.91], [0.9, 0.92, 0.92], heats=[race]),
        sweeps=told.sweep_report({}),
        **more,
    )


def test_figures_come_in_the_order_of_the_page() -> None:
    figures = shown(everything())
    assert [one.id for one in figures] == ["paired", "race", "history"]
    order = [panel.id for panel in FIGURES]
    assert [one.panel for one in figures] == sorted((one.panel for one in figures), key=order.index)
    assert all(one.caption and one.heading and one.title for one in figures)


def test_findings_without_data_give_no_figures() -> None:
    assert shown(told.findings()) == ()
    assert shown(told.findings(definition=None)) == ()


def test_a_figure_goes_into_a_page_small_and_without_a_theme_of_its_own() -> None:
    for one in shown(everything()):
        text = figure_json(one.figure)
        whole = json.loads(text, parse_constant=pytest.fail)
        assert len(text) < 8_000
        assert "template" not in whole["layout"]
        assert "width" not in whole["layout"]
        assert whole["layout"]["paper_bgcolor"] == "rgba(0,0,0,0)"


def test_figures_of_a_thousand_trials_stay_small() -> None:
    params = {"units": 64, "optimizer": "adam", "rate": 0.00123456789, "dropout": 0.25, "schedule": "cosine"}
    trials = tuple(told.trial(at, value=0.9 + at / 1e5, params=params) for at in range(1000))
    (only,) = shown(told.findings(trials=trials))
    assert len(figure_json(only.figure)) < 200_000


def values(part: Any) -> set[str]:
    if isinstance(part, dict):
        return set().union(*(values(inner) for inner in part.values()))
    if isinstance(part, list | tuple):
        return set().union(*(values(inner) for inner in part))
    return {part} if isinstance(part, str) else set()


def test_every_colour_of_a_figure_has_a_dark_counterpart() -> None:
    known = {colour.light for colour in theme.colours()} | {"rgba(0,0,0,0)"}
    for one in shown(everything()):
        text = values(json.loads(figure_json(one.figure)))
        assert {word for word in text if word.startswith(("#", "rgb"))} <= known


def test_light_colours_differ_so_that_they_can_be_exchanged() -> None:
    every = theme.colours()
    assert len({colour.light for colour in every}) == len(every)
    assert theme.swaps()[theme.OPTIMUM.light] == theme.OPTIMUM.dark


def test_a_figure_is_recoloured_for_the_dark_theme() -> None:
    figure = {"a": [theme.INK.light, 3, None], "b": {"c": theme.BAD.light, "d": "ink"}}
    dark = {"a": [theme.INK.dark, 3, None], "b": {"c": theme.BAD.dark, "d": "ink"}}
    assert theme.recoloured(figure, "dark") == dark
    assert theme.recoloured(figure, "light") == figure


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("side", ["light", "dark"])
def test_marks_contrast_with_the_background_in_both_themes(side: str) -> None:
    marks = ("OPTIMUM", "BASELINE", "REPORTED", "MEASURED", "CHANCE", "GOOD", "BAD", "INK", "MUTED")
    paper = luminance(getattr(theme.PAPER, side))
    for name in marks:
        mark = luminance(getattr(getattr(theme, name), side))
        light, dark = max(mark, paper), min(mark, paper)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, name  # WCAG 2.2 for text; 3 would do for marks


@given(st.floats())
def test_a_shortened_number_is_close_or_none(value: float) -> None:
    slim = canvas.slim(value)
    assert slim is None if not math.isfinite(value) else slim == pytest.approx(value, rel=1e-4)


@given(st.lists(finite), st.lists(finite, max_size=3))
def test_the_axis_range_includes_required_values(numbers: list[float], keep: list[float]) -> None:
    low, high = canvas.window(numbers, keep)
    assert low < high
    assert all(low <= value <= high for value in keep)


def test_the_axis_range_excludes_only_outliers() -> None:
    low, high = canvas.window([1.0, 1.1, 1.2, 1.3, 50.0])
    assert (low <= 1.0, 1.3 <= high < 2) == (True, True)
    low, high = canvas.window([1.0, 1.1, 1.2, 1.3, 1.6])
    assert high > 1.6


@given(st.text(max_size=60))
def test_a_shortened_text_keeps_its_ends(text: str) -> None:
    short = canvas.short(text)
    assert len(short) <= 20
    assert short == text or (short[:5], short[-5:]) == (text[:5], text[-5:])


@given(st.floats(1e-8, 1e8), st.floats(1.0, 1e9))
def test_logarithmic_ticks_are_few_and_within(low: float, times: float) -> None:
    ticks = canvas.log_ticks(low, low * times)
    assert 1 <= len(ticks) <= 6
    assert ticks == sorted(ticks)
    assert all(low * 0.99 <= tick <= low * times * 1.01 for tick in ticks)


@given(st.floats(1e-8, 1e8), st.floats(1.01, 10.0))
def test_a_range_within_a_decade_has_ticks_to_read_it_by(low: float, times: float) -> None:
    assert 2 <= len(canvas.log_ticks(low, low * times)) <= 6


def test_logarithmic_ticks_are_round_numbers() -> None:
    assert canvas.log_ticks(266_610, 458_000) == [300_000, 350_000, 400_000, 450_000]
    assert canvas.log_ticks(1e-3, 1.0) == [0.001, 0.01, 0.1, 1]


def test_text_in_figures_is_escaped() -> None:
    assert canvas.plain("<b>&amp;") == "&lt;b&gt;&amp;amp;"
    assert canvas.words({"a": 0.1234567, "<b>": None}) == "a=0.123457, &lt;b&gt;=None"


def test_the_modules_of_figures_import_nothing_heavy() -> None:
    heavy = "{'plotly', 'tensorflow', 'keras', 'optuna', 'scipy', 'pandas'}"
    code = f"import sys, hpo.report.figures; print(*sorted({heavy} & set(sys.modules)))"
    told_by = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told_by.stdout.strip() == ""
