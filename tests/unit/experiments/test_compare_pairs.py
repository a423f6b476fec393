"""Pairs: who shares what, and what a side that fails is worth."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.errors import StudyError
from hpo.experiments.compare.comparison_jobs import pair_jobs, pair_scores, pairs_done
from hpo.experiments.compare.comparison_report import Side
from hpo.experiments.measure import Result

OPTIMUM = Side(name="trial 3", number=3, params={"x": 0.3}, value=0.9)
BASELINE = Side(name="by-hand", number=None, params={"x": 0.5}, value=None)
CONTEST = SimpleNamespace(record=SimpleNamespace(seed=7), baseline=BASELINE)


def result(job, value: float | None) -> Result:
    outcome = "pruned" if value is None else "complete"
    reason = "diverged" if value is None else None
    return Result(key=job.key, outcome=outcome, value=value, seed=job.seed, params=job.params, reason=reason)


def measured(values: list[float | None]):
    """Jobs and results of as many pairs as there are values for, optimum and baseline in turn."""
    jobs = pair_jobs(CONTEST, OPTIMUM, "share", len(values) // 2)
    return jobs, {job.key: result(job, value) for job, value in zip(jobs, values, strict=True)}


def test_a_pair_shares_its_seed_and_no_two_pairs_do() -> None:
    jobs = pair_jobs(CONTEST, OPTIMUM, "share", 5)
    assert [job.params["x"] for job in jobs] == [0.3, 0.5] * 5
    assert [job.seed for job in jobs[0::2]] == [job.seed for job in jobs[1::2]]
    assert len({job.seed for job in jobs}) == 5
    assert [job.keep for job in jobs] == [True, True] + [False] * 8
    assert len({job.key for job in jobs}) == 10


def test_more_pairs_repeat_the_first_and_another_optimum_reuses_the_baselines_jobs() -> None:
    few = [job.key for job in pair_jobs(CONTEST, OPTIMUM, "share", 3)]
    assert [job.key for job in pair_jobs(CONTEST, OPTIMUM, "share", 4)][:6] == few
    other = [job.key for job in pair_jobs(CONTEST, Side(name="o", number=1, params={"x": 0.1}, value=1), "share", 3)]
    assert other[1::2] == few[1::2]
    assert not set(other[0::2]) & set(few)


def test_finished_pairs_are_counted_up_to_the_first_gap() -> None:
    jobs, results = measured([1.0] * 8)
    assert pairs_done(CONTEST, OPTIMUM, "share", {}) == 0
    assert pairs_done(CONTEST, OPTIMUM, "share", results) == 4
    del results[jobs[5].key]
    assert pairs_done(CONTEST, OPTIMUM, "share", results) == 2
    assert pairs_done(CONTEST, OPTIMUM, "resampled", results) == 0


@pytest.mark.parametrize(("direction", "worst"), [("maximize", 0.2), ("minimize", 0.9)])
def test_a_side_without_a_score_gets_the_worst_and_the_pair_is_named(direction: str, worst: float) -> None:
    jobs, results = measured([0.9, 0.5, None, 0.4, 0.8, 0.2])
    scores = pair_scores(jobs, results, direction)
    assert scores.optimum == (0.9, worst, 0.8)
    assert scores.baseline == (0.5, 0.4, 0.2)
    assert scores.lost == ("trial 3, pair 2: diverged",)


@given(
    st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=2, max_size=20).filter(lambda v: len(v) % 2 == 0),
    st.sampled_from(["maximize", "minimize"]),
)
def test_a_side_that_failed_never_wins_a_pair(values: list[float | None], direction: str) -> None:
    jobs, results = measured(values)
    sides = (values[0::2], values[1::2])
    if any(all(value is None for value in side) for side in sides):
        with pytest.raises(StudyError, match="gave no score in any"):
            pair_scores(jobs, results, direction)
        return
    scores = pair_scores(jobs, results, direction)
    sign = 1 if direction == "maximize" else -1
    gains = [sign * (a - b) for a, b in zip(scores.optimum, scores.baseline, strict=True)]
    for gain, a, b in zip(gains, *sides, strict=True):
        if a is None or b is None:
            assert gain <= 0 if b is not None else gain >= 0 if a is not None else gain == 0
    assert len(scores.lost) == sum(value is None for value in values)
