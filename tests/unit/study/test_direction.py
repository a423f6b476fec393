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
def test_the_better_value_is_first_in_everything(direction: str, good: float, bad: float, word: str) -> None:
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
def test_of_equal_values_the_first_is_taken(direction: str) -> None:
    assert best(direction, ["one", "two"], key=len) == "one"
    assert worst(direction, ["one", "two"], key=len) == "one"


@pytest.mark.parametrize("word", ["", "MAXIMIZE", "max", "down"])
def test_another_word_is_refused_rather_than_taken_for_minimize(word: str) -> None:
    with pytest.raises(ValueError, match="a direction is maximize or minimize, not"):
        is_better(word, 1.0, 0.0)


def test_no_other_module_asks_a_direction_by_its_word() -> None:
    root = Path(hpo.__file__).parent
    compared = re.compile(r"""[!=]=\s*["'](maximize|minimize)["']|["'](maximize|minimize)["']\s*[!=]=""")
    found = {str(path.relative_to(root)) for path in root.rglob("*.py") if compared.search(path.read_text())}
    assert found <= ONLY_HERE
