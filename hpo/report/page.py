"""The report as one HTML page that needs nothing else, and the file it is written to."""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from hpo.errors import HpoError, UsageError
from hpo.files import is_device, refuse_unwritable, replacing
from hpo.report import theme
from hpo.report.document import Chart, Document

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

__all__ = [
    "FORMATS",
    "Link",
    "format_of",
    "html",
    "sheet",
    "write",
]

VERDICTS = {
    "better": "Better",
    "worse": "Worse",
    "equivalent": "Equivalent",
    "undecided": "Undecided",
    "unreliable": "Unreliable",
    "open": "Not compared yet",
}

_SHADE = theme.Colour("#f5f7f9", "#1d2228")  # behind what is set apart: the verdict, commands
_VARIABLES = {
    "ink": theme.INK,
    "paper": theme.PAPER,
    "muted": theme.MUTED,
    "rule": theme.GRID,
    "shade": _SHADE,
    "optimum": theme.OPTIMUM,
    "baseline": theme.BASELINE,
    "reported": theme.REPORTED,
    "good": theme.GOOD,
    "bad": theme.BAD,
}


class Link(NamedTuple):
    """A way to another page."""

    text: str
    address: str  # a path of the server that serves the page


def html(document: Document, *, nonce: str = "", links: Sequence[Link] = ()) -> str:
    """The page, whole.

    Args:
        document: what it tells.
        nonce: of a server's policy that lets only scripts run which carry it; empty: the page is a file.
        links: to other pages of that server, in its head.

    """
    charts = [part for section in document.sections for part in section.parts if isinstance(part, Chart)]
    environment = _environment()
    return environment.get_template("page.html").render(
        doc=document,
        nonce=nonce,
        links=links,
        charts=charts,
        labels=VERDICTS,
        colours=_markup(_colours()),
        css=_source("page.css"),
        script=_source("page.js"),
        swaps=json.dumps(theme.swaps()),
        plotly=_plotly() if charts else "",
    )


def sheet() -> str:
    """The style sheet of the page, for other pages that are to look like it."""
    return f"{_colours()}\n{_source('page.css')}"


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("hpo.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data"] = _data
    return environment


def _data(text: str) -> "Markup":
    """JSON as it may stand in a script element: nothing in it ends the element, opens a comment, or breaks a line."""
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return _markup(text)


def _source(name: str) -> "Markup":
    loader = _environment().loader
    assert loader is not None
    return _markup(loader.get_source(_environment(), name)[0])


def _markup(text: str) -> "Markup":
    from markupsafe import Markup

    return Markup(text)


def _colours() -> str:
    """The colours of both themes as CSS variables; paper is always light."""
    light = "".join(f"--{name}:{colour.light};" for name, colour in _VARIABLES.items())
    dark = "".join(f"--{name}:{colour.dark};" for name, colour in _VARIABLES.items())
    return (
        f":root{{color-scheme:light;{light}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}\n"
        f"@media screen{{:root[data-theme=dark]{{color-scheme:dark;{dark}}}}}"
    )


@cache
def _plotly() -> "Markup":
    from plotly.offline import get_plotlyjs

    packed = gzip.compress(get_plotlyjs().encode(), 9, mtime=0)  # no time in it: the same findings, the same page
    return _markup(base64.b64encode(packed).decode())


FORMATS: Mapping[str, tuple[str, ...]] = MappingProxyType({"html": (".html", ".htm"), "markdown": (".md", ".markdown")})
"""Format -> the suffixes that mean it."""


def format_of(output: Path, wanted: str | None = None) -> str:
    """The format to write `output` in: the one wanted, or the one its name says.

    Raises:
        UsageError: there is no such format, the name says none or another one, or nothing can be written there.

    """
    if wanted is not None and wanted not in FORMATS:
        raise UsageError(f"there is no format {wanted!r}; there are: {', '.join(FORMATS)}")
    if output.is_dir():
        raise UsageError(f"{output} is a folder; name a file in it, such as {output / 'report.html'}")
    suffix = output.suffix.lower()
    said = next((name for name, suffixes in FORMATS.items() if suffix in suffixes), None)
    if wanted is None and said is None:
        raise UsageError(f"the name {output} does not tell the format: end it in .html or .md, or add --format")
    if wanted is not None and said not in (None, wanted):
        raise UsageError(
            f"{output} is named as {said}, not {wanted}: end it in {FORMATS[wanted][0]}, or leave --format"
        )
    if is_device(output):
        raise UsageError(f"{output} is no ordinary file; give another -o")
    refuse_unwritable(output)
    return wanted or said or "html"


def write(output: Path, text: str) -> None:
    """Put `text` in the file `output`, replacing what was there in one step; a link stays a link.

    Raises:
        HpoError: it could not be written; a file that was there is as it was.

    """
    try:
        with replacing(output) as path:
            # Half of a surrogate pair, which a name in a database may hold, has no UTF-8.
            path.write_bytes(text.encode(errors="replace"))
    except OSError as error:
        raise HpoError(f"{output} could not be written: {error.strerror or error}; give another -o") from None
