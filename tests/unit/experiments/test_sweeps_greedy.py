"""The hand method on planted scores: it takes the best row of each table and goes on from there."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.experiments.measure import Result
from hpo.experiments.sweep.greedy_method import Walk, ahead, walk
from hpo.study import Categorical, Fidelity, Holdout, Params, Row, Space, StudyDefinition, Sweep

START: Params = {"a": 1, "b": 1, "c": 1}


def infeasible(params: Params) -> str | None:
    return "too large" if params["a"] == 3 and params["b"] == 3 else None


def table(name: str, chosen: int) -> Sweep:
    rows = tuple(Row(setting={name: value}) for value in (1, 2, 3))
    return Sweep(id=name, title=name, base=START, rows=rows, chosen=chosen)


def define(direction: str = "maximize") -> StudyDefinition:
    return StudyDefinition(
        name="planted",
        title="three tables of three rows",
        data=lambda: pytest.fail("nothing is trained"),
        build=lambda _: pytest.fail("nothing is trained"),
        metric="score",
        score=lambda y, outputs: pytest.fail("nothing is scored"),
        direction=direction,  # type: ignore[arg-type]
        spaces=(Space(name="cube", params={name: Categorical(choices=(1, 2, 3)) for name in "abc"}),),
        evaluation=Holdout(rows=1),
        fidelities=(Fidelity(name="full", epochs=1),),
        sweeps=(table("a", 1), table("b", 1), table("c", 0)),
        infeasible=infeasible,
    )


Score = Callable[[Params, int], float | None]  # configuration, seed -> score; None: diverged


def follow(definition: StudyDefinition, score: Score, repeats: int = 1, seed: int = 0) -> tuple[Walk, int]:
    """Walk to the end, giving each training that is asked for its planted score; and how many there were."""
    found: dict[str, Result] = {}
    while (at := walk(definition, found, repeats=repeats, seed=seed)).pending:
        assert {job.rows for job in at.pending} == {"validation"}  # no test row is ever asked for
        for job in at.pending:
            assert job.key not in found
            assert infeasible(job.params) is None
            value = score(job.params, job.seed)
            its = {"outcome": "pruned", "reason": "diverged"} if value is None else {"outcome": "complete"}
            found[job.key] = Result(key=job.key, seed=job.seed, params=job.params, value=value, **its)
    return at, len(found)


def value(params: Params) -> float:
    """Best at a = 2; then b = 3; then c = 1: but one at a time never sees that a = 3, b = 2, c = 3 is better still."""
    if params == {"a": 3, "b": 2, "c": 3}:
        return 100.0
    return float(-((params["a"] - 2) ** 2) + params["b"] - params["c"])


def test_each_greedy_table_starts_from_the_winner_so_far() -> None:
    at, trained = follow(define(), lambda params, _: value(params))
    assert [step.chosen for step in at.tables] == [1, 2, 0]
    assert [step.base for step in at.tables] == [START, {"a": 2, "b": 1, "c": 1}, {"a": 2, "b": 3, "c": 1}]
    assert at.winner == {"a": 2, "b": 3, "c": 1}
    assert trained == 7  # nine rows, of which two are the winner so far


def test_the_greedy_method_minimizes_where_the_metric_is_minimized() -> None:
    at, _ = follow(define("minimize"), lambda params, _: -value(params))
    assert at.winner == {"a": 2, "b": 3, "c": 1}


def test_a_setting_that_cannot_be_trained_here_is_left_out_with_the_reason() -> None:
    at, _ = follow(define(), lambda params, _: float(params["a"] + params["b"]))
    assert at.winner == {"a": 3, "b": 2, "c": 1}
    left_out = at.tables[1].rows[2]
    assert left_out.reason == "infeasible: too large"
    assert (left_out.mean, left_out.scores) == (None, ())


def test_a_row_is_judged_by_its_mean_over_all_splits() -> None:
    lucky: list[int] = []

    def score(params: Params, seed: int) -> float:
        if seed not in lucky:
            lucky.append(seed)
        return 1.0 if params["a"] == 3 and seed == lucky[0] else {1: 0.3, 2: 0.5, 3: 0.0}[int(params["a"])]

    once, _ = follow(define(), score)
    assert once.tables[0].chosen == 2  # one split flatters it
    thrice, trained = follow(define(), score, repeats=3)
    assert thrice.tables[0].chosen == 1
    assert thrice.tables[0].rows[2].mean == pytest.approx(1 / 3)
    assert trained == 3 * 7


def test_a_row_that_diverged_on_one_split_is_not_in_the_choice() -> None:
    first: list[int] = []

    def score(params: Params, seed: int) -> float | None:
        first.append(seed)
        return None if params["a"] == 2 and seed == first[0] else value(params)

    at, _ = follow(define(), score, repeats=2)
    fallen = at.tables[0].rows[1]
    assert (fallen.reason, fallen.mean, len(fallen.scores)) == ("diverged", None, 1)
    assert at.tables[0].chosen == 0


def test_the_greedy_method_keeps_its_winner_where_no_row_trains() -> None:
    at, _ = follow(define(), lambda params, _: None if params["b"] != 1 or params["a"] == 2 else value(params))
    assert at.tables[0].chosen == 0
    assert follow(define(), lambda *_: None)[0].winner == START
    assert [step.chosen for step in follow(define(), lambda *_: None)[0].tables] == [None, None, None]


@pytest.mark.thorough
@settings(max_examples=30)
@given(
    scores=st.dictionaries(st.tuples(*[st.integers(1, 3)] * 3), st.integers(0, 5), min_size=27, max_size=27),
    direction=st.sampled_from(("maximize", "minimize")),
    repeats=st.integers(1, 3),
)
def test_each_greedy_winner_is_the_first_best_row_of_its_table(scores, direction: str, repeats: int) -> None:
    sign = 1 if direction == "maximize" else -1
    at, _ = follow(define(direction), lambda params, _: float(scores[tuple(params.values())]), repeats=repeats)
    for step in at.tables:
        best = max(sign * row.mean for row in step.rows if row.mean is not None)
        assert step.chosen is not None
        assert sign * scores[tuple(step.winner.values())] == best
        first = next(row.index for row in step.rows if row.mean is not None and sign * row.mean == best)
        assert step.chosen == first  # of equal ones, the first


def test_the_trainings_ahead_are_estimated_before_the_choices_are_known() -> None:
    definition = define()
    begun = walk(definition, {}, repeats=2, seed=0)
    assert len(ahead(definition, begun, repeats=2, seed=0)) == 2 * 7
    ended, _ = follow(definition, lambda params, _: value(params), repeats=2)
    assert ahead(definition, ended, repeats=2, seed=0) == []
