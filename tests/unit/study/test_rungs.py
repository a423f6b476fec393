"""How many trials a search has on each rung: known before it begins."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from hpo.study import Fidelity, KFold
from hpo.study.rungs import CONFIRMED, PROMOTED, Rung, climb, lacking, out_of_order

NAMES = ("short", "middle", "full", "fuller")


def test_fifty_drawn_give_five_promotions_and_three_confirmations() -> None:
    drawn, top, confirmed = climb(("quick", "full"), 50, prior=True)
    assert (drawn.fidelity, drawn.slots, drawn.highest, drawn.confirms) == ("quick", 50, False, False)
    assert (top.fidelity, top.slots, top.highest, top.confirms) == ("full", 5 + 1, True, False)
    assert (confirmed.fidelity, confirmed.slots, confirmed.highest, confirmed.confirms) == ("full", 2 + 1, True, True)


def test_at_least_three_are_promoted_however_few_are_drawn() -> None:
    assert [rung.slots for rung in climb(("quick", "full"), 12, prior=True)] == [12, 4, 3]
    assert [rung.slots for rung in climb(("quick", "full"), 12, prior=False)] == [12, 3, 2]


def test_no_more_are_promoted_than_are_drawn() -> None:
    assert [rung.slots for rung in climb(("quick", "full"), 2, prior=True)] == [2, 2, 2]
    assert [rung.slots for rung in climb(("quick", "full"), 1, prior=True)] == [1, 1, 1]
    assert [rung.slots for rung in climb(("quick", "full"), 1, prior=False)] == [1, 1, 1]


def test_of_what_is_sifted_twice_half_as_many_reach_the_highest_fidelity() -> None:
    assert [rung.slots for rung in climb(("quick", "middle", "full"), 180, prior=False)] == [180, 40, 9, 2]
    assert [rung.slots for rung in climb(("quick", "middle", "full"), 50, prior=True)] == [50, 12 + 1, 3 + 1, 2 + 1]


def test_with_one_fidelity_nothing_is_promoted_and_the_best_are_confirmed() -> None:
    drawn, confirmed = climb(("only",), 20, prior=True)
    assert (drawn.slots, drawn.highest, confirmed.slots, confirmed.confirms) == (20, True, 3, True)


@given(trials=st.integers(1, 100_000), fidelities=st.integers(1, 4), prior=st.booleans())
def test_rungs_never_grow_upwards_and_are_never_empty(trials: int, fidelities: int, prior: bool) -> None:
    rungs = climb(NAMES[:fidelities], trials, prior=prior)
    sizes = [rung.slots for rung in rungs]
    assert sizes[0] == trials
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] >= 1
    assert [rung.highest for rung in rungs] == [False] * (fidelities - 1) + [True, True]
    assert [rung.confirms for rung in rungs] == [False] * fidelities + [True]
    drawn = trials - prior
    if fidelities > 1:
        share = 10 if fidelities == 2 else 20
        assert rungs[-2].slots - prior == min(drawn, max(PROMOTED, round(trials / share)))
    assert rungs[-1].slots - prior == min(CONFIRMED, rungs[-2].slots - prior)


@pytest.mark.parametrize(
    ("there", "waiting", "grown", "more"), [(0, 0, True, 3), (3, 2, True, 0), (3, 0, True, 2), (3, 0, False, 0)]
)
def test_a_growing_study_confirms_its_new_best(there: int, waiting: int, grown: bool, more: int) -> None:
    confirms = Rung(fidelity="full", slots=3, prior=True, highest=True, confirms=True)
    assert lacking(confirms, there=there, waiting=waiting, grown=grown) == more


def test_a_growing_rung_lacks_only_the_missing_slots() -> None:
    assert lacking(Rung(fidelity="full", slots=11, prior=True), there=6, waiting=0, grown=True) == 5
    assert lacking(Rung(fidelity="full", slots=4, prior=True), there=6, waiting=0, grown=True) == 0


@pytest.mark.parametrize(
    ("fidelities", "name"),
    [
        ([{"epochs": 3}, {"epochs": 10}], None),
        ([{"epochs": 3}, {"epochs": 3}], None),
        ([{"epochs": 3, "rows": 100}, {"epochs": 3}], None),
        ([{"epochs": 10, "rows": 100}, {"epochs": 3}], None),  # fewer epochs of more rows: either may be more work
        ([{"epochs": 50, "folds": 3}, {"epochs": 50}], None),
        ([{"epochs": 10}, {"epochs": 3}], "f1"),
        ([{"epochs": 3}, {"epochs": 3, "rows": 100}], "f1"),
        ([{"epochs": 3}, {"epochs": 10}, {"epochs": 9}], "f2"),
        ([{"epochs": 50}, {"epochs": 50, "folds": 3}], "f1"),
    ],
)
def test_a_fidelity_of_less_work_than_the_one_before_it_is_out_of_order(
    fidelities: list[dict[str, int]], name: str | None
) -> None:
    given = [Fidelity(name=f"f{number}", **each) for number, each in enumerate(fidelities)]
    assert out_of_order(given, KFold(folds=5)) == name
