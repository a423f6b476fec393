"""Keep lines of prose in the docs within 120 characters: `python tools/wrap.py [FILE…]`, as `make format` does.

A paragraph or an item of a list that has a longer line is laid out anew; all others stay as they were written. Tables,
code, headings and what stands between HTML comments are left alone, and neither a piece of code nor a link is broken.
"""

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

__all__ = ["PAGES", "WIDTH", "wrapped"]

PROJECT = Path(__file__).parents[1]
PAGES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob(".github/**/*.md"), *PROJECT.glob("docs/**/*.md")])
WIDTH = 120

_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_ITEM = re.compile(r"(\s*(?:[-*+]|\d+[.)]) +)(?=\S)")
_ALONE = re.compile(r"\s*(?:\||#|<|:::|!!!|\?\?\?|>|---|$)")  # begins a line that is no prose, or ends a paragraph
_WHOLE = re.compile(r"`[^`]*`|!?\[[^\]]*\]\([^)]*\)")  # code and links
_MARKER = re.compile(r" (?=(?:[-+*#>|=]+|\d+[.)])(?: |$))")  # before a word that would mean something at a line's start
_KEPT = "\x00"  # a blank that no line ends at


def _prose(lines: list[str]) -> Iterator[bool]:
    """Of each line whether it is prose: outside of code, comments and tables."""
    fence, comment, in_list, paragraph = "", False, False, False
    for line in lines:
        opened = _FENCE.match(line)
        indented = line.startswith("    ") and not in_list and not paragraph
        if fence:
            fence = "" if line.strip() == fence else fence
            paragraph = False
        elif comment or line.startswith("<!--"):
            comment, paragraph = "-->" not in line, False
        elif opened:
            fence, paragraph = opened[1], False
        else:
            paragraph = not indented and not _ALONE.match(line)
        if paragraph or line.strip():
            in_list = bool(_ITEM.match(line)) or (in_list and line.startswith(" "))
        yield paragraph


def _blocks(text: str) -> Iterator[tuple[bool, list[str]]]:
    """The lines in blocks, and whether a block is one paragraph or item of prose."""
    lines, block = text.split("\n"), list[str]()
    for line, prose in zip(lines, _prose(lines), strict=True):
        if block and (not prose or _ITEM.match(line)):
            yield True, block
            block = []
        if prose:
            block.append(line)
        else:
            yield False, [line]
    if block:
        yield True, block


def _paragraph(lines: list[str]) -> list[str]:
    if all(len(line) <= WIDTH for line in lines):
        return lines
    item = _ITEM.match(lines[0])
    first = item[1] if item else re.match(r"\s*", lines[0])[0]  # type: ignore[index] # it always matches
    words = " ".join(line.strip() for line in lines)[len(first.strip()) :].strip()
    words = _WHOLE.sub(lambda found: found[0].replace(" ", _KEPT), words)
    words = _MARKER.sub(_KEPT, words)
    made = textwrap.wrap(
        words,
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_KEPT, " ") for line in made]


def wrapped(text: str) -> str:
    """The page with its prose within the width; a page that is so already comes back as it was."""
    made = [line for prose, lines in _blocks(text) for line in (_paragraph(lines) if prose else lines)]
    return "\n".join(made)


if __name__ == "__main__":
    for page in [Path(name) for name in sys.argv[1:]] or PAGES:
        page.write_text(wrapped(page.read_text(encoding="utf-8")), encoding="utf-8")
