"""Processes that wait for one another and then do the same thing at the same moment, and what they do."""

import multiprocessing
import queue
import traceback
from collections.abc import Callable, Sequence
from typing import Any

CREW = 5


class Crew:
    """Real processes, started once for all races since each takes a second to import what it needs."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._barriers = {size: context.Barrier(size) for size in range(2, CREW + 1)}
        self._results = context.Queue()
        self._orders = [context.Queue() for _ in range(CREW)]
        self._members = [
            context.Process(target=_serve, args=(number, orders, self._barriers, self._results), daemon=True)
            for number, orders in enumerate(self._orders)
        ]
        for member in self._members:
            member.start()

    def race(self, action: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Call `action` in one process for each tuple, all at the same moment: what each returned."""
        return self.run([(action, given) for given in arguments])

    def run(self, calls: Sequence[tuple[Callable[..., Any], tuple[Any, ...]]]) -> list[Any]:
        """The same with an action for each."""
        for orders, (action, given) in zip(self._orders, calls, strict=False):
            orders.put((len(calls), action, given))
        try:
            answers = [self._results.get(timeout=120) for _ in calls]
        except queue.Empty:
            raise AssertionError("a process of the race never ended") from None
        failures = [value for _, kind, value in answers if kind == "raised"]
        assert not failures, "\n".join(failures)
        return [value for _, _, value in sorted(answers, key=lambda answer: answer[0])]

    def dismiss(self) -> None:
        """End the processes."""
        for orders in self._orders:
            orders.put(None)
        for member in self._members:
            member.join(10)
            member.kill()


def _serve(number: int, orders: Any, barriers: Any, results: Any) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    while (order := orders.get()) is not None:
        size, action, given = order
        try:
            barriers[size].wait(60)
            results.put((number, "returned", action(*given)))
        except BaseException:
            results.put((number, "raised", traceback.format_exc()))


def prepare(url: str) -> None:
    from hpo import storage

    storage.prepare(url).close()


def create(url: str, plan: Any) -> Any:
    from hpo import storage
    from hpo.storage import studies

    return studies.create_or_resume(storage.open(url), plan)


def open_slots(url: str, study: str, total: int) -> int:
    from hpo import storage
    from hpo.storage.slots.slots import Slots

    return Slots(storage.open(url)).open(study, total)


def add_jobs(url: str, study: str, jobs: Sequence[Any]) -> int:
    from hpo import storage
    from hpo.storage.slots.slots import Slots

    return Slots(storage.open(url)).add(study, jobs)


def claim_all(url: str, study: str, worker: str) -> list[int]:
    from hpo import storage
    from hpo.storage.slots.slots import Slots

    slots = Slots(storage.open(url))
    taken = []
    while slot := slots.claim(study, worker, 3600):
        taken.append(slot.id)
    return taken


def reserve_all(url: str, slot: Any, digests: Sequence[str]) -> list[str]:
    from hpo import storage
    from hpo.storage.slots.slots import Slots

    slots = Slots(storage.open(url))
    return [digest for digest in digests if slots.reserve(slot, digest)]


def settle_and_tell(url: str, slots: Sequence[Any], ids: Sequence[int], outcome: str, value: float | None) -> list[int]:
    """Settle each slot and, where that was won, tell its trial: the positions won."""
    from hpo import storage
    from hpo.storage.slots import slot_trials
    from hpo.storage.slots.slots import Slots

    store = storage.open(url)
    assert store.rdb
    won = []
    for slot, trial_id in zip(slots, ids, strict=True):
        if Slots(store).settle(slot, outcome, value):  # type: ignore[arg-type]
            assert slot_trials.tell(store, trial_id, outcome, value)  # type: ignore[arg-type]
            won.append(slot.position)
    return won


def work_until_gone(url: str, study: str, worker: str) -> str:
    """Run trials until the study is deleted; how that was noticed."""
    from hpo import storage
    from hpo.errors import HpoError
    from hpo.storage import studies
    from hpo.storage.database_errors import translated
    from hpo.storage.slots import slot_trials
    from hpo.storage.slots.slots import Slots

    store = storage.open(url)
    try:
        slots, optunas = Slots(store), studies.load(store, study)
        while slot := slots.claim(study, worker, 3600):
            trial = slot_trials.create(store, optunas, slot)
            with translated(store.where):
                x = trial.suggest_float("x", 0, 1)
                trial.report(x, 1)
            if slots.settle(slot, "complete", x, trial_number=trial.number):
                slot_trials.tell(store, trial._trial_id, "complete", x)
    except KeyError as error:  # Optuna's word for a trial that is no longer there
        return repr(error)
    except HpoError as error:
        return str(error)
    return "no slots left"


def delete_soon(url: str, study: str) -> str:
    """Delete the study as soon as there is work to be interrupted."""
    from hpo import storage
    from hpo.storage import studies
    from hpo.storage.slots.slots import Slots

    store = storage.open(url)
    while Slots(store).counts(study).settled < 5:
        pass
    studies.delete(store, study, force=True)
    return "deleted"


def tell_all(url: str, ids: Sequence[int], outcome: str, value: float) -> list[bool]:
    from hpo import storage
    from hpo.storage.slots import slot_trials

    store = storage.open(url)
    assert store.rdb
    return [slot_trials.tell(store, trial_id, outcome, value) for trial_id in ids]  # type: ignore[arg-type]


def climb_all(url: str, study: str, worker: str) -> int:
    """Claim, settle and promote until the study is done; how many were settled here."""
    from hpo import storage
    from hpo.storage.slots.promotion import promote
    from hpo.storage.slots.slots import Slots

    store = storage.open(url)
    slots = Slots(store)
    settled = 0
    while slots.counts(study).open:
        slot = slots.claim(study, worker, 60)
        if slot is None:
            promote(store, study)
            continue
        if slot.digest is None:
            slots.reserve(slot, f"{slot.rung}.{slot.position}")
        value = hash((slot.position, slot.rung)) % 1000 / 1000
        settled += slots.settle(slot, "complete", value, params={"x": slot.position, **slot.fixed})
        promote(store, study)
    return settled
