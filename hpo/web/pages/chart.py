"""The course of a search as a small drawing, made on the server: it needs no script and no library."""

from collections.abc import Sequence
from dataclasses import dataclass

from hpo.report import formatting
from hpo.storage.queries.live_queries import Settled
from hpo.storage.queries.status import StudyStatus
from hpo.storage.slots.slot import leading_values
from hpo.study.direction import sign

__all__ = ["Course", "Drawing", "course", "draw"]

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 720, 220, 62, 12, 12, 30  # user units of the drawing
_MOST = 500  # points drawn; of more, every so many-th
_SHARE = 0.9  # of the values that set the scale: the worst would press all others into a line


@dataclass(frozen=True, kw_only=True)
class Course:
    """What is drawn: every trial's value in the order they ended, and the best so far."""

    points: tuple[tuple[int, Settled], ...]  # (position in the order, trial); those without a value left out
    best: tuple[float | None, ...]
    # value of the best so far, a mean once it was trained again, one for each trial; None before the first
    low: float  # of the scale
    high: float


def course(history: Sequence[Settled], direction: str) -> Course | None:
    """What there is to draw of a search; None before two trials are complete."""
    values = sorted(one.value for one in history if one.ranked and one.value is not None)
    if len(values) < 2:
        return None
    ranked = [(one.digest or at, one.value) for at, one in enumerate(history) if one.ranked and one.value is not None]
    hand = next((one.digest for one in history if one.given), None)
    leading, best = leading_values(ranked, direction, hand=hand), list[float | None]()
    for one in history:
        best.append(next(leading) if one.ranked else best[-1] if best else None)
    cut = int(len(values) * (1 - _SHARE))
    kept = values[cut:] if sign(direction) > 0 else values[: len(values) - cut]
    low, high = kept[0], kept[-1]
    room = (high - low) * 0.06 or abs(high) * 0.01 or 1.0
    return Course(
        points=tuple((at, one) for at, one in enumerate(history) if one.value is not None),
        best=tuple(best),
        low=low - room,
        high=high + room,
    )


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One trial's value, as a point of the drawing."""

    x: str
    y: str
    complete: bool  # else it was pruned, or is of a lower fidelity
    title: str


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A course in the drawing's own units, from the upper left; `parts/chart.html` makes SVG of it."""

    label: str  # for who cannot see it
    metric: str
    levels: tuple[tuple[str, str], ...]  # (y, its value) of the lines that show the scale
    baseline: str | None  # y; None: there is none, or it lies outside
    dashed: bool  # there is a baseline
    climbs: bool  # some trials are of a lower fidelity, whose values cannot be compared
    marks: tuple[Mark, ...]
    best: str  # path of the best so far
    width: int = _WIDTH
    height: int = _HEIGHT
    left: int = _LEFT
    right: int = _WIDTH - _RIGHT


def draw(history: Sequence[Settled], status: StudyStatus, baseline: float | None) -> Drawing | None:
    """The course of a search as it is drawn; None where there is nothing to draw."""
    found = course(history, status.direction)
    if found is None:
        return None
    last = max(len(found.best) - 1, 1)

    def x(at: int) -> str:
        return f"{_LEFT + (_WIDTH - _LEFT - _RIGHT) * at / last:.1f}"

    def y(value: float) -> str:
        share = (min(max(value, found.low), found.high) - found.low) / (found.high - found.low)
        return f"{_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * share:.1f}"

    steps, before = "", None
    for at, value in enumerate(found.best):
        if value is not None and value != before:
            steps += f"M{x(at)} {y(value)}" if before is None else f"H{x(at)}V{y(value)}"
            before = value
    every = max(1, -(-len(found.points) // _MOST))
    counted = formatting.count(len(found.points), "trial")
    best = formatting.figure(status.best.value if status.best else None)
    return Drawing(
        label=f"{status.metric} of {counted} in the order they ended, best so far {best}",
        metric=status.metric,
        levels=tuple((y(level), formatting.figure(level, 3)) for level in (found.low, found.high)),
        baseline=y(baseline) if baseline is not None and found.low <= baseline <= found.high else None,
        dashed=baseline is not None,
        climbs=not all(one.highest for one in history),
        marks=tuple(
            Mark(x=x(at), y=y(one.value or 0.0), complete=one.ranked, title=_title(one))
            for at, one in found.points[::every]
        ),
        best=f"{steps}H{x(last)}",
    )


def _title(one: Settled) -> str:
    number = "" if one.trial is None else f"trial {one.trial}: "
    return f"{number}{formatting.figure(one.value)}, {one.outcome}"
