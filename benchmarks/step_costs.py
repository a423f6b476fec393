"""What each step of a worker and of its supervisor costs the server's processor, with so many others at work."""

import time
from collections.abc import Callable
from typing import Any

import optuna
import psutil
from sqlalchemy import insert

from benchmarks.scale import plan
from hpo import storage as storages
from hpo.fleet.supervisor.worker_exit import dead_holders
from hpo.optuna_internals import ATTEMPT, POSITION, SLOT
from hpo.storage import Storage, schema, studies, worker_registry
from hpo.storage.connection_turns import _LEFT
from hpo.storage.renewal import renew
from hpo.storage.slots import slot_trials
from hpo.storage.slots.dispatch import held as held_now
from hpo.storage.slots.dispatch import offers
from hpo.storage.slots.openings import news
from hpo.storage.slots.recovery import recover, recover_all
from hpo.storage.slots.slots import Slots

__all__ = ["print_costs"]

_STUDY = "costs"
_LEASE = 3600.0  # seconds
_LONG, _MOST = 0.4, 1000  # seconds on the server's processor, and calls, that a step is measured for


def print_costs(url: str, workers: int) -> None:
    """So many workers hold a slot each, with a RUNNING trial, in a study of a hundred times as many."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = storages.open(url)
    studies.create_or_resume(storage, plan(_STUDY))
    slots = Slots(storage)
    slots.open(_STUDY, 100 * workers)
    study = storage.rdb.get_study_id_from_name(_STUDY)
    held = []
    for number in range(workers):
        slot = slots.claim(_STUDY, f"node{number}:1:1:virtual", _LEASE)
        assert slot is not None
        held.append((slot, _trial(storage, study, slot)))
        said = {"name": slot.worker, "host": "virtual", "machine": slot.worker, "pid": 1, "program": "1"}
        times = {"started_at": 0.0, "beaten_at": 0.0, "lease_expires_at": time.time() + _LEASE}
        with storage.write() as connection:
            connection.execute(insert(schema.workers).values({**said, **times}))
    slot, _ = held[0]
    worker = str(slot.worker)
    said = worker_registry.said(doing="", refuses={}, threads=1)
    taken: list[Any] = []
    made: list[int] = []

    def settle() -> None:
        slots.settle(taken.pop(), "complete", 0.5, params={"x": 0.25}, trial_number=1)

    def nothing() -> None:
        with storage.read() as connection:
            connection.exec_driver_sql("SELECT 1")

    def left() -> None:
        with storage.read() as connection:
            connection.exec_driver_sql(_LEFT)

    steps: dict[str, Callable[[], object]] = {
        "an exchange": nothing,
        "ask for news": lambda: news(storage),
        "the same, to drain": lambda: news(storage, only=(_STUDY,), settled=True),
        "look at what is on offer": lambda: offers(storage, slots),
        "count who is at which study": lambda: held_now(storage, slots),
        "claim": lambda: taken.append(slots.claim(_STUDY, worker, _LEASE)),
        "make Optuna's trial": lambda: made.append(_trial(storage, study, slot)),
        "renew slot and roster": lambda: renew(storage, worker, _LEASE, said=said, slot=slot),
        "settle": settle,
        "tell Optuna": lambda: slot_trials.tell(storage, made.pop(), "complete", 0.5),
        "read what runs, before a draw": lambda: storage.optuna.get_all_trials(study, deepcopy=False),
        "connections that are left": left,
        "who holds slots (supervisor)": lambda: dead_holders(storage),
        "recover a study": lambda: recover(storage, _STUDY),
        "recover all (supervisor)": lambda: recover_all(storage),
    }
    print(f"{workers} slots in hand, {100 * workers} in the study; milliseconds of the server's processor a call:")
    for words, step in steps.items():
        these = {"settle": taken, "tell Optuna": made}.get(words)  # each once
        seconds = _processor(storage, step, None if these is None else len(these))
        print(f"  {words:>30}: {1000 * seconds:8.3f}", flush=True)
    storage.close()


def _trial(storage: Storage, study: int, slot: Any) -> int:
    attributes: dict[str, Any] = {SLOT: slot.id, ATTEMPT: slot.attempt, POSITION: slot.position}
    running = optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING, system_attrs=attributes)
    made: int = storage.rdb.create_new_trial(study, running)
    return made


def _processor(storage: Storage, step: Callable[[], object], number: int | None) -> float:
    """Seconds of the server's processor that a call takes, of all this program's sessions; `number`: of so many."""
    with storage.read() as connection:
        query = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
        sessions = [psutil.Process(pid) for pid in connection.exec_driver_sql(query).scalars()]

    def spent() -> float:
        return sum(each.cpu_times().user + each.cpu_times().system for each in sessions)

    began, calls = spent(), 0
    while calls < number if number is not None else calls < _MOST and (calls % 20 or spent() - began < _LONG):
        step()
        calls += 1
    return (spent() - began) / calls
