"""Colours by what they mean, each with a light and a dark value.

Figures are drawn in the light values. Because every light value is told apart from every other, a figure is put into
the dark theme by exchanging text for text: the page's script does so with `swaps()`, Python with `recoloured`. Nothing
is told by colour alone: symbols, dashes and words say it too. The hues are near those of Okabe and Ito, which people
with any kind of colour blindness tell apart, darkened or lightened until they stand out at 3:1 or more.
"""

from typing import Any, Literal, NamedTuple

__all__ = [
    "BAD",
    "BASELINE",
    "CHANCE",
    "DIFFERENCE",
    "GOOD",
    "GRID",
    "INK",
    "MEASURED",
    "MEASURED_BAND",
    "MUTED",
    "OPTIMUM",
    "PAPER",
    "REPORTED",
    "SEQUENCE",
    "Colour",
    "Theme",
    "colours",
    "recoloured",
    "swaps",
]

Theme = Literal["light", "dark"]


class Colour(NamedTuple):
    """One meaning's colour in both themes, as CSS writes it."""

    light: str
    dark: str


OPTIMUM = Colour("#0072b2", "#56b4e9")  # the configuration the search found
BASELINE = Colour("#b84a00", "#f2a25c")  # the hand-picked configuration
REPORTED = Colour("#9c3d7a", "#e6a0cb")  # a figure the report prints
MEASURED = Colour("#33475b", "#c5d3e0")  # a figure measured here that is neither side's
CHANCE = Colour("#7d6200", "#e3c766")  # how far luck alone reaches
GOOD = Colour("#00734f", "#3ecb9b")
BAD = Colour("#a8152d", "#ff8f87")
INK = Colour("#1f2328", "#e6e8eb")  # text and the lines that matter
MUTED = Colour("#667080", "#9aa5b1")  # what is there for completeness
GRID = Colour("#e3e6ea", "#333a42")
PAPER = Colour("#ffffff", "#15181c")  # what lies behind; figures themselves are transparent

MEASURED_BAND = Colour("rgba(51,71,91,0.16)", "rgba(197,211,224,0.22)")  # an interval, under what it is about

SEQUENCE = (
    Colour("#f1f6fa", "#1b2530"),
    Colour("#c0d9ea", "#1f4460"),
    Colour("#7fb2d5", "#2b6c96"),
    Colour("#2f7fb5", "#4c9fd2"),
    Colour("#0b3c61", "#b9e2fa"),
)  # from little to much, evenly spaced: much is what stands out from the paper

DIFFERENCE = (
    BASELINE,
    Colour("#f0c4a3", "#6d4526"),
    Colour("#f4f5f6", "#22272d"),
    Colour("#a9cbe2", "#245472"),
    OPTIMUM,
)
# from "the hand-picked one more" over "alike" to "the optimum more"


def colours() -> tuple[Colour, ...]:
    """Every colour a figure may use."""
    found = [value for value in globals().values() if isinstance(value, Colour)]
    return tuple(dict.fromkeys([*found, *SEQUENCE, *DIFFERENCE]))


def swaps() -> dict[str, str]:
    """Each light value -> its dark one: what the page's script exchanges."""
    return {colour.light: colour.dark for colour in colours()}


def recoloured(figure: Any, theme: Theme) -> Any:
    """A figure as plain JSON values (dicts, lists, texts, numbers), drawn in light, in the colours of `theme`."""
    return figure if theme == "light" else _exchanged(figure, swaps())


def _exchanged(value: Any, table: dict[str, str]) -> Any:
    if isinstance(value, str):
        return table.get(value, value)
    if isinstance(value, dict):
        return {key: _exchanged(inner, table) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_exchanged(inner, table) for inner in value]
    return value
