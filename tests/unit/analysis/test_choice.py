import numpy as np
import pytest
from scipy import stats

from hpo.analysis.methods.significance import against
from hpo.analysis.tables import Choice, examine_choice
from hpo.study import Direction


def examined(
    *scores: tuple[float, ...], tried: tuple[int, ...] = (), chosen: int = 0, direction: Direction = "maximize"
) -> Choice:
    return examine_choice(
        scores, [row in tried for row in range(len(scores))], chosen=chosen, direction=direction, alpha=0.05
    )


def noisy(*means: float, repeats: int = 3, sd: float = 0.01, seed: int = 1) -> list[tuple[float, ...]]:
    random = np.random.default_rng(seed)
    return [tuple(random.normal(mean, sd, repeats).tolist()) for mean in means]


def test_the_choice_test_reproduces_dunnetts_example() -> None:
    """Blood counts of 1955: drug B differs from the control, drug A does not."""
    control = [7.40, 8.50, 7.20, 8.24, 9.84, 8.32]
    drugs = {7: [9.76, 8.80, 7.68, 9.36], 9: [12.80, 9.68, 12.16, 9.20, 10.55]}
    found = against(control, drugs)
    assert found == pytest.approx({7: 0.62, 9: 0.0059}, abs=1e-3)
    assert against(control, drugs) == found  # the same numbers every time


def test_repeats_without_noise_are_compared_as_they_stand() -> None:
    assert against([0.1, 0.1], {1: [0.1, 0.1], 2: [0.9, 0.9]}) == {1: 1.0, 2: 0.0}
    assert against([0.1, 0.1], {}) == {}


@pytest.mark.filterwarnings("error")
def test_one_row_without_noise_among_others_raises_no_warning() -> None:
    found = against([0.91, 0.912, 0.911], {1: [0.1, 0.1, 0.1], 2: [0.91, 0.911, 0.913]})
    assert found[1] < 1e-6
    assert found[2] > 0.5


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_a_choice_stands_is_tied_or_refuted_as_planted(direction: Direction) -> None:
    sign = 1.0 if direction == "maximize" else -1.0
    stands = examined(*noisy(sign * 1, sign * 0.8, sign * 0.7), direction=direction)
    assert (stands.verdict, stands.tied, stands.better, stands.best) == ("stands", (), (), 0)
    tied = examined(*noisy(sign * 1, sign * 1, sign * 0.7), direction=direction)
    assert (tied.verdict, tied.tied, tied.better) == ("tied", (1,), ())
    refuted = examined(*noisy(sign * 1, sign * 1.2, sign * 1), direction=direction)
    assert (refuted.verdict, refuted.tied, refuted.better, refuted.best) == ("refuted", (2,), (1,), 1)


def test_rows_keep_their_numbers_whichever_was_chosen() -> None:
    found = examined(*noisy(1, 0.5, 1.5, 1), chosen=3)
    assert (found.verdict, found.better, found.tied, found.best) == ("refuted", (2,), (0,), 2)
    assert set(found.p) == {0, 1, 2}


@pytest.mark.thorough
def test_tables_without_a_difference_seldom_refute_the_choice() -> None:
    """Five per cent of tables may err at all, half of them in favour of another row."""
    tables = [noisy(1, 1, 1, 1, seed=seed) for seed in range(150)]
    refuted = sum(examined(*table).verdict == "refuted" for table in tables)
    assert refuted <= 0.05 * len(tables)


def test_one_repeat_decides_nothing() -> None:
    found = examined((0.9,), (0.5,), (0.95,))
    assert (found.verdict, found.tied, found.better, found.best) == ("undecided", (), (), 2)
    assert "one repeat" in found.note


def test_an_unfinished_table_is_undecided_unless_already_refuted() -> None:
    chosen, better, worse = noisy(1, 1.5, 0.5)
    assert examined(chosen, worse, ()).verdict == "undecided"
    assert "row 3 has not been measured" in examined(chosen, worse, ()).note
    assert examined(chosen, worse, (0.5,)).verdict == "undecided"
    assert examined(chosen, better, ()).verdict == "refuted"


def test_a_row_that_cannot_be_trained_is_left_out_of_the_test() -> None:
    chosen, worse = noisy(1, 0.5)
    found = examined(chosen, worse, (), tried=(2,))
    assert (found.verdict, found.note) == ("stands", "")
    assert 2 not in found.p
    assert examined(chosen, worse, (0.4,)).verdict == "undecided"


def test_a_row_that_trains_only_sometimes_never_refutes_the_choice() -> None:
    chosen, worse, better = noisy(1, 0.5, 1.5)
    found = examined(chosen, worse, better[:2], tried=(2,))
    assert (found.verdict, found.better, found.best) == ("stands", (), 0)
    itself = examined(chosen[:2], worse, tried=(0,))
    assert (itself.verdict, itself.note) == ("undecided", "some repeats of row 1, the choice, gave no score")
    assert examined(chosen[:2], better, tried=(0,)).verdict == "refuted"


def test_a_very_noisy_row_does_not_hide_differences_of_the_others() -> None:
    """Sixty times as noisy: pooled, it would make a row ten standard deviations worse pass for a tie."""
    chosen, worse, alike = noisy(1, 0.9, 1)
    wild = (0.2, -0.6, 0.9)
    assert against(chosen, {1: worse, 2: alike})[1] < 0.001
    found = against(chosen, {1: worse, 2: alike, 3: wild})
    assert found[1] < 0.001
    assert found[2] > 0.5
    assert found[3] == pytest.approx(min(1, 3 * stats.ttest_ind(wild, chosen, equal_var=False).pvalue))
    assert set(against(wild, {1: worse, 2: alike, 3: chosen}).values()) != {0.0}


@pytest.mark.thorough
def test_a_row_far_noisier_than_the_rest_seldom_refutes_the_choice_by_luck() -> None:
    random = np.random.default_rng(7)
    refuted = 0
    for _ in range(150):
        rows = [tuple(random.normal(0, sd, 3).tolist()) for sd in (1, 1, 1, 1, 1, 10)]
        refuted += examined(*rows).verdict == "refuted"
    assert refuted <= 0.1 * 150  # pooled: 0.15


def test_a_choice_that_cannot_be_trained_is_undecided_and_says_so() -> None:
    found = examined((), *noisy(1, 0.5), tried=(0,))
    assert (found.verdict, found.best) == ("undecided", 1)
    assert found.note == "no repeat of row 1 gave a score"
    nothing = examined((), ())
    assert (nothing.verdict, nothing.best, nothing.note) == (
        "undecided",
        None,
        "no row of this table has been measured",
    )
