"""What the tests of searches that climb share: a study with rungs, and what must hold of it at the end."""

from collections import Counter
from collections.abc import Sequence

from hpo.storage import Storage
from hpo.storage.slots.promotion import NOTHING_LEFT
from hpo.storage.slots.slots import Configuration, Slots
from hpo.study.direction import loss
from hpo.study.rungs import climb

PRIOR = Configuration(params={"x": 0.5}, digest="hand")


def open_rungs(store: Storage, study: str, trials: int, *, prior: bool = True, middle: bool = False) -> list[int]:
    """Open the slots of a study that climbs; how many each rung has."""
    names = ("quick", "middle", "full") if middle else ("quick", "full")
    rungs = climb(names, trials, prior=prior)
    hand = PRIOR if prior else None
    Slots(store).open_rungs(study, rungs, first=[hand] if hand else (), prior=hand)
    return [rung.slots for rung in rungs]


def unsound(
    store: Storage, study: str, rungs: Sequence[int], direction: str = "maximize", prior: str = "hand"
) -> list[str]:
    """What is wrong with a study that ought to be finished: slots lost, promotions lost, doubled or of nothing."""
    slots = Slots(store).list(study)
    wrong = [f"slot {slot.rung}.{slot.position} is {slot.state}" for slot in slots if slot.state != "settled"]
    if [sum(slot.rung == rung for slot in slots) for rung in range(len(rungs))] != list(rungs):
        wrong.append(f"rungs of {Counter(slot.rung for slot in slots)}, not {rungs}")
    for rung in range(1, len(rungs)):
        here = [slot for slot in slots if slot.rung == rung]
        below = {slot.digest: slot for slot in slots if slot.rung == rung - 1}
        for digest, times in Counter(slot.digest for slot in here if slot.digest).items():
            if times > 1:
                wrong.append(f"{digest} is {times} times on rung {rung}")
        for slot in here:
            if slot.digest in (None, prior):
                continue
            source = below.get(slot.digest)
            if source is None or source.outcome != "complete" or slot.fixed != source.fixed:
                wrong.append(f"slot {slot.rung}.{slot.position} is no promotion of a complete trial")
        empty = sum(slot.reason == NOTHING_LEFT for slot in here)
        promoted = {slot.digest for slot in here}
        left = [slot for slot in below.values() if slot.outcome == "complete" and slot.digest not in promoted]
        if empty and left:
            wrong.append(f"{empty} slots of rung {rung} had nothing to promote, and {len(left)} were left")
        best = min((s for s in below.values() if s.outcome == "complete"), key=_loss(direction), default=None)
        if best is not None and best.digest not in promoted:
            wrong.append(f"the best of rung {rung - 1} was not promoted")
    return wrong


def _loss(direction: str):  # type: ignore[no-untyped-def]
    return lambda slot: loss(direction, slot.value)
