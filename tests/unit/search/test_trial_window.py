"""Which trials samplers and pruners are shown of a long study."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution
from optuna.samplers._tpe.sampler import _split_trials
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpo.search.trial_window import KeptTrials, Window

optuna.logging.set_verbosity(optuna.logging.WARNING)
LINE = FloatDistribution(0, 1)
BEGAN = datetime(2026, 1, 1)
SMALL = Window(trials=20)


def trial(
    number: int,
    values: Sequence[float] = (0.5,),
    *,
    state: TrialState = TrialState.COMPLETE,
    ended: int | None = None,
    reports: dict[int, float] | None = None,
    **system: object,
) -> FrozenTrial:
    made = create_trial(
        state=state,
        values=list(values) if state == TrialState.COMPLETE else None,
        params={"x": 0.5},
        distributions={"x": LINE},
        intermediate_values=reports or {},
        system_attrs=dict(system),
    )
    made.number = number
    if state.is_finished():
        made.datetime_complete = BEGAN + timedelta(seconds=number if ended is None else ended)
    return made


@st.composite
def histories(draw: st.DrawFn) -> list[FrozenTrial]:
    """Trials of one objective, with ties, in the order in which they came to be known; some of them not finished."""
    made = []
    for number in range(draw(st.integers(0, 60))):
        state = draw(
            st.sampled_from([TrialState.COMPLETE] * 3 + [TrialState.PRUNED] * 2 + [TrialState.FAIL, TrialState.RUNNING])
        )
        reports = {step: draw(st.integers(0, 3)) / 3 for step in range(draw(st.integers(0, 3)))}
        broken = {"constraints:c": 1.0} if draw(st.integers(0, 5)) == 0 else {}
        value = draw(st.integers(0, 8)) / 8
        made.append(trial(number, [value], state=state, ended=draw(st.integers(0, 80)), reports=reports, **broken))
    return draw(st.permutations(made))


@settings(deadline=None)
@given(history=histories(), maximize=st.booleans(), cuts=st.lists(st.integers(0, 60), max_size=5))
def test_the_window_follows_from_the_trials_alone(history: list[FrozenTrial], maximize: bool, cuts: list[int]) -> None:
    at_once, by_parts = KeptTrials(SMALL, [maximize]), KeptTrials(SMALL, [maximize])
    at_once.add(history)
    edges = [0, *sorted(cuts), len(history)]
    for first, last in pairwise(edges):
        by_parts.add(history[first:last])
    assert by_parts.whole() == at_once.whole()
    assert by_parts.recent() == at_once.recent()


@settings(deadline=None)
@given(history=histories(), maximize=st.booleans())
def test_what_is_in_the_window(history: list[FrozenTrial], maximize: bool) -> None:
    kept = KeptTrials(SMALL, [maximize])
    kept.add(history)
    wanted = [each for each in history if each.state != TrialState.FAIL]
    finished = [each for each in wanted if each.state.is_finished()]
    shown = kept.whole()
    assert [each.number for each in shown] == sorted(each.number for each in shown)
    assert {each.number for each in wanted if not each.state.is_finished()} <= {each.number for each in shown}
    assert sum(each.state.is_finished() for each in shown) == min(len(finished), SMALL.trials)
    if len(finished) <= SMALL.trials:
        assert shown == kept.recent() == sorted(wanted, key=lambda each: each.number)
    # TPE would take the same for good out of the window as out of all.
    study = optuna.create_study(direction="maximize" if maximize else "minimize")
    feasible = [each for each in wanted if not each.constraints]
    most = min(SMALL.best, sum(bool(each.state.is_finished() and _eligible(each)) for each in feasible))
    best, _ = _split_trials(study, sorted(feasible, key=lambda each: each.number), most)
    assert {each.number for each in best} <= {each.number for each in shown}
    # And of what finished last nothing is missing, wherever that begins.
    recent = [each for each in kept.recent() if each.state.is_finished()]
    if recent:
        begins = min((each.datetime_complete, each.number) for each in recent)
        late = {each.number for each in finished if (each.datetime_complete, each.number) >= begins}
        assert late == {each.number for each in recent}
    if len(finished) > SMALL.trials:
        assert len(recent) >= SMALL.trials - SMALL.best


def _eligible(each: FrozenTrial) -> bool:
    return each.state == TrialState.COMPLETE or bool(each.intermediate_values)


def test_complete_trials_are_above_pruned_ones_which_are_by_how_far_they_came() -> None:
    kept = KeptTrials(Window(trials=30), [False])
    early = [
        trial(0, [99.0]),
        trial(1, state=TrialState.PRUNED, reports={1: 0.0}),
        trial(2, state=TrialState.PRUNED, reports={1: 0.5, 2: 0.9}),
        trial(3, state=TrialState.PRUNED, reports={1: 0.5, 2: 0.1}),
    ]
    kept.add([*early, *(trial(number, state=TrialState.PRUNED) for number in range(4, 60))])
    assert [each.number for each in kept.whole()][:3] == [0, 2, 3]


def test_the_best_of_long_ago_is_not_among_what_pruners_compare_with() -> None:
    kept = KeptTrials(SMALL, [True])
    kept.add([trial(0, [1.0]), *(trial(number, [0.5]) for number in range(1, 100))])
    assert kept.whole()[0].number == 0
    assert kept.best().number == 0
    assert [each.number for each in kept.recent()] == list(range(82, 100))


def test_of_several_objectives_the_first_fronts_are_kept() -> None:
    kept = KeptTrials(Window(trials=50), [False, True])
    front = [trial(number, [number, number]) for number in range(5)]  # none is better in both
    kept.add([*front, *(trial(number, [100 + number, -number]) for number in range(5, 200))])
    assert [each.number for each in kept.whole()][:5] == [0, 1, 2, 3, 4]
    assert len(kept.whole()) == 50


def test_of_a_front_larger_than_its_share_the_latest_are_kept() -> None:
    kept = KeptTrials(Window(trials=50), [False, True])
    kept.add([trial(number, [number, number]) for number in range(200)])
    assert [each.number for each in kept.whole()] == list(range(150, 200))


def test_what_the_next_generation_is_bred_from_stays() -> None:
    key = "cma:generation"
    kept = KeptTrials(Window(trials=20, generations=key), [False])
    bred = [trial(number, [50.0 - number], **{key: 4 + number // 10}) for number in range(30)]  # generations 4, 5 and 6
    kept.add([*bred, *(trial(number, [60.0], state=TrialState.PRUNED) for number in range(30, 200))])
    assert {each.number for each in kept.whole()} >= set(range(30))
    kept.add([trial(200, [50.0], **{key: 7})])
    assert {each.number for each in kept.whole()} & set(range(30)) == set(range(10, 30))


def test_without_a_feasible_trial_there_is_no_best() -> None:
    kept = KeptTrials(SMALL, [False])
    kept.add([trial(0, [1.0], **{"constraints:c": 0.5}), trial(1, state=TrialState.PRUNED, reports={1: 1.0})])
    with pytest.raises(ValueError, match="No trials are completed yet"):
        kept.best()


def test_what_was_unfinished_is_told_by_what_became_of_it() -> None:
    kept = KeptTrials(SMALL, [False])
    kept.add([trial(0, state=TrialState.RUNNING), trial(1, state=TrialState.RUNNING)])
    assert [each.number for each in kept.unfinished] == [0, 1]
    kept.add([trial(0, [1.0]), trial(1, state=TrialState.FAIL)])
    assert (kept.unfinished, [each.number for each in kept.whole()]) == ([], [0])


def test_thousands_of_trials_take_no_more_room_than_the_window() -> None:
    kept, drawn = KeptTrials(SMALL, [False]), random.Random(1)
    for number in range(2000):
        kept.add([trial(number, [drawn.random()])])
    assert len(kept.whole()) == len(kept._finished) == SMALL.trials
    assert len(kept._merits) <= SMALL.trials
