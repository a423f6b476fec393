"""The pages of the docs and the README, taken apart: their blocks of code and the commands in them."""

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PAGES", "PROJECT", "Block", "blocks", "commands"]

PROJECT = Path(__file__).parents[1]
PAGES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")])

_FENCE = re.compile(r"^( *)(`{3,})(.*)$")


@dataclass(frozen=True, kw_only=True)
class Block:
    """One fenced block."""

    language: str  # its info string
    line: int  # of the page, from 1, on which its text begins
    text: str  # without the indentation of its fence


def blocks(page: Path, language: str | None = None) -> list[Block]:
    """The blocks of a page in order; those of one language, or all."""
    found: list[Block] = []
    lines: list[str] = []
    fence, indent, kind, first = "", "", "", 0
    for number, line in enumerate(page.read_text(encoding="utf-8").split("\n"), start=1):
        if fence and line.strip() == fence:
            found.append(Block(language=kind, line=first, text="\n".join(lines) + "\n"))
            fence = ""
        elif fence:
            lines.append(line.removeprefix(indent))
        elif opened := _FENCE.match(line):
            indent, fence, kind, first, lines = opened[1], opened[2], opened[3].strip(), number + 1, []
    assert not fence, f"{page}: a block that is never closed"
    return [block for block in found if language in (None, block.language)]


def commands(page: Path) -> list[str]:
    """Every command line in the console blocks of a page, without its prompt and its comment."""
    lines = re.findall(r"^\$ (.+)$", "\n".join(block.text for block in blocks(page, "console")), re.MULTILINE)
    return [re.split(r"\s{2,}#", line)[0].strip() for line in lines]
