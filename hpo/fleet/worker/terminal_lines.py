"""Lines out of what programs print, as a terminal would show them in the end."""

import re

__all__ = ["Lines", "plain"]

_LONGEST = 20_000  # bytes of a line that has not ended yet
_SEQUENCE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\-_])")  # colours, cursor, titles
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # all but the tab


class Lines:
    """Cuts what comes in pieces into lines."""

    def __init__(self) -> None:
        self._rest = b""  # the line that has not ended yet

    def feed(self, piece: bytes) -> list[str]:
        """The lines that `piece` ends."""
        *ended, rest = (self._rest + piece).split(b"\n")
        self._rest = rest[-_LONGEST:]
        return [plain(line) for line in ended]

    @property
    def rest(self) -> str:
        """What there is of the line that has not ended yet."""
        return plain(self._rest)

    def end(self) -> list[str]:
        """That line, ended now; none where there is nothing of it."""
        rest, self._rest = self.rest, b""
        return [rest] if rest else []


def plain(line: bytes) -> str:
    """A line as text: without colours and control characters, and of what was written over and over the last."""
    text = _SEQUENCE.sub("", line.decode(errors="replace")).rstrip()
    return _CONTROL.sub("", text.rpartition("\r")[2])
