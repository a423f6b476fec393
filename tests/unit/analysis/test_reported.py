from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hpo.analysis.tables import FigureFinding, against_reported, rounding


def one(reported: str | None, *measured: float, alpha: float | None = 0.05) -> FigureFinding:
    (found,) = against_reported([Decimal(reported) if reported else None], [measured], alpha=alpha)
    return found


@pytest.mark.parametrize(
    ("printed", "half"), [("2.3", 0.05), ("0.913", 0.0005), ("14", 0.5), ("0.910", 0.0005), ("1E+1", 5.0)]
)
def test_a_figures_rounding_is_half_a_unit_of_its_last_digit(printed: str, half: float) -> None:
    assert rounding(Decimal(printed)) == pytest.approx(half)


def test_the_prediction_interval_equals_one_by_hand() -> None:
    """Five repeats 1 … 5: mean 3, s = 1.5811, t(4) = 2.7764 (any table), so 3 ± 2.7764 · 1.5811 · sqrt(1.2)."""
    found = one(None, 1, 2, 3, 4, 5)
    assert (found.mean, found.sd) == (3, pytest.approx(1.5811, abs=1e-4))
    assert found.prediction == pytest.approx((3 - 4.8089, 3 + 4.8089), abs=5e-4)
    assert one("3", 1, 2, 3, 4, 5).prediction == pytest.approx((3 - 5.3089, 3 + 5.3089), abs=5e-4)


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=6), st.decimals(-200, 200, places=1))
def test_a_figure_alone_in_its_column_disagrees_just_where_it_leaves_the_interval(
    repeats: list[int], figure: Decimal
) -> None:
    found = one(str(figure), *map(float, repeats))
    assert found.prediction is not None
    low, high = found.prediction
    edge = min(abs(float(figure) - low), abs(float(figure) - high))
    assume(edge > 1e-6)
    assert found.disagrees is not (low <= float(figure) <= high)


def test_one_more_run_leaves_the_interval_once_in_twenty() -> None:
    runs = np.random.default_rng(1).normal(2.5, 0.07, (1500, 4))
    outside = sum(one(f"{run[3]:.6f}", *run[:3].tolist()).disagrees for run in runs)
    assert 0.035 <= outside / len(runs) <= 0.065


def test_rounding_alone_is_never_a_disagreement() -> None:
    """Repeats without noise: 0.97 stands for anything from 0.965 to 0.975, and for nothing else."""
    assert not one("0.97", 0.965, 0.965, 0.965).disagrees
    assert not one("0.97", 0.975, 0.975).disagrees
    assert one("0.97", 0.9751, 0.9751).disagrees
    assert one("0.1", 0.1, 0.1, 0.1).sd == 0


def test_holm_is_over_the_rows_of_the_column() -> None:
    """Alone the figure disagrees (p between 0.01 and 0.05); as one of six it does not."""
    repeats = (2.4, 2.5, 2.6)
    alone = against_reported([Decimal("2.000")], [repeats], alpha=0.05)[0]
    assert alone.p is not None
    assert 0.01 < alone.p < 0.05
    assert alone.disagrees
    among = against_reported([Decimal("2.000"), *[Decimal("2.5")] * 5], [repeats] * 6, alpha=0.05)[0]
    assert among.p == alone.p
    assert among.p_holm == pytest.approx(6 * alone.p)
    assert not among.disagrees


def test_figures_that_cannot_be_tested_have_no_p_value() -> None:
    one_repeat = one("2.3", 9.0)
    assert (one_repeat.mean, one_repeat.sd, one_repeat.prediction, one_repeat.p) == (9.0, None, None, None)
    unmeasured = one("2.3")
    assert (unmeasured.mean, unmeasured.p, unmeasured.disagrees) == (None, None, False)
    unreported = one(None, 2.3, 2.4)
    assert unreported.prediction is not None
    assert (unreported.p, unreported.disagrees) == (None, False)
    told_not_to = one("2.3", 9.0, 9.1, alpha=None)
    assert (told_not_to.p, told_not_to.p_holm, told_not_to.disagrees) == (None, None, False)


def test_rows_that_cannot_be_tested_do_not_count_in_the_correction() -> None:
    found = against_reported([Decimal("2.0"), None, Decimal("2.0")], [(2.4, 2.5, 2.6), (1.0, 2.0), (3.0,)], alpha=0.05)
    assert found[0].p is not None
    assert found[0].p_holm == found[0].p
    assert [row.p for row in found[1:]] == [None, None]
