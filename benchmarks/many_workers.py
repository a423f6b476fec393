"""A thousand workers on one PostgreSQL server: what it does for them, and where it ends.

    python -m benchmarks.many_workers [--trial 60 20 10 5] [--pgbouncer]     slots a second, by the length of a trial
    python -m benchmarks.many_workers --restart [--pgbouncer]                every worker killed and started anew
    python -m benchmarks.many_workers --waiting                              what workers cost that wait for work
    python -m benchmarks.many_workers --costs                                what each step costs the server's processor

The workers are simulated (benchmarks/virtual_workers.py), many in a process; what they send to the server is what real
ones send. The server has its default settings but for the number of connections, and shares this machine with the
simulation, which takes as much of it as the server does. `--told`: each trial is made and told in Optuna's tables, too.
"""

import argparse
import contextlib
import multiprocessing
import os
import selectors
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil
import psycopg

from benchmarks.loaded_server import LoadedServer, Usage, loaded_server
from benchmarks.scale import plan
from benchmarks.step_costs import print_costs
from benchmarks.virtual_workers import Part, Seen, simulate
from hpo import storage as storages
from hpo.storage import studies
from hpo.storage.slots.slots import Slots
from hpo.storage.studies.halting import stop

STUDY = "many"
FOREVER = 10_000_000.0  # seconds
STARTING = 15.0  # seconds for the processes to start


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--supervisors", type=int, help="that they have; as many as workers unless given")
    parser.add_argument("--processes", type=int, default=4, help="that simulate them")
    parser.add_argument("--threads", type=int, default=25, help="of each that talk to the server at once")
    parser.add_argument("--trial", type=float, nargs="+", default=[60, 20, 10, 5], help="mean seconds of a trial")
    parser.add_argument("--seconds", type=float, default=60, help="measured, after all have started")
    parser.add_argument("--ramp", type=float, default=30, help="seconds over which they start")
    parser.add_argument("--lease", type=float, default=60)
    parser.add_argument("--pgbouncer", action="store_true", help="through PgBouncer in transaction mode")
    parser.add_argument("--sessions", type=int, default=20, help="that PgBouncer has at the server")
    parser.add_argument("--told", action="store_true", help="make and tell Optuna's trials, too")
    parser.add_argument("--restart", action="store_true")
    parser.add_argument("--waiting", action="store_true")
    parser.add_argument("--costs", action="store_true")
    wanted = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended
    wanted.supervisors = wanted.workers if wanted.supervisors is None else wanted.supervisors
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(loaded_server(2 * wanted.workers + 100))
        pooler = None
        if wanted.pgbouncer:
            pooler = stack.enter_context(server.pooled(wanted.sessions, 2 * wanted.workers + 100))
        url = server.create("many")
        storages.prepare(url).close()
        reached = url if pooler is None else pooler.url("many")
        if wanted.costs:
            print_costs(url, wanted.workers)
        elif wanted.waiting:
            waiting(server, url, wanted)
        elif wanted.restart:
            restart(server, url, reached, wanted)
        else:
            for trial in wanted.trial:
                load(server, url, reached, wanted, trial)


def load(server: LoadedServer, url: str, reached: str, wanted: argparse.Namespace, trial: float) -> None:
    """All workers at trials of that length."""
    begin(url, int(2 * wanted.workers * (wanted.ramp + wanted.seconds) / trial) + 2 * wanted.workers)
    with tempfile.TemporaryDirectory() as folder:
        measured_from = time.time() + STARTING + wanted.ramp + min(wanted.ramp, trial)
        parts = divided(reached, wanted, trial, measured_from + wanted.seconds, Path(folder))
        with started(parts) as fleet:
            time.sleep(measured_from - time.time())
            with server.watched() as usage:
                spent = -busy(fleet)
                time.sleep(measured_from + wanted.seconds - 1 - time.time())
                spent += busy(fleet)
            seen = results(fleet)
        settled, doubled = won(Path(folder))
    rate = sum(when >= measured_from for each in seen for when in each.ended) / wanted.seconds
    print(f"\n{wanted.workers} workers, trials of {trial:g} s, {'PgBouncer' if wanted.pgbouncer else 'directly'}:")
    print(f"  {rate:.1f} slots/s of {wanted.workers / trial:.1f} that none would wait for; settled twice: {doubled}")
    tell(seen, usage[0], spent)
    check(url, settled, doubled)
    end(url)


