"""A report as a tree of plain records, which the HTML page and Markdown render each in its own way.

Every text in it is text: whoever renders escapes it.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

__all__ = [
    "Cell",
    "Chart",
    "Commands",
    "Document",
    "Fact",
    "Facts",
    "Mark",
    "Part",
    "Picture",
    "Pictures",
    "Section",
    "Table",
    "Text",
    "Verdict",
]

Mark = Literal["", "good", "bad", "open", "chosen", "optimum", "baseline", "reported", "code"]
"""What a cell means: colours on the page, never the only sign of it."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of a table, where plain text does not tell all."""

    text: str
    mark: Mark = ""
    hint: str = ""  # what a mark or a figure means, in a clause; read aloud and shown on hovering


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under headings; the first column names the row."""

    kind: ClassVar[str] = "table"
    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str | Cell, ...], ...]
    right: frozenset[int] = frozenset()  # columns that hold figures
    note: str = ""  # below it
    folded: bool = False  # shown on demand, where there is a screen


@dataclass(frozen=True, kw_only=True)
class Text:
    """A paragraph."""

    kind: ClassVar[str] = "text"
    text: str
    tone: Literal["plain", "lead", "note", "missing"] = "plain"  # missing: what is not there
    command: str = ""  # what makes it, where the tone is missing


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One figure with its name."""

    name: str
    value: str
    note: str = ""  # its interval, or what it means
    mark: Mark = ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The few figures a reader wants first."""

    kind: ClassVar[str] = "facts"
    facts: tuple[Fact, ...]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A figure."""

    kind: ClassVar[str] = "chart"
    id: str  # unique on the page
    title: str
    caption: str  # what is to be seen in it, in words
    figure: str  # Plotly's JSON


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture with what there is to say of it."""

    uri: str  # data:image/png;base64,…
    alt: str
    heading: str
    lines: tuple[str, ...]
    mark: Mark = ""


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Pictures beside one another."""

    kind: ClassVar[str] = "pictures"
    caption: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, kw_only=True)
class Commands:
    """Commands to type, one a line."""

    kind: ClassVar[str] = "commands"
    caption: str
    lines: tuple[str, ...]


Part: TypeAlias = Table | Text | Facts | Chart | Pictures | Commands


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page with a heading, named in the table of contents."""

    id: str  # anchor
    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the page says first."""

    word: Literal["better", "worse", "equivalent", "undecided", "unreliable", "open"]  # open: not compared yet
    sentence: str
    second: str = ""  # what the second line of a comparison says, or a caution about the first
    limits: str = ""  # what the verdict cannot have seen, and what it takes for granted
    facts: tuple[Fact, ...] = ()
    command: str = ""  # what would tell, where nothing has yet


@dataclass(frozen=True, kw_only=True)
class Document:
    """The whole report."""

    title: str  # of the definition
    study: str  # name
    subtitle: str  # space, fidelity, trials
    verdict: Verdict
    missing: tuple[Text, ...]  # what is not there, and what makes it
    sections: tuple[Section, ...] = field(default=())
    made: str  # when, by which hpo
