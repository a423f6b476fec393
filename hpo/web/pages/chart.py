"""The course of a search as a small drawing, made on the server: it needs no script and no library."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from hpo.report import formatting
from hpo.service.views.live_queries import Settled
from hpo.service.views.status import StudyStatus
from hpo.study.direction import best as best_of
from hpo.study.direction import sign

__all__ = ["Course", "course", "draw"]

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 720, 220, 62, 12, 12, 30  # user units of the drawing
_MOST = 500  # points drawn; of more, every so many-th
_SHARE = 0.9  # of the values that set the scale: the worst would press all others into a line


@dataclass(frozen=True, kw_only=True)
class Course:
    """What is drawn: every trial's value in the order they ended, and the best so far."""

    points: tuple[tuple[int, Settled], ...]  # (position in the order, trial); those without a value left out
    best: tuple[float | None, ...]  # best complete value so far, one for each trial; None before the first
    low: float  # of the scale
    high: float


def course(history: Sequence[Settled], direction: str) -> Course | None:
    """What there is to draw of a search; None before two trials are complete."""
    values = sorted(one.value for one in history if one.outcome == "complete" and one.value is not None)
    if len(values) < 2:
        return None
    best: list[float | None] = []
    for one in history:
        before, value = best[-1] if best else None, one.value if one.outcome == "complete" else None
        best.append(before if value is None else value if before is None else best_of(direction, (before, value)))
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


def draw(history: Sequence[Settled], status: StudyStatus, baseline: float | None) -> Markup:
    """The course of a search as SVG; empty where there is nothing to draw."""
    found = course(history, status.direction)
    if found is None:
        return Markup()
    last = max(len(found.best) - 1, 1)

    def x(at: int) -> str:
        return f"{_LEFT + (_WIDTH - _LEFT - _RIGHT) * at / last:.1f}"

    def y(value: float) -> str:
        share = (min(max(value, found.low), found.high) - found.low) / (found.high - found.low)
        return f"{_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * share:.1f}"

    every = max(1, -(-len(found.points) // _MOST))
    marks = [_mark(x(at), y(one.value or 0.0), one) for at, one in found.points[::every]]
    steps, before = "", None
    for at, value in enumerate(found.best):
        if value is not None and value != before:
            steps += f"M{x(at)} {y(value)}" if before is None else f"H{x(at)}V{y(value)}"
            before = value
    steps += f"H{x(last)}"
    best = status.best.value if status.best else None
    lines = [
        _level(y(found.low), formatting.figure(found.low, 3)),
        _level(y(found.high), formatting.figure(found.high, 3)),
    ]
    if baseline is not None and found.low <= baseline <= found.high:
        lines.append(
            f'<line class="baseline" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(baseline)}" y2="{y(baseline)}"/>'
        )
    label = f"{status.metric} of {formatting.count(len(found.points), 'trial')} in the order they ended, best so far "
    return Markup(
        f'<figure class="chart course"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(label)}{escape(formatting.figure(best))}">'
        f'{"".join(lines)}{"".join(marks)}<path class="best" d="{steps}"/>'
        f'<text x="{_LEFT}" y="{_HEIGHT - 8}">first trial</text>'
        f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 8}" text-anchor="end">latest</text></svg>'
        f"<figcaption>{escape(status.metric)} of each trial in the order they ended: ● complete, × pruned; the line is "
        f"the best so far{', dashed the baseline' if baseline is not None else ''}. Values far off stand at the edge."
        "</figcaption></figure>"
    )


def _level(y: str, text: str) -> str:
    return (
        f'<line class="level" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
        f'<text x="{_LEFT - 6}" y="{y}" dy="4" text-anchor="end">{escape(text)}</text>'
    )


def _mark(x: str, y: str, one: Settled) -> str:
    number = "" if one.trial is None else f"trial {one.trial}: "
    title = f"<title>{number}{escape(formatting.figure(one.value))}, {one.outcome}</title>"
    if one.outcome == "complete":
        return f'<circle class="complete" cx="{x}" cy="{y}" r="3">{title}</circle>'
    return f'<path class="pruned" d="M{x} {y}m-3-3l6 6m0-6l-6 6">{title}</path>'
