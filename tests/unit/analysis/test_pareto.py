"""The Pareto front against its definition, point by point."""

from hypothesis import given
from hypothesis import strategies as st

from hpo.analysis.methods.pareto import front

POINTS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)), max_size=20)
DIRECTIONS = st.tuples(*[st.sampled_from(("maximize", "minimize"))] * 3)


def dominates(a: tuple[int, ...], b: tuple[int, ...], directions: tuple[str, ...]) -> bool:
    gains = [x - y if d == "maximize" else y - x for x, y, d in zip(a, b, directions, strict=True)]
    return min(gains) >= 0 and max(gains) > 0


@given(points=POINTS, directions=DIRECTIONS)
def test_the_pareto_front_is_what_nothing_dominates_best_metric_first(
    points: list[tuple[int, ...]], directions: tuple[str, ...]
) -> None:
    found = front(points, directions)
    assert set(found) == {
        place for place, one in enumerate(points) if not any(dominates(other, one, directions) for other in points)
    }
    firsts = [points[place][0] for place in found]
    assert firsts == sorted(firsts, reverse=directions[0] == "maximize")


def test_equal_points_all_stay_on_the_front() -> None:
    assert front([(1.0, 2.0), (1.0, 2.0), (0.5, 3.0)], ("maximize", "minimize")) == [0, 1]
