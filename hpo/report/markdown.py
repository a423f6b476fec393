"""A document as Markdown: the same texts and tables; of figures and pictures what there is to say of them."""

import re
from collections.abc import Iterable, Iterator

from hpo.report.document import (
    Cell,
    Chart,
    Commands,
    Document,
    Fact,
    Facts,
    Part,
    Pictures,
    Section,
    Table,
    Text,
)

__all__ = ["escaped", "markdown"]

_SPECIAL = re.compile(r"([\\`*\[\]<>|~#&$])|(?<![^\W_])(_)|(_)(?![^\W_])")
# An underscore inside a word is one in every Markdown of today: hidden_units stays readable.
_OPENING = re.compile(
    r"^([-+](?=\s|$)|[-=](?=[-=\s]*$)|\d+(?=[.)](?:\s|$)))"
)  # what makes a list or a heading at the beginning of a line


def markdown(document: Document) -> str:
    """The report, whole, with a line break at its end."""
    return "\n\n".join(block for block in _blocks(document) if block) + "\n"


def escaped(text: str) -> str:
    """Text that reads as itself, in one line, whatever it holds."""
    return _OPENING.sub(lambda match: _mild(match[1]), _inline(text))


def _inline(text: str) -> str:
    """The same within a line."""
    return _SPECIAL.sub(lambda match: f"\\{match[0]}", " ".join(text.split()))


def _mild(opening: str) -> str:
    return f"{opening}\u2060" if opening.isdigit() else f"\\{opening}"  # a word joiner: no list, and nothing to be seen


def _blocks(document: Document) -> Iterator[str]:
    yield f"# {escaped(document.title)}"
    yield escaped(document.subtitle)
    verdict = document.verdict
    word = "Not compared yet" if verdict.word == "open" else verdict.word.capitalize()
    yield f"**{word}.** {escaped(verdict.sentence)}"
    yield escaped(verdict.second)
    yield escaped(verdict.limits)
    if verdict.command:
        yield _fenced([verdict.command])
    yield _facts(verdict.facts)
    if document.missing:
        yield "## Not in this report"
        yield "\n".join(f"- {_text(one)}" for one in document.missing)
    for section in document.sections:
        yield from _section(section)
    yield f"---\n\n{escaped(document.made)}"


def _section(section: Section) -> Iterator[str]:
    yield f"## {escaped(section.title)}"
    for part in section.parts:
        yield _part(part)


def _part(part: Part) -> str:
    if isinstance(part, Table):
        return _table(part)
    if isinstance(part, Text):
        return _text(part)
    if isinstance(part, Facts):
        return _facts(part.facts)
    if isinstance(part, Chart):
        return f"*{escaped(part.title)}* (a figure in the HTML report): {escaped(part.caption)}"
    if isinstance(part, Pictures):
        return _pictures(part)
    return f"{escaped(part.caption)}\n\n{_fenced(part.lines)}" if isinstance(part, Commands) else ""


def _text(text: Text) -> str:
    return f"{escaped(text.text)} {_code(text.command)}" if text.command else escaped(text.text)


def _facts(facts: Iterable[Fact]) -> str:
    return "\n".join(
        f"- {escaped(fact.name)}: **{escaped(fact.value)}**" + (f" ({escaped(fact.note)})" if fact.note else "")
        for fact in facts
    )


def _table(table: Table) -> str:
    rule = ["---:" if column in table.right else "---" for column in range(len(table.headings))]
    rows = [
        [_inline(heading) for heading in table.headings],
        rule,
        *([_inline(cell.text if isinstance(cell, Cell) else cell) for cell in row] for row in table.rows),
    ]
    lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    note = f"\n\n{escaped(table.note)}" if table.note else ""
    return f"**{escaped(table.caption)}**\n\n{lines}{note}"


def _pictures(part: Pictures) -> str:
    lines = [f"- **{escaped(one.heading)}**: {escaped('; '.join(one.lines))}" for one in part.pictures]
    return "\n".join([f"{escaped(part.caption)}\n", *lines])


def _code(text: str) -> str:
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    line = " ".join(text.split())
    return f"{ticks} {line} {ticks}" if "`" in line else f"`{line}`"


def _fenced(lines: Iterable[str]) -> str:
    body = "\n".join(lines)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", body)), default=0))
    return f"{fence}sh\n{body}\n{fence}"