def restart(server: LoadedServer, url: str, reached: str, wanted: argparse.Namespace) -> None:
    """A study served to its end, while every worker is killed and others are started."""
    slots = 3 * wanted.workers
    trial = wanted.trial[0]
    storage = begin(url, slots)
    with tempfile.TemporaryDirectory() as folder, server.watched() as usage:
        began = time.monotonic()
        with started(divided(reached, wanted, trial, time.time() + FOREVER, Path(folder), "a")) as fleet:
            while Slots(storage).counts(STUDY).settled < slots / 3:
                time.sleep(1)
            held = Slots(storage).counts(STUDY).running
            for process, _ in fleet:
                process.kill()
        killed = time.monotonic()
        with started(divided(reached, wanted, trial, time.time() + FOREVER, Path(folder), "b")) as fleet:
            seen = results(fleet)
        ended = time.monotonic()
        settled, doubled = won(Path(folder))
    counts = Slots(storage).counts(STUDY)
    attempts = Counter(slot.attempt for slot in Slots(storage).list(STUDY))
    way = "PgBouncer" if wanted.pgbouncer else "directly"
    print(f"\n{wanted.workers} workers, {slots} slots, {way}:")
    print(f"  all killed after {killed - began:.0f} s with {held} in hand;")
    print(
        f"  as many others settled the rest in {ended - killed:.0f} s: {counts.complete} of {counts.target} complete,"
    )
    print(f"  {counts.failed} failed as their leases ran out thrice; {settled} noted, {doubled} twice;")
    print(f"  slots by attempts {dict(sorted(attempts.items()))}")
    tell(seen, usage[0], None)
    assert (counts.settled, counts.target) == (slots, slots), "a slot was lost"
    check(url, settled, doubled)
    end(url)


def waiting(server: LoadedServer, url: str, wanted: argparse.Namespace) -> None:
    """Workers with nothing to do while somebody has the last slot in hand; and as many sessions that LISTEN."""
    storage = begin(url, 1)
    assert Slots(storage).claim(STUDY, "somebody", FOREVER) is not None
    for words, every in (("ask for news", None), ("look whenever they ask", 0.0)):
        with tempfile.TemporaryDirectory() as folder:
            until = time.time() + STARTING + 2 * wanted.ramp + wanted.seconds
            quiet = argparse.Namespace(**{**vars(wanted), "supervisors": 0})
            parts = divided(url, quiet, 60, until, Path(folder))
            with started([replace(part, drain=False, look_every=every) for part in parts]) as fleet:
                time.sleep(STARTING + 2 * wanted.ramp)
                with server.watched() as usage:
                    spent = -busy(fleet)
                    time.sleep(wanted.seconds - 1)
                    spent += busy(fleet)
                seen = results(fleet)
        print(f"\n{wanted.workers} workers wait and {words}:")
        tell(seen, usage[0], spent)
    end(url)
    listen(server, url, wanted)


def listen(server: LoadedServer, url: str, wanted: argparse.Namespace) -> None:
    """What as many sessions cost that LISTEN, and a notification to all of them."""
    before = psutil.virtual_memory().available
    there = [psycopg.connect(url, autocommit=True) for _ in range(wanted.workers)]
    for each in there:
        each.execute("LISTEN opened")
    memory = before - psutil.virtual_memory().available
    with server.watched() as idle:
        time.sleep(10)
    times = []
    with selectors.DefaultSelector() as ready, server.watched() as told:
        for each in there:
            ready.register(each.fileno(), selectors.EVENT_READ, each)
        for _ in range(20):
            began = time.perf_counter()
            server_said = psycopg.connect(url, autocommit=True)
            server_said.execute("NOTIFY opened")
            server_said.close()
            left = {id(each) for each in there}
            while left:
                for key, _ in ready.select(10):
                    key.data.execute("SELECT 1")
                    left.discard(id(key.data))
            times.append(time.perf_counter() - began)
    print(f"\n{wanted.workers} sessions LISTEN: {memory / wanted.workers / 1e6:.1f} MB each;")
    print(f"  idle {idle[0]}")
    print(f"  a NOTIFY reaches all, and each answers SELECT 1, in {statistics.median(times):.2f} s;")
    print(f"  {told[0].processor / 20:.2f} s of the server's processor each time")
    for each in there:
        each.close()


