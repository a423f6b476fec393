"""What is said to a person: an exception in one line, text as a terminal may be given it, and notes.

TensorFlow and Keras put frames, node names and call arguments around what is wrong, and often before it.

A note is what an `HpoWarning` says. Library code says `warnings.warn(text, HpoWarning)` and knows no more. Where a
program of ours runs, each is passed on once and always: Python's filters, which `-W`, the environment or a definition
may have set to hide warnings, are not asked.
"""

import difflib
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO

from hpo.errors import HpoWarning

__all__ = ["did_you_mean", "one_line", "pass_notes_to", "printable", "said", "unmute_notes"]

_LONGEST = 500  # characters
_UNPRINTABLE = re.compile(  # what moves a terminal's cursor, turns its text around, or has no UTF-8
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_FRAME = re.compile(r'File ".*", line \d+')
_NO_WORD = re.compile(  # lines, less their indentation, that say nothing of what is wrong
    r"Graph execution error:?$|Detected at node .*defined at|<stack traces unavailable>|in user code:$|"
    r"Exception encountered when calling |Traceback \(most recent call last\):|The op is created at:|"
    r"\[\[\{\{.*\}\}.*\]\]|\d+ root error\(s\) found|\d+ (successful operations|derived errors ignored)|[\^~]+$"
)
_REST = re.compile(r"(Call )?[Aa]rguments received by |Original stack trace for ")  # nothing follows that says more
_CLUTTER = re.compile(r"\{\{function_node [^}]*\}\} ?|\s*\[Op:[^\]]*\]( name:)?|\s*Label values:.*")
_NODE = re.compile(r"\{\{node ([^}]*)\}\}")  # a name, between signs that say that it is one
_listening = 0  # how many `pass_notes_to` there are within one another


def did_you_mean(word: str, known: Iterable[str], rest: str) -> str:
    """A guess at what was meant, and the rest of the message, which begins a sentence after the guess.

    Args:
        word: that is none of those known.
        known: what may be meant.
        rest: what follows, in small letters: "there are: cnn, dnn". Where nothing is near, it is all there is.

    """
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]}? {rest[:1].upper()}{rest[1:]}" if close else rest


def one_line(error: BaseException) -> str:
    """The exception's type and what it says, at most 500 characters; of one that stands for another, that one's."""
    error = getattr(error, "stands_for", error)
    name, text = type(error).__name__, said(error)
    return f"{name}: {text.removeprefix(f'{name}: ')}"[:_LONGEST] if text else name


def said(error: BaseException) -> str:
    """What the exception says, at most 500 characters; nothing where it says nothing, or cannot."""
    try:
        whole = _COLOURS.sub("", str(error))
    except BaseException:  # its own __str__ is broken
        return ""
    return (_first(_telling(whole)) or " ".join(whole.split()))[:_LONGEST]


def printable(text: str) -> str:
    """The text with an escape for each character of it that a terminal would obey or cannot be given, lines as are."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _telling(text: str) -> Iterator[str]:
    """The lines that say something, and the empty ones between paragraphs."""
    frame: int | None = None  # indentation of the frame above, whose code is indented further
    for line in text.splitlines():
        bare = line.strip()
        indent = len(line) - len(line.lstrip())
        if _REST.match(bare):
            return
        if _FRAME.match(bare):
            frame = indent
        elif bare and (frame is None or indent <= frame):
            frame = None
            if not _NO_WORD.match(bare):
                yield _NODE.sub(r"\1", _CLUTTER.sub("", bare))
        elif not bare:
            yield ""


def _first(lines: Iterator[str]) -> str:
    """The first paragraph, and the next where it ends in a colon."""
    found: list[str] = []
    for line in lines:
        if line:
            found.append(line)
        elif found and not found[-1].endswith(":"):
            break
    return " ".join(" ".join(found).split())


@contextmanager
def pass_notes_to(tell: Callable[[str], object]) -> Iterator[None]:
    """While inside, `tell` is given the line of each HpoWarning, once; all other warnings are shown as ever."""
    global _listening
    passed: set[str] = set()
    with warnings.catch_warnings():
        before = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if not issubclass(category, HpoWarning):
                before(message, category, filename, lineno, file, line)
                return
            text = " ".join(str(message).split())
            if text not in passed:
                passed.add(text)
                tell(text)

        warnings.showwarning = show
        _listening += 1
        unmute_notes()
        try:
            yield
        finally:
            _listening -= 1


def unmute_notes() -> None:
    """Have HpoWarnings told again after code of others has run, which may have hidden all warnings."""
    if _listening:
        warnings.filterwarnings("always", category=HpoWarning)
