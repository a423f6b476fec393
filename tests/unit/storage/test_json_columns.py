"""Attributes are read for what they are, or not at all, whatever stands there."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.storage.json_columns import Noted, parsed

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(text=values.map(json.dumps) | st.text())
def test_attributes_have_the_requested_type_or_are_absent(text: str) -> None:
    noted = Noted.read([("it", text)])
    assert isinstance(noted.number("it"), float | int | None)
    assert not isinstance(noted.number("it"), bool)
    assert isinstance(noted.whole("it"), int | None)
    assert isinstance(noted.text("it"), str | None)
    assert all(isinstance(step, int) and isinstance(value, float | int) for step, value in noted.curve("it"))
    for numbers in (noted.numbers("it") or {}).values():
        assert all(isinstance(number, float | int) for number in numbers)
    assert isinstance(noted.records("it", lambda entry: entry["a"]["b"] / 1), tuple)


def test_well_formed_attributes_are_read() -> None:
    told = {"n": 1.5, "w": 7, "t": "x", "c": [[1, 0.5], [2, 1]], "l": {"labels": [1, 2], "odd": "x"}, "r": [1, 0, "x"]}
    noted = Noted.read((name, json.dumps(value)) for name, value in told.items())
    assert (noted.number("n"), noted.number("w"), noted.whole("w"), noted.text("t")) == (1.5, 7, 7, "x")
    assert noted.curve("c") == ((1, 0.5), (2, 1))
    assert noted.numbers("l") == {"labels": [1, 2]}
    assert noted.records("r", lambda entry: 1 / entry) == (1.0,)
    assert math.isnan(Noted.read([("n", "NaN")]).number("n") or 0.0)


@pytest.mark.parametrize("text", ["", "x", "[" * 100_000, "9" * 5000, None])
def test_invalid_json_is_treated_as_absent(text: str | None) -> None:
    assert parsed(text, "absent") == "absent"
    assert "it" not in Noted.read([("it", text)])  # type: ignore[list-item]


@pytest.mark.parametrize("deep", [49, 50, 900])
def test_deeply_nested_json_is_cut_off(deep: int) -> None:
    found, levels = parsed("[" * deep + "1" + "]" * deep), 0
    while isinstance(found, list):
        found, levels = found[0], levels + 1
    assert (levels, found) == ((deep, 1) if deep < 50 else (50, "…" if deep > 50 else 1))
