import pytest

from hpo.analysis import choose
from hpo.errors import StudyError


def test_the_best_mean_is_chosen_by_direction() -> None:
    scores = {0: [0.9, 0.7], 1: [0.85, 0.85], 2: [0.5]}
    assert choose(scores, "maximize") == 1
    assert choose(scores, "minimize") == 2


def test_the_first_of_equal_rows_is_chosen_in_any_order() -> None:
    assert choose({5: [0.5], 3: [0.5], 4: [0.5]}, "maximize") == 3
    assert choose({5: [0.5], 3: [0.5], 4: [0.5]}, "minimize") == 3


def test_a_row_without_scores_is_not_chosen() -> None:
    assert choose({0: [], 1: [0.1]}, "maximize") == 1
    with pytest.raises(StudyError, match="none of the 2 rows"):
        choose({0: [], 1: []}, "maximize")
