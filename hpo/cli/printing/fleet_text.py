"""The workers of a fleet: what is said of them."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpo.cli.printing.console import ago, duration, table, tell
from hpo.cli.printing.phrases import count

if TYPE_CHECKING:
    from hpo.storage.queries.active_workers import FleetWorker, Serving

__all__ = ["show_serving", "show_workers"]


def show_workers(workers: "Sequence[FleetWorker]", study: str | None = None) -> None:
    """A row a worker, and what some of them cannot serve: of one study, or of all."""
    if not workers:
        tell("no worker is there: hpo worker starts some, on any machine that reaches the storage")
        return
    headings = ["worker", "trains on", "for", "doing", "last seen"]
    rows = [
        [
            f"{worker.host}:{worker.pid}",
            _device(worker),
            duration(ago(worker.started_at)),
            _doing(worker),
            _seen(worker),
        ]
        for worker in workers
    ]
    table(headings, rows)
    refusals = Counter(
        (name, why) for worker in workers for name, why in worker.refuses.items() if study in (None, name)
    )
    for (name, why), number in sorted(refusals.items()):
        tell(f"{count(number, 'worker')} cannot serve {name}: {why}")


def show_serving(serving: "Serving") -> None:
    """How many workers there are to serve a study, and why others would not."""
    if serving.ready:
        are = "is" if len(serving.ready) == 1 else "are"
        tell(f"{count(len(serving.ready), 'worker')} {are} there to serve it")
    else:
        tell("no worker is there to serve it yet: hpo worker starts some, on any machine that reaches the storage")
    for why, number in sorted(Counter(serving.refusing.values()).items()):
        tell(f"{count(number, 'worker')} cannot serve it: {why}")


def _device(worker: "FleetWorker") -> str:
    if worker.gpu is not None:
        return worker.gpu_name or worker.gpu
    return "-" if worker.threads is None else count(worker.threads, "thread")


def _doing(worker: "FleetWorker") -> str:
    hand = worker.running_trial
    if hand is None:
        only = "" if worker.study is None else f"{worker.study} alone"
        return worker.doing or only or "-"
    trial = "a trial" if hand.trial is None else f"trial {hand.trial}"
    return f"{hand.study} {trial} for {duration(ago(hand.since))}"


def _seen(worker: "FleetWorker") -> str:
    silent = duration(worker.seconds_silent)
    return f"{silent} ago" if worker.alive else f"{silent} ago: dead"
