import json
import math

from hypothesis import given
from hypothesis import strategies as st
from observed_events import STUDY, best, ended, settled


@given(st.floats(), st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text()))
def test_an_observer_event_is_valid_json_with_any_values(value: float, params: dict[str, object]) -> None:
    event = settled(values=(value,), params=params, curve=((1, value),))
    told = json.loads(json.dumps(event.to_json(), allow_nan=False))
    assert told["event"] == "trial_settled"
    assert told["params"] == params
    number = value if math.isfinite(value) else None
    assert (told["values"], told["curve"]) == ([number], [[1, number]])


def test_an_event_says_when_of_which_study_and_what_was_best() -> None:
    told = ended().to_json()
    assert told["at"] == "2026-01-02T03:04:05+00:00"
    assert told["study"]["name"] == STUDY.name
    assert told["best"] == best().to_json()
