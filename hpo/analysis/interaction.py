"""How two parameters act together: every trial as a point, and a grid of means where the values are few."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hpo.study import Params, ParamValue

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = ["Grid", "Interaction", "interaction"]

Kind = Literal["numeric", "categorical"]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Mean values over the combinations of two parameters that take few values each."""

    columns: tuple[ParamValue, ...]  # values of the first parameter: choices as declared, numbers rising
    rows: tuple[ParamValue, ...]  # values of the second one likewise
    means: tuple[tuple[float | None, ...], ...]  # (rows, columns) mean value; None where no trial lies
    counts: tuple[tuple[int, ...], ...]  # (rows, columns) trials behind each mean


@dataclass(frozen=True, kw_only=True)
class Interaction:
    """Two parameters and the values reached with them."""

    first: str  # names
    second: str
    first_log: bool  # searched on a logarithmic scale
    second_log: bool
    first_kind: Kind
    second_kind: Kind
    points: tuple[tuple[ParamValue, ParamValue, float], ...]  # (first, second, value) of each trial that has both
    grid: Grid | None  # None: one of the two takes too many values
    strength: float | None
    # share, from 0 to 1, of what the two explain together that only their combination explains: 0 where the effect of
    # one is the same whatever the other is; None where the trials are too few to say


def interaction(
    trials: Sequence[tuple[Params, float]], distributions: Mapping[str, "BaseDistribution"], first: str, second: str
) -> Interaction | None:
    """Two parameters of a search together; None where no trial has both."""
    raise NotImplementedError
