"""Which configuration a search names: what was trained more often before what was not, the hand-picked one always."""

from statistics import fmean

from hypothesis import given
from hypothesis import strategies as st

from hpo.storage.slots.slot import Slot, incumbents, leading_values

FULL, CONFIRMS = 1, 2


def slot(rung: int, position: int, digest: str, value: float) -> Slot:
    """A complete training at the highest fidelity; position 0 of a rung is the hand-picked configuration's."""
    return Slot(
        id=100 * rung + position,
        study="s",
        study_id=1,
        rung=rung,
        position=position,
        payload={} if position else {"params": {"size": 1}},
        state="settled",
        attempt=1,
        outcome="complete",
        digest=digest,
        value=value,
    )


def test_a_worse_configuration_that_was_confirmed_does_not_displace_the_hand_picked_one() -> None:
    hand, lucky = slot(FULL, 0, "hand", 0.90), slot(FULL, 1, "lucky", 0.92)
    assert [one.slot.digest for one in incumbents([hand, lucky], "maximize")] == ["lucky", "hand"]
    again = slot(CONFIRMS, 1, "lucky", 0.86)
    assert [one.slot.digest for one in incumbents([hand, lucky, again], "maximize")] == ["hand", "lucky"]
    better = slot(CONFIRMS, 1, "lucky", 0.89)
    assert [one.slot.digest for one in incumbents([hand, lucky, better], "maximize")] == ["lucky", "hand"]


def test_a_single_training_stays_behind_the_hand_picked_one_once_something_is_confirmed() -> None:
    its = [slot(FULL, 0, "hand", 0.90), slot(FULL, 1, "once", 0.95), slot(FULL, 2, "twice", 0.80)]
    its.append(slot(CONFIRMS, 1, "twice", 0.80))
    assert [one.slot.digest for one in incumbents(its, "maximize")] == ["hand", "twice", "once"]


@given(
    st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1)), min_size=1, max_size=12),
    st.sampled_from(["maximize", "minimize"]),
)
def test_the_curve_of_the_best_so_far_ends_each_time_at_the_one_that_is_named(
    trained: list[tuple[int, float]], direction: str
) -> None:
    seen: dict[int, int] = {}
    slots = list[Slot]()
    for position, value in trained:
        rung = FULL + seen.get(position, 0)
        seen[position] = seen.get(position, 0) + 1
        slots.append(slot(rung, position, f"c{position}", value))
    trainings = [(one.digest, one.value) for one in slots if one.value is not None]
    values = list(leading_values(trainings, direction, hand="c0"))
    for count, value in enumerate(values, start=1):
        named = incumbents(slots[:count], direction)[0]
        assert value == named.value
        assert named.value == fmean(
            one.value for one in slots[:count] if one.digest == named.slot.digest and one.value is not None
        )
