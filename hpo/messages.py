"""What is said to a person: what an exception says, in one line, and any text as a terminal may be given it.

TensorFlow and Keras put frames, node names and call arguments around what is wrong, and often before it.
"""

import re
from collections.abc import Iterator

__all__ = ["one_line", "printable", "said"]

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


def one_line(error: BaseException) -> str:
    """The exception's type and what it says, at most 500 characters."""
    name, text = type(error).__name__, said(error)
    return f"{name}: {text.removeprefix(f'{name}: ')}"[:_LONGEST] if text else name


def said(error: BaseException) -> str:
    """What the exception says, at most 500 characters; nothing where it says nothing, or cannot."""
    try:
        whole = _COLOURS.sub("", str(error))
    except Exception:  # its own __str__ is broken
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
