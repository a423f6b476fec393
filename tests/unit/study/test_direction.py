"""Which of two values is better, in either direction."""

import re
from pathlib import Path

import pytest

import hpo
from hpo.study.direction import at_least, best, better_word, is_better, loss, sign, worst

ONLY_HERE = {"study/direction.py", "study/objectives.py"}  # the second is the table of Keras's metrics


@pytest.mark.parametrize(
    ("direction", "good", "bad", "word"), [("maximize", 0.9, 0.1, "higher"), ("minimize", 0.1, 0.9, "lower")]
)
def test_comparing_best_worst_and_sorting_follow_the_direction(
    direction: str, good: float, bad: float, word: str
) -> None:
    assert is_better(direction, good, bad)
    assert not is_better(direction, bad, good)
    assert not is_better(direction, good, good)
    assert at_least(direction, good, good)
    assert at_least(direction, good, bad)
    assert not at_least(direction, bad, good)
    assert (best(direction, [bad, good]), worst(direction, [bad, good])) == (good, bad)
    assert sorted([bad, good], key=lambda value: loss(direction, value)) == [good, bad]
    assert sign(direction) * (good - bad) > 0
    assert better_word(direction) == word


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_first_of_equal_values_is_best_and_worst(direction: str) -> None:
    assert best(direction, ["one", "two"], key=len) == "one"
    assert worst(direction, ["one", "two"], key=len) == "one"


@pytest.mark.parametrize("word", ["", "MAXIMIZE", "max", "down"])
def test_an_unknown_direction_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="a direction is maximize or minimize, not"):
        is_better(word, 1.0, 0.0)


def test_no_other_module_compares_the_direction_as_text() -> None:
    root = Path(hpo.__file__).parent
    compared = re.compile(r"""[!=]=\s*["'](maximize|minimize)["']|["'](maximize|minimize)["']\s*[!=]=""")
    found = {str(path.relative_to(root)) for path in root.rglob("*.py") if compared.search(path.read_text())}
    assert found <= ONLY_HERE
