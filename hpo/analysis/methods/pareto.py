"""The Pareto front: what nothing else beats in every respect."""

from collections.abc import Sequence

import numpy as np

from hpo.study.direction import sign

__all__ = ["front"]


def front(points: Sequence[Sequence[float]], directions: Sequence[str]) -> list[int]:
    """Places of the points that no other dominates, best first in the first objective.

    A point dominates another where it is as good in all objectives and better in one; of equal points all stay.

    Args:
        points: (points, objectives), finite.
        directions: maximize or minimize, for each objective.

    Source: Deb et al., A fast and elitist multiobjective genetic algorithm: NSGA-II (2002), section III.

    """
    if not len(points):
        return []
    signs = np.array([-sign(direction) for direction in directions])
    losses = np.asarray(points, dtype=np.float64) * signs
    kept = [
        place
        for place, loss in enumerate(losses)
        if not np.any(np.all(losses <= loss, axis=1) & np.any(losses < loss, axis=1))
    ]
    return sorted(kept, key=lambda place: (*losses[place], place))
