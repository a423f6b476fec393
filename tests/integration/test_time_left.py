"""How long a study still takes, from what its trials took so far."""

import time
from collections.abc import Sequence

import pytest
from climbing import open_rungs
from sqlalchemy import select, update

from hpo.storage import Storage, schema
from hpo.storage.queries.status import snapshot
from hpo.storage.slots.slot import of_study
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyRecord


def timed(store: Storage, study: str, seconds: Sequence[float], *, rung: int = 0) -> None:
    """Give settled trials of a rung these times, each ending now."""
    its = schema.slots.c
    with store.write() as connection:
        query = select(its.id).where(of_study(study), its.rung == rung, its.outcome.is_not(None)).order_by(its.position)
        for id_, took in zip(connection.execute(query).scalars().all(), seconds, strict=True):
            connection.execute(
                update(schema.slots).where(its.id == id_).values(started_at=1000.0, settled_at=1000.0 + took)
            )


def test_the_time_left_ignores_pauses_between_trials(store: Storage, study: StudyRecord) -> None:
    slots = Slots(store)
    slots.open(study.name, 12)
    for _ in range(4):
        slot = slots.claim(study.name, "w", 60)
        assert slot is not None
        slots.settle(slot, "complete", 0.5, params={"x": 0.1})
    timed(store, study.name, [10.0, 10.0, 10.0, 10.0])  # an age ago: the pause since is no part of it
    seen = snapshot(store, study.name, workers=2)
    assert seen.eta_seconds == pytest.approx(8 * 10.0 / 2)
    assert seen.eta_range is not None
    low, high = seen.eta_range
    assert 8 * 10 / 2 / 1.5 < low < 40 < high < 1.5 * 8 * 10 / 2
    assert snapshot(store, study.name).eta_seconds is None  # nobody is at it


def test_the_time_left_of_a_climbing_search_is_estimated_by_rung(store: Storage, study: StudyRecord) -> None:
    slots = Slots(store)
    open_rungs(store, study.name, 20)  # 4 at the highest fidelity, and 3 confirmations
    for _ in range(3):
        slot = slots.claim(study.name, "w", 60)
        assert slot is not None
        slots.settle(slot, "complete", 0.5, params={"x": 0.1})
    with store.write() as connection:  # as if none had ended at the highest fidelity, which takes nobody knows how long
        its = schema.slots.c
        at_top = update(schema.slots).where(of_study(study.name), its.rung == 1, its.outcome.is_not(None))
        connection.execute(at_top.values(started_at=None))
    assert snapshot(store, study.name, workers=1).eta_seconds is None
    timed(store, study.name, [100.0], rung=1)
    timed(store, study.name, [10.0, 10.0])
    seen = snapshot(store, study.name, workers=1)
    assert seen.eta_seconds == pytest.approx(18 * 10 + (3 + 3) * 100)  # confirmations take what is highest


def drawn(store: Storage, study: str, seconds: Sequence[float]) -> None:
    """Settle the hand-picked configuration on the highest rung, then trials of the first; all took as long as told."""
    slots = Slots(store)
    for number, _ in enumerate(seconds):
        slot = slots.claim(study, "w", 60)
        assert slot is not None
        if slot.digest is None:
            assert slots.reserve(slot, f"{number}", params={"x": number})
        slots.settle(slot, "complete", number / 100, params={"x": number, **slot.fixed})
    timed(store, study, seconds[:1], rung=1)
    timed(store, study, seconds[1:])


