import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.analysis import holm
from hpo.errors import UsageError

P_VALUES = st.lists(st.floats(0, 1), max_size=12)


def test_the_holm_correction_reproduces_a_textbook_example() -> None:
    """Four hypotheses: at 0.05 the method rejects the fourth and the first, and stops at the third."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


def test_one_hypothesis_needs_no_correction_and_none_gives_none() -> None:
    assert holm([0.03]) == (0.03,)
    assert holm([]) == ()


@given(P_VALUES)
def test_no_adjusted_value_is_below_its_own_or_above_1_and_their_order_stays(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(p <= found <= 1 for p, found in zip(p_values, adjusted, strict=True))
    pairs = sorted(zip(p_values, adjusted, strict=True))
    assert [found for _, found in pairs] == sorted(adjusted)


@given(P_VALUES, st.randoms(use_true_random=False))
def test_the_order_of_the_p_values_makes_no_difference(p_values: list[float], random: object) -> None:
    order = list(range(len(p_values)))
    random.shuffle(order)  # type: ignore[attr-defined]
    adjusted = holm(p_values)
    assert holm([p_values[index] for index in order]) == tuple(adjusted[index] for index in order)


@given(P_VALUES.filter(bool), st.floats(0.001, 0.5))
def test_adjusted_p_values_reject_what_holms_step_down_rejects(p_values: list[float], alpha: float) -> None:
    """The method as Holm states it: go up the sorted values and stop at the first above alpha / (those left)."""
    rejected = 0
    for step, p in enumerate(sorted(p_values)):
        if p * (len(p_values) - step) > alpha:
            break
        rejected += 1
    assert sum(found <= alpha for found in holm(p_values)) == rejected


@pytest.mark.parametrize("wrong", [-0.1, 1.5, float("nan")])
def test_a_value_that_is_no_probability_is_refused(wrong: float) -> None:
    with pytest.raises(UsageError, match=r"p_values\[1\] must be"):
        holm([0.5, wrong])
