"""How two parameters act together: every trial as a point, and a grid of means where the values are few."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

from hpo.errors import UsageError
from hpo.study import Params, ParamValue
from hpo.study.checked_records import Count, Name, Share, arguments, check

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from optuna.distributions import BaseDistribution

__all__ = [
    "Grid",
    "Interaction",
    "interaction",
]

Kind = Literal["numeric", "categorical"]
Point = tuple[Any, Any, float]  # first, second, value

_MOST_LEVELS = 10  # values of an axis that still make a grid one can read
_LEAST_SPARE = 10  # trials beyond the terms of the model, for a strength that says something


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Mean values over the combinations of two parameters that take few values each."""

    columns: tuple[ParamValue, ...]  # values of the first parameter: choices as declared, numbers rising
    rows: tuple[ParamValue, ...]  # values of the second one likewise
    means: tuple[tuple[float | None, ...], ...]  # (rows, columns) mean value; None where no trial lies
    counts: tuple[tuple[Count, ...], ...]  # (rows, columns) trials behind each mean

    def __post_init__(self) -> None:
        check(self, error=UsageError)


@dataclass(frozen=True, kw_only=True)
class Interaction:
    """Two parameters and the values reached with them."""

    first: Name  # names
    second: Name
    first_log: bool  # searched on a logarithmic scale
    second_log: bool
    first_kind: Kind
    second_kind: Kind
    points: tuple[tuple[ParamValue, ParamValue, float], ...]  # (first, second, value) of each trial that has both
    grid: Grid | None  # None: one of the two takes too many values
    strength: Share | None
    # share, from 0 to 1, of what the two explain together that only their combination explains: 0 where the effect of
    # one is the same whatever the other is; None where the trials are too few to say
    p_value: Share | None  # that the combination explains nothing of its own; None likewise

    def __post_init__(self) -> None:
        check(self, error=UsageError)


@arguments(UsageError)
def interaction(
    trials: Sequence[tuple[Params, float]], distributions: Mapping[str, "BaseDistribution"], first: str, second: str
) -> Interaction | None:
    """Two parameters of a search together; None where no trial has both.

    `strength` compares two least-squares models of the value: the effects of both parameters added (a line and a
    parabola over a numeric one's scale, a step for each choice of a categorical one), and the same with their products
    (of lines and steps): the drop in squared error by the products as a share of the drop by all of it. `p_value` is
    the F test of the products (Fisher's analysis of covariance); it takes trials for independent.

    Args:
        trials: parameters and finite value of every complete trial.
        distributions: of both parameters at least.
        first: name of the parameter along x.
        second: name of the one along y.

    """
    found = [(params[first], params[second], value) for params, value in trials if first in params and second in params]
    if not found:
        return None
    one, other = distributions[first], distributions[second]
    kinds = _kind(one), _kind(other)
    columns = _levels(one, [point[0] for point in found])
    rows = _levels(other, [point[1] for point in found])
    strength, p_value = _strength(found, one, other)
    return Interaction(
        first=first,
        second=second,
        first_log=bool(getattr(one, "log", False)),
        second_log=bool(getattr(other, "log", False)),
        first_kind=kinds[0],
        second_kind=kinds[1],
        points=tuple(found),
        grid=_grid(found, columns, rows) if columns and rows else None,
        strength=strength,
        p_value=p_value,
    )


def _kind(distribution: "BaseDistribution") -> Kind:
    return "categorical" if hasattr(distribution, "choices") else "numeric"


def _levels(distribution: "BaseDistribution", seen: Sequence[Any]) -> tuple[ParamValue, ...]:
    """The values an axis of a grid has; empty where they are too many for one."""
    found = getattr(distribution, "choices", None) or sorted(set(seen))
    return tuple(found) if len(found) <= _MOST_LEVELS else ()


def _grid(points: Sequence[Point], columns: tuple[ParamValue, ...], rows: tuple[ParamValue, ...]) -> Grid:
    cells: dict[tuple[ParamValue, ParamValue], list[float]] = defaultdict(list)
    for x, y, value in points:
        cells[x, y].append(value)
    there = [[cells.get((column, row), []) for column in columns] for row in rows]
    return Grid(
        columns=columns,
        rows=rows,
        means=tuple(tuple(fmean(values) if values else None for values in line) for line in there),
        counts=tuple(tuple(len(values) for values in line) for line in there),
    )


def _strength(
    points: Sequence[Point], one: "BaseDistribution", other: "BaseDistribution"
) -> tuple[float | None, float | None]:
    """How much only the combination explains, and the p-value of that; None where the trials are too few to say."""
    import numpy as np
    from scipy.stats import f as fisher

    values = np.array([value for _, _, value in points], dtype=np.float64)
    values -= values.mean()
    x, y = (_scaled(axis, [point[i] for point in points]) for i, axis in enumerate((one, other)))
    alone = np.column_stack([np.ones(len(values)), *_effects(x), *_effects(y)])
    whole = np.column_stack([alone, *(a * b for a in x.T for b in y.T)])
    ranks = [int(np.linalg.matrix_rank(matrix)) for matrix in (alone, whole)]
    products, spare = ranks[1] - ranks[0], len(values) - ranks[1]
    if products == 0 or spare < _LEAST_SPARE:
        return None, None
    total = float(values @ values)
    added, joint = (_squared_error(matrix, values) for matrix in (alone, whole))
    gain, explained = max(0.0, added - joint), total - joint
    if explained <= 1e-12 * total:
        return None, None
    noise = joint / spare
    p_value = float(fisher.sf(gain / products / noise, products, spare)) if noise > 1e-12 * total else float(gain == 0)
    return min(1.0, gain / explained), p_value


def _scaled(distribution: "BaseDistribution", values: Sequence[Any]) -> "NDArray[np.float64]":
    """The columns of one parameter: its place in its range from -1 to 1, or a step for each choice but the first."""
    import numpy as np

    choices = getattr(distribution, "choices", None)
    if choices is not None:
        index = np.array([int(distribution.to_internal_repr(value)) for value in values])
        steps: NDArray[np.float64] = (index[:, None] == np.arange(1, len(choices))).astype(np.float64)
        return steps
    bounded: Any = distribution
    scale = np.log if bounded.log else np.asarray
    low, high, there = scale(bounded.low), scale(bounded.high), scale(np.array(values, dtype=np.float64))
    scaled: NDArray[np.float64] = 2 * (there - low) / ((high - low) or 1.0) - 1
    return scaled[:, None]


def _effects(columns: "NDArray[np.float64]") -> list["NDArray[np.float64]"]:
    """What a parameter does by itself: its columns, and the parabola of a numeric one."""
    alone = list(columns.T)
    steps = set(columns.ravel()) <= {0.0, 1.0}
    return alone if steps else [*alone, alone[0] ** 2]


def _squared_error(matrix: "NDArray[np.float64]", values: "NDArray[np.float64]") -> float:
    import numpy as np

    left = values - matrix @ np.linalg.lstsq(matrix, values, rcond=None)[0]
    return float(left @ left)
