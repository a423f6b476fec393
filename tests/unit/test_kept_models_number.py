import pytest

from hpo.errors import UsageError
from hpo.fleet.run_limits import Limits
from hpo.settings import KEPT_MODELS, models_number


def test_the_keep_best_option_precedes_the_environment_and_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HPO_KEEP_BEST", raising=False)
    assert models_number(None) == KEPT_MODELS == Limits().keep_best
    monkeypatch.setenv("HPO_KEEP_BEST", " 7 ")
    assert (models_number(None), models_number(2)) == (7, 2)


@pytest.mark.parametrize("word", ["0", "-1", "1001", "two", "1.5", "³", "9" * 50])
def test_an_invalid_hpo_keep_best_is_refused(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("HPO_KEEP_BEST", word)
    with pytest.raises(UsageError, match="HPO_KEEP_BEST must be a whole number from 1 to 1,000, not"):
        models_number(None)


@pytest.mark.parametrize("number", [0, 1001, 2.5])
def test_limits_refuse_an_invalid_keep_best(number: int) -> None:
    with pytest.raises(UsageError, match="keep best must be a whole number from 1 to 1,000"):
        Limits(keep_best=number)