def begin(url: str, slots: int) -> storages.Storage:
    """The study, with so many slots."""
    storage = storages.open(url)
    studies.create_or_resume(storage, plan(STUDY))
    Slots(storage).open(STUDY, slots)
    return storage


def end(url: str) -> None:
    """Delete it."""
    storage = storages.open(url)
    stop(storage, STUDY, by="many_workers", now=True)
    studies.delete(storage, STUDY, force=True)
    storage.close()


def divided(
    url: str, wanted: argparse.Namespace, trial: float, ends_at: float, folder: Path, name: str = ""
) -> list[Part]:
    """The workers, a part for each process; they begin in a moment."""
    number = wanted.processes
    shares = [len(range(first, wanted.workers, number)) for first in range(number)]
    return [
        Part(
            url=url,
            study=STUDY,
            name=f"{name}{place}",
            workers=share,
            supervisors=-(-share * wanted.supervisors // wanted.workers),
            begins_at=time.time() + STARTING,
            ramp=wanted.ramp,
            trial=trial,
            lease=wanted.lease,
            ends_at=ends_at,
            threads=wanted.threads,
            told=wanted.told,
            drain=True,
            look_every=None,
            wins=folder / f"{name}{place}",
        )
        for place, share in enumerate(shares)
    ]


@contextlib.contextmanager
def started(parts: list[Part]) -> Iterator[list[tuple[BaseProcess, Connection]]]:
    """Their processes; none is left at the end."""
    context = multiprocessing.get_context("spawn")
    fleet = []
    for part in parts:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=simulate, args=(part, theirs), daemon=True)
        process.start()
        theirs.close()
        fleet.append((process, ours))
    try:
        yield fleet
    finally:
        for process, _ in fleet:
            process.kill()
            process.join()


def results(fleet: list[tuple[BaseProcess, Connection]]) -> list[Seen]:
    """What each process saw, once it is done."""
    return [connection.recv() for _, connection in fleet]


def busy(fleet: list[tuple[BaseProcess, Connection]]) -> float:
    """Seconds on a processor that the simulation took so far."""
    times = [psutil.Process(process.pid).cpu_times() for process, _ in fleet]
    return sum(each.user + each.system for each in times)


def won(folder: Path) -> tuple[int, int]:
    """How many slots somebody was told to have settled, and how many of them twice."""
    ids = Counter(line for file in folder.iterdir() for line in file.read_text().split())
    return len(ids), sum(number > 1 for number in ids.values())


def check(url: str, settled: int, doubled: int) -> None:
    """None was settled twice, and all that somebody was told to have settled are."""
    storage = storages.open(url)
    complete = Slots(storage).counts(STUDY).complete
    storage.close()
    assert not doubled, f"{doubled} slots were settled twice"
    # A process that was killed may have settled one that it could not note any more.
    assert settled <= complete, f"{settled} were settled, but {complete} are"


def tell(seen: list[Seen], usage: Usage, spent: float | None) -> None:
    """Print what they saw and what the server did."""
    for step in sorted({step for each in seen for step in each.seconds}):
        times = [second for each in seen for second in each.seconds.get(step, [])]
        print(f"  {step:>8}: {len(times):>7} calls, {_milliseconds(times)}")
    print(f"  begun after its time: {_milliseconds([second for each in seen for second in each.late])}")
    exchanged = sum((each.exchanges for each in seen), Counter())
    last = max(exchanged, default=0)
    number = sum(exchanged[second] for second in range(last - int(usage.seconds), last))
    print(f"  exchanges with the server: {number / int(usage.seconds):.0f}/s")
    failed = Counter(words for each in seen for words in each.failed)
    if failed:
        print(f"  refused {failed.total()} times: {failed.most_common(2)}")
    print(f"  {usage}")
    if spent is not None:
        print(
            f"  the simulation: {100 * spent / usage.seconds:.0f} % of a core; there are {os.cpu_count()}", flush=True
        )


def _milliseconds(seconds: list[float]) -> str:
    there = sorted(seconds) or [0.0]
    return f"median {1000 * statistics.median(there):.1f} ms, 99 % {1000 * there[int(0.99 * (len(there) - 1))]:.1f} ms"


if __name__ == "__main__":
    main()
