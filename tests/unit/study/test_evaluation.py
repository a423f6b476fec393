"""How much work an evaluation is: what makes no sense is refused where it is declared."""

from collections.abc import Callable

import pytest

from hpo.errors import DefinitionError
from hpo.study import Fidelity, Holdout, KFold


@pytest.mark.parametrize(
    ("declare", "words"),
    [
        (lambda: Fidelity(name="quick", epochs=0), "'quick': epochs must be 1 or more, not 0"),
        (lambda: Fidelity(name="quick", epochs=1, rows=0), "rows must be 1 or more, not 0"),
        (lambda: Fidelity(name="quick", epochs=1, folds=1), "folds must be 2 or more, not 1"),
        (lambda: Holdout(rows=-5), "a Holdout's rows must be 1 or more, not -5"),
        (lambda: KFold(folds=1), "folds must be 2 or more, not 1"),
    ],
)
def test_an_evaluation_without_work_is_refused(declare: Callable[[], object], words: str) -> None:
    with pytest.raises(DefinitionError, match=words):
        declare()


def test_the_least_amount_of_work_is_accepted() -> None:
    assert Fidelity(name="quick", epochs=1, rows=1, folds=2).rows == 1
    assert (Holdout(rows=1).rows, KFold(folds=2).folds) == (1, 2)
