"""Notes reach a person once each, whatever Python's filters say; all other warnings are Python's business."""

import subprocess
import sys
import warnings

import pytest

from hpo.errors import HpoWarning
from hpo.messages import pass_notes_to, unmute_notes


def say(text: str) -> None:
    warnings.warn(text, HpoWarning, stacklevel=2)


@pytest.mark.parametrize("action", ["ignore", "error", "once", "default"])
def test_a_note_is_passed_on_once_whatever_the_warning_filters(action: str) -> None:
    passed: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter(action)  # type: ignore[arg-type]
        with pass_notes_to(passed.append):
            for text in ("slower\n than hoped", "slower than hoped", "otherwise"):
                say(text)
    assert passed == ["slower than hoped", "otherwise"]


def test_other_warnings_are_not_intercepted() -> None:
    passed: list[str] = []
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        with pass_notes_to(passed.append):
            warnings.warn("a library's", FutureWarning, stacklevel=1)
    assert passed == []
    assert [str(each.message) for each in shown if each.category is FutureWarning] == ["a library's"]


def test_code_that_hides_all_warnings_hides_no_note_for_long() -> None:
    passed: list[str] = []
    with warnings.catch_warnings(), pass_notes_to(passed.append):
        warnings.filterwarnings("ignore")
        unmute_notes()
        say("otherwise")
    assert passed == ["otherwise"]


def test_unmuting_notes_without_a_listener_keeps_the_filters() -> None:
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("ignore")
        with pass_notes_to(lambda text: None):
            pass
        unmute_notes()
        say("unheard")
    assert shown == []


def test_the_innermost_listener_receives_the_note() -> None:
    outer: list[str] = []
    inner: list[str] = []
    with pass_notes_to(outer.append):
        with pass_notes_to(inner.append):
            say("within")
        say("after")
    assert (outer, inner) == (["after"], ["within"])


def test_without_a_listener_python_shows_the_warning() -> None:
    code = "import warnings; from hpo.errors import HpoWarning; warnings.warn('slower', HpoWarning)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "HpoWarning: slower" in done.stderr
