"""What the rungs of a search told of one another, from values known by heart."""

import hypothesis.strategies as st
import pytest
from hypothesis import given
from scipy.stats import kendalltau

from hpo.analysis.rung_agreement import TELLS_NOTHING, climb_sentences, examine_climb

LOWER = {"hand": 0.80, "a": 0.85, "b": 0.84, "c": 0.70, "d": 0.60}
UPPER = {"hand": 0.92, "a": 0.91, "b": 0.93, "c": 0.89}
AGAIN = {"hand": 0.90, "b": 0.915}


def test_the_hand_picked_configuration_has_a_rank_on_each_rung() -> None:
    found = examine_climb([LOWER, UPPER, AGAIN], direction="maximize", prior="hand")
    assert [(each.rung, each.rank, each.of) for each in found.hand] == [(0, 3, 5), (1, 2, 4)]
    falling = examine_climb([LOWER, UPPER, AGAIN], direction="minimize", prior="hand")
    assert [(each.rung, each.rank, each.of) for each in falling.hand] == [(0, 3, 5), (1, 3, 4)]


def test_without_a_hand_picked_configuration_there_is_no_rank() -> None:
    assert examine_climb([LOWER, UPPER, AGAIN], direction="maximize").hand == ()
    assert examine_climb([{"a": 1.0}, {"a": 2.0}], direction="maximize", prior="hand").hand == ()


def test_rungs_agree_as_far_as_kendalls_tau_says() -> None:
    (found,) = examine_climb([LOWER, UPPER, AGAIN], direction="maximize", prior="hand").agreements
    names = sorted(UPPER)
    tau = kendalltau([LOWER[name] for name in names], [UPPER[name] for name in names]).statistic
    assert (found.rung, found.configurations) == (0, 4)
    assert found.tau == pytest.approx(tau)


def test_a_rung_that_reverses_the_order_is_uninformative() -> None:
    lower = {str(number): float(number) for number in range(5)}
    upper = {name: -value for name, value in lower.items()}
    (found,) = examine_climb([lower, upper, {}], direction="maximize").agreements
    assert found.tau == pytest.approx(-1.0)
    assert found.tells_nothing


def test_three_configurations_are_too_few_for_rank_agreement() -> None:
    lower = {"a": 1.0, "b": 2.0, "c": 3.0}
    (found,) = examine_climb([lower, lower, {}], direction="maximize").agreements
    assert (found.tau, found.tells_nothing) == (None, False)


def test_equal_values_have_no_rank_agreement() -> None:
    lower = dict.fromkeys("abcd", 1.0)
    (found,) = examine_climb([lower, {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}, {}], direction="maximize").agreements
    assert found.tau is None


@pytest.mark.parametrize(("direction", "sign"), [("maximize", 1), ("minimize", -1)])
def test_luck_is_the_search_value_minus_the_confirmed_value(direction: str, sign: int) -> None:
    found = examine_climb([LOWER, UPPER, AGAIN], direction=direction, prior="hand").confirmations
    luck = {each.digest: each.luck for each in found}
    assert luck == {"hand": pytest.approx(sign * 0.02), "b": pytest.approx(sign * 0.015)}
    assert {each.digest for each in found if each.prior} == {"hand"}
    assert found[0].digest == ("b" if direction == "maximize" else "hand")


def test_the_best_mean_comes_first_of_what_was_trained_again() -> None:
    """As it is what the search names, whichever did best when trained again."""
    found = examine_climb([{"a": 0.930, "b": 0.926}, {"a": 0.928, "b": 0.929}], direction="maximize")
    assert [each.digest for each in found.confirmations] == ["a", "b"]
    assert climb_sentences(found, ["full"])[-1] == "trained again, the best came to 0.928, and to 0.93 in the search"


def test_a_search_of_one_fidelity_has_confirmations_and_no_agreement() -> None:
    found = examine_climb([UPPER, AGAIN], direction="maximize", prior="hand")
    assert found.agreements == ()
    assert len(found.confirmations) == 2


def test_a_climb_of_a_single_rung_is_refused() -> None:
    with pytest.raises(ValueError, match="2 rungs"):
        examine_climb([UPPER], direction="maximize")


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.floats(-1e6, 1e6), min_size=4, max_size=20))
def test_a_rung_agrees_with_itself(values: dict[str, float]) -> None:
    (found,) = examine_climb([values, values, {}], direction="minimize").agreements
    assert found.tau is None or (found.tau == pytest.approx(1.0) and found.tau > TELLS_NOTHING)
