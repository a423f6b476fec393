import math

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from hpo.cli.options import megabytes, real, seconds, whole


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 90.0), ("90s", 90.0), ("0.5", 0.5), ("10m", 600.0), ("10min", 600.0), ("2h", 7200.0), ("1h30m", 5400.0),
        ("1d", 86400.0), ("1.5h", 5400.0), (" 2 H ", 7200.0), ("1m 5s", 65.0),
    ],
)  # fmt: skip
def test_durations_are_parsed_with_units(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "0", "0s", "-5", "-5m", "nan", "inf", "1e3", "5x", "m", "10 20", "400d", "1h-5m"])
def test_an_invalid_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"such as 90, 90s, 10m or 2h"):
        seconds(text)


@given(st.integers(0, 40), st.integers(0, 59), st.integers(1, 59))
def test_a_duration_is_the_sum_of_its_parts(hours: int, minutes: int, rest: int) -> None:
    assert seconds(f"{hours}h{minutes}m{rest}s") == 3600 * hours + 60 * minutes + rest


@given(st.integers())
def test_a_whole_number_is_taken_exactly_within_its_limits(number: int) -> None:
    parse = whole(1, 1000)
    if 1 <= number <= 1000:
        assert parse(str(number)) == number
    else:
        with pytest.raises(typer.BadParameter, match="from 1 to 1,000"):
            parse(str(number))


@pytest.mark.parametrize("text", ["", "1.5", "ten", "1e2", "0x10", "9" * 5000])
def test_an_invalid_whole_number_is_refused_in_a_short_message(text: str) -> None:
    with pytest.raises(typer.BadParameter) as caught:
        whole(1, 10**6)(text)
    assert "is not a whole number from 1 to 1,000,000" in caught.value.message
    assert len(caught.value.message) < 150


@given(st.floats())
def test_a_real_number_is_finite(number: float) -> None:
    if math.isfinite(number):
        assert real(repr(number)) == number
    else:
        with pytest.raises(typer.BadParameter, match="not a finite number"):
            real(repr(number))


@pytest.mark.parametrize(("text", "mebibytes"), [("2000", 2000), ("2000M", 2000), ("2G", 2048), ("1 GiB", 1024)])
def test_memory_sizes_are_parsed_with_units(text: str, mebibytes: int) -> None:
    assert megabytes(text) == mebibytes


@pytest.mark.parametrize("text", ["", "0", "-1", "1T", "255M", "2000G", "lots"])
def test_an_invalid_memory_size_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="256M to 1024G"):
        megabytes(text)
