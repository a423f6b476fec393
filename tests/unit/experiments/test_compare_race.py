"""The race: everybody on the same splits, and who cannot be trained again is out."""

from types import SimpleNamespace

import pytest

from hpo.errors import StudyError
from hpo.experiments.compare.comparison_jobs import heat, heat_jobs
from hpo.experiments.compare.comparison_report import Side
from hpo.experiments.measure import Result
from hpo.study import Fidelity

QUICK, FULL = Fidelity(name="quick", epochs=1), Fidelity(name="full", epochs=9)
HAND = Side(name="by-hand", number=0, params={"x": 0}, value=0.6)
FIRST = Side(name="trial 4", number=4, params={"x": 4}, value=0.95)
SECOND = Side(name="trial 2", number=2, params={"x": 2}, value=0.9)
SIDES = (FIRST, SECOND, HAND)
CONTEST = SimpleNamespace(
    record=SimpleNamespace(seed=1, name="toy-line-quick"),
    definition=SimpleNamespace(direction="maximize"),
    search_fidelity=QUICK,
    baseline=HAND,
    candidates=SIDES[:2],
)


def run(scores: dict[int, list[float | None]], fidelity: Fidelity = QUICK):
    results = {}
    for side in SIDES:
        for job, value in zip(heat_jobs(CONTEST, [side], 2), scores[side.params["x"]], strict=True):
            its = {"value": value, "outcome": "complete" if value is not None else "pruned", "reason": "diverged"}
            results[job.key] = Result(key=job.key, seed=job.seed, params=job.params, **its)
    return heat(CONTEST, SIDES, 2, fidelity, results)


def test_every_round_has_one_split_for_all_and_no_test_row() -> None:
    jobs = heat_jobs(CONTEST, SIDES, 2)
    assert {job.rows for job in jobs} == {"validation"}
    assert [job.params["x"] for job in jobs] == [4, 2, 0, 4, 2, 0]
    assert len({job.seed for job in jobs[:3]}) == len({job.seed for job in jobs[3:]}) == 1
    assert len({job.seed for job in jobs}) == 2


def test_the_winner_is_no_baseline_even_where_that_is_first() -> None:
    found = run({4: [0.7, 0.7], 2: [0.8, 0.8], 0: [0.9, 0.9]}).finding
    assert [racer.name for racer in found.order] == ["by-hand", "trial 2", "trial 4"]
    assert found.winner.name == "trial 2"
    assert found.optimism == pytest.approx(0.25)


def test_at_another_fidelity_the_search_s_values_say_nothing() -> None:
    found = run({4: [0.7, 0.7], 2: [0.8, 0.8], 0: [0.9, 0.9]}, FULL).finding
    assert found.optimism is None
    assert all(racer.search_value is None for racer in found.order)


def test_a_racer_without_a_score_in_a_round_is_dropped_and_named() -> None:
    found = run({4: [0.99, None], 2: [0.8, 0.8], 0: [0.9, None]})
    assert [racer.name for racer in found.finding.order] == ["trial 2"]
    assert found.dropped == ("trial 4: diverged", "by-hand: diverged")
    assert found.finding.optimism is None  # trial 4 was the search's best; what trial 2 gave says nothing of it
    assert found.finding.optimism_ci95 is None
    with pytest.raises(StudyError, match="none of the 2 best trials of toy-line-quick"):
        run({4: [None, None], 2: [0.8, None], 0: [0.9, 0.9]})
