import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.report import formatting


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (math.nan, "–"),
        (0.0, "0"),
        (2.05999, "2.060"),
        (0.91999, "0.9200"),
        (-0.0123456, "−0.01235"),
        (123456.7, "123457"),
        (1e-5, "1e−05"),
        (2.5e9, "2.5e+09"),
        (Decimal("0.910"), "0.910"),
        (32, "32"),
        (True, "True"),
        ("adam", "adam"),
    ],
)
def test_a_value_is_written_with_four_significant_digits(value: object, text: str) -> None:
    assert formatting.figure(value) == text


@given(st.floats(min_value=1e-4, max_value=1e5))
def test_four_digits_say_a_value_to_a_part_in_a_thousand(value: float) -> None:
    assert float(formatting.figure(value)) == pytest.approx(value, rel=1e-3)


def test_a_difference_shows_its_sign() -> None:
    assert [formatting.signed(value) for value in (0.0123, -0.0123, 0.0, None)] == ["+0.0123", "−0.0123", "0", "–"]


def test_both_bounds_of_an_interval_have_the_same_decimals() -> None:
    assert formatting.interval((-0.001234, 0.2345)) == "−0.001 to 0.234"
    assert formatting.interval((0.0, 0.0)) == "0.00 to 0.00"
    assert formatting.interval(None) == "–"


def test_a_spread_is_mean_and_sample_standard_deviation() -> None:
    assert formatting.spread((1.0, 2.0, 3.0)) == "2.0 ± 1.0"
    assert formatting.spread((2.5,)) == "2.500"
    assert formatting.spread(()) == "–"


def test_small_probabilities_are_only_said_to_be_small() -> None:
    assert [formatting.p_value(p) for p in (1e-9, 0.0312, 0.5, None)] == ["< 0.001", "0.031", "0.50", "–"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0.25, "0.2 s"), (45, "45 s"), (600, "10 min"), (12_000, "3 h 20 min"), (400_000, "4.6 days")],
)
def test_durations_in_reports_are_written_in_readable_units(seconds: float | None, text: str) -> None:
    assert formatting.duration(seconds) == text


def test_a_configuration_is_one_line() -> None:
    assert formatting.configuration({"units": 32, "rate": 0.001, "kind": None}) == "units 32, rate 0.001, kind none"
