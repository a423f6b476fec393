import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.analysis import DECIDING_PAIRS, interim_alpha
from hpo.analysis.methods.power import deciding_pairs, next_alpha
from hpo.errors import UsageError


def test_each_interim_analysis_spends_three_quarters_of_what_is_left() -> None:
    assert [interim_alpha(number) for number in (1, 2, 3)] == pytest.approx([0.0375, 0.009375, 0.00234375])


@given(st.floats(0.001, 0.5))
def test_however_many_interim_analyses_never_spend_more_than_the_total(total: float) -> None:
    spent = 0.0
    for number in range(1, 30):
        assert interim_alpha(number, total) == pytest.approx(0.75 * (total - spent), rel=1e-6)
        spent += interim_alpha(number, total)
        assert spent <= total * (1 + 1e-12)


@given(st.integers(1, 40))
def test_the_next_alpha_is_that_of_the_next_interim_analysis(number: int) -> None:
    assert next_alpha(interim_alpha(number)) == pytest.approx(interim_alpha(number + 1))


def test_six_pairs_all_won_can_decide_at_the_first_interim_analysis_and_five_never() -> None:
    assert interim_alpha(1) > 2 / 2**DECIDING_PAIRS
    assert 2 / 2 ** (DECIDING_PAIRS - 1) > 0.05


@pytest.mark.parametrize(
    ("alpha", "pairs"), [(0.9, 6), (0.05, 6), (0.0375, 6), (0.03125, 7), (0.009375, 8), (0.002, 10)]
)
def test_the_first_number_of_pairs_whose_smallest_p_is_below_alpha(alpha: float, pairs: int) -> None:
    assert deciding_pairs(alpha) == pairs


@pytest.mark.parametrize(("number", "total"), [(0, 0.05), (-1, 0.05), (1, 0.0), (1, 1.0), (1, float("nan"))])
def test_an_interim_number_or_total_out_of_range_is_refused(number: int, total: float) -> None:
    with pytest.raises(UsageError, match=r"(number|total) must be"):
        interim_alpha(number, total)
