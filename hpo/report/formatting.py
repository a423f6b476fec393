"""Figures as a reader meets them on the page."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal

__all__ = [
    "MINUS",
    "NONE",
    "configuration",
    "count",
    "duration",
    "figure",
    "interval",
    "p_value",
    "percent",
    "setting",
    "signed",
    "spread",
]

MINUS = "−"
NONE = "–"


def figure(value: object, digits: int = 4) -> str:
    """A value with that many significant digits, none of them lost before the point; a dash where there is none."""
    if value is None:
        return NONE
    if isinstance(value, Decimal):
        return str(value)  # with the digits it was printed with
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    if not math.isfinite(value):
        return NONE
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    text = f"{value:.{max(digits - 1 - exponent, 0)}f}" if -5 < exponent < 6 else f"{value:.{digits - 1}g}"
    return text.replace("-", MINUS)


def signed(value: float | None, digits: int = 3) -> str:
    """A difference, with its sign."""
    if value is None:
        return NONE
    return f"+{figure(value, digits)}" if value > 0 else figure(value, digits)


def interval(bounds: tuple[float, float] | None, digits: int = 3) -> str:
    """From where to where; the finer of the two bounds' last digits counts for neither."""
    if bounds is None:
        return NONE
    largest = max(abs(bound) for bound in bounds)
    places = _places(largest, digits)
    low, high = (f"{bound:.{places}f}".replace("-", MINUS) for bound in bounds)
    return f"{low} to {high}"


def spread(values: Sequence[float], digits: int = 4) -> str:
    """Mean ± standard deviation, to the second digit of the latter; one value alone as it is."""
    if not values:
        return NONE
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return figure(mean, digits)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    places = _places(abs(mean), digits)
    if sd:  # two digits of the deviation are all that is known of it, and the mean is no surer
        places = min(places, _places(sd, 2))
    return f"{mean:.{places}f} ± {sd:.{places}f}".replace("-", MINUS)


def percent(share: float | None, places: int = 0) -> str:
    """A share."""
    return NONE if share is None else f"{100 * share:.{places}f} %".replace("-", MINUS)


def p_value(p: float | None) -> str:
    """A probability of the null hypothesis, to what anybody reads of it."""
    if p is None:
        return NONE
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def duration(seconds: float | None) -> str:
    """A time as a person says it: 45 s, 12 min, 3 h 20 min."""
    if seconds is None:
        return NONE
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours / 24:.1f} days"


def count(number: int, noun: str) -> str:
    """`number` things: 1 trial, 50 trials, 2,400 rows."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def configuration(params: Mapping[str, object]) -> str:
    """A configuration in one line."""
    return ", ".join(f"{name} {setting(value)}" for name, value in params.items()) or NONE


def setting(value: object) -> str:
    """The value of a parameter: as short as it was chosen, four significant digits where it was drawn."""
    return "none" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _places(size: float, digits: int) -> int:
    """Decimal places that give a number of that size that many significant digits."""
    if not size or not math.isfinite(size):
        return digits - 1
    return max(digits - 1 - math.floor(math.log10(size)), 0)