def test_what_will_climb_takes_longer_as_it_took_longer_below(store: Storage, study: StudyRecord) -> None:
    open_rungs(store, study.name, 20)  # 4 at the highest fidelity, and 3 confirmations
    drawn(store, study.name, [100.0, 10.0, *[40.0] * 3, *[5.0] * 15])  # the hand's, then draws, the later the better
    assert [(each.target, each.settled) for each in Slots(store).rungs(study.name)] == [(20, 19), (4, 1), (3, 0)]
    seen = snapshot(store, study.name, workers=1)
    assert seen.eta_seconds is not None
    # To do: a draw; three that climb, of which the best are known and took 5; the hand's again, and two of those.
    mean = (10 + 3 * 40 + 15 * 5) / 19
    assert seen.eta_seconds == pytest.approx(mean + 3 * 50 + 100 + 2 * 50)
    better = update(schema.slots).where(
        of_study(study.name), schema.slots.c.position.in_((1, 2, 3)), schema.slots.c.rung == 0
    )
    with store.write() as connection:
        connection.execute(better.values(value=1.0))  # the dear ones are the best
    dear = snapshot(store, study.name, workers=1)
    assert dear.eta_seconds == pytest.approx(mean + 3 * 400 + 100 + 2 * 400)
    assert dear.eta_seconds is not None
    assert dear.eta_range is not None
    assert dear.eta_range[0] < dear.eta_seconds < dear.eta_range[1]
    assert dear.eta_seconds / dear.eta_range[0] == pytest.approx(dear.eta_range[1] / dear.eta_seconds)
    weighed = update(schema.studies).where(schema.studies.c.name == study.name).values(margin=1.0)
    with store.write() as connection:
        connection.execute(weighed)  # so that the dear ones are not the next to climb
    assert snapshot(store, study.name, workers=1).eta_seconds == pytest.approx(mean + 3 * 50 + 100 + 2 * 50)


def test_what_waits_for_the_end_of_another_trial_is_not_done_beside_it(store: Storage, study: StudyRecord) -> None:
    open_rungs(store, study.name, 4)  # 4 at the highest fidelity, and 3 confirmations
    drawn(store, study.name, [100.0, 10.0, 10.0, 10.0, 10.0])
    alone, two, many = (snapshot(store, study.name, workers=workers).eta_seconds for workers in (1, 2, 50))
    assert alone == pytest.approx((3 + 3) * 100)
    # Two climb in the first turn; the third one in the second, beside the confirmation of what it cannot oust; what is
    # left to confirm, the hand-picked one with it, in the last.
    assert two == pytest.approx(3 * 100)
    # However many there are: the three, and then, what was not certain before, two more.
    assert many == pytest.approx(2 * 100)


@pytest.mark.parametrize("left", [7, 70_000])
def test_many_draws_take_as_long_as_they_are_many(store: Storage, study: StudyRecord, left: int) -> None:
    slots = Slots(store)
    slots.open(study.name, 2 + left)
    for _ in range(2):
        slot = slots.claim(study.name, "w", 60)
        assert slot is not None
        slots.settle(slot, "complete", 0.5, params={"x": 0.1})
    timed(store, study.name, [10.0, 10.0])
    seen = snapshot(store, study.name, workers=7)
    assert seen.eta_seconds == pytest.approx(left * 10 / 7, rel=0.02)


def test_varying_durations_widen_the_estimate_of_the_time_left(store: Storage, study: StudyRecord) -> None:
    slots = Slots(store)
    slots.open(study.name, 40)
    for _ in range(6):
        slot = slots.claim(study.name, "w", 60)
        assert slot is not None
        slots.settle(slot, "complete", 0.5, params={"x": 0.1})
    widths = []
    for seconds in ([10.0] * 6, [1.0, 1.0, 1.0, 1.0, 1.0, 55.0]):
        timed(store, study.name, seconds)
        seen = snapshot(store, study.name, workers=1)
        assert seen.eta_seconds == pytest.approx(34 * 10.0)
        assert seen.eta_range is not None
        widths.append(seen.eta_range[1] - seen.eta_range[0])
    assert widths[1] > 3 * widths[0]


def test_the_estimate_does_not_assume_an_overdue_trial_ends_at_once(store: Storage, study: StudyRecord) -> None:
    slots = Slots(store)
    slots.open(study.name, 5)
    for _ in range(4):
        slot = slots.claim(study.name, "w", 60)
        assert slot is not None
        slots.settle(slot, "complete", 0.5, params={"x": 0.1})
    timed(store, study.name, [100.0] * 4)
    slots.claim(study.name, "w", 60)
    left = []
    for since in (0.0, 60.0, 1000.0):
        with store.write() as connection:
            its = schema.slots.c
            in_hand = update(schema.slots).where(of_study(study.name), its.state == "leased")
            connection.execute(in_hand.values(started_at=time.time() - since))
        left.append(snapshot(store, study.name, workers=1).eta_seconds)
    assert left == pytest.approx([100.0, 40.0, 25.0], abs=2.0)
