"""What a trial costs a worker of a study that has many trials already, its memory, and a promotion.

    python -m benchmarks.history [--trials 100 1000 10000 100000] [--each 60] [--sampler tpe] [--pruner asha]
                                 [--window 1000] [--storage URL]
    python -m benchmarks.history --promotion [--trials 1000 10000 100000]

Each study is filled a table at a time with trials of eight parameters and four reports each. Then a worker, in a fresh
process, takes `--each` trials of it by the loop that every worker has, with an objective that reports four values and
is over at once. Its first trial, for which it looks at the study as a whole, stands by itself. The server is this
program's own with PostgreSQL's default settings, unless there is `--storage`, which must be an empty database.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import String, cast, func, update

from benchmarks.filled import fill
from benchmarks.scale import plan, server
from hpo import storage as storages
from hpo.storage import Storage, schema, studies
from hpo.storage.slots.promotion import promote
from hpo.storage.slots.slots import Configuration, Slots
from hpo.study import Categorical, Fidelity, Float, Holdout, Space, StudyDefinition
from hpo.study.rungs import climb

REPORTS = 4  # of a trial


def _never(*_: object) -> Any:
    raise AssertionError("nothing is trained here")


study = StudyDefinition(
    name="history",
    title="eight parameters",
    data=_never,
    build=_never,
    metric="mae",
    direction="minimize",
    spaces=(
        Space(
            name="eight",
            params={
                **{f"x{number}": Float(low=0.0, high=1.0) for number in range(6)},
                "rate": Float(low=1e-5, high=1.0, log=True),
                "kind": Categorical(choices=("a", "b", "c")),
            },
        ),
    ),
    evaluation=Holdout(rows=1),
    fidelities=(Fidelity(name="quick", epochs=REPORTS), Fidelity(name="full", epochs=REPORTS * 3)),
)

STEPS = ("claim", "sample", "objective", "settle", "tell")


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 1000, 10_000, 100_000])
    parser.add_argument("--each", type=int, default=60, help="trials a worker takes of each study")
    parser.add_argument("--sampler", default="tpe")
    parser.add_argument("--pruner", default="asha")
    parser.add_argument("--window", help="HPO_TRIAL_WINDOW of the worker")
    parser.add_argument("--storage", help="an empty database instead of a server of its own")
    parser.add_argument("--promotion", action="store_true", help="what a promotion takes instead")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.worker:
        worker(wanted.storage, wanted.worker, wanted.each)
        return
    with contextlib.ExitStack() as stack:
        url = wanted.storage or stack.enter_context(server())
        with contextlib.closing(storages.prepare(url)) as storage:
            if wanted.promotion:
                for trials in wanted.trials:
                    promotions(storage, trials)
            else:
                histories(storage, wanted)


def histories(storage: Storage, wanted: argparse.Namespace) -> None:
    """One study after another, and a worker at each."""
    space = study.space()
    print(f"{'trials':>8} {'first':>7} {'trial':>7} {'processor':>9}", *(f"{s:>9}" for s in STEPS), " memory")
    found: dict[int, float] = {}
    for trials in wanted.trials:
        name = f"history-{trials}"
        asked = replace(
            plan(name),
            reference=f"{Path(__file__).resolve()}:study",
            definition="history",
            space="eight",
            fingerprint=space.fingerprint,
            metric="mae",
            sampler=wanted.sampler,
            pruner=wanted.pruner,
        )
        studies.create_or_resume(storage, asked)
        fill(storage, name, trials, space=space, reports=REPORTS, more=wanted.each)
        command = [sys.executable, "-m", "benchmarks.history", "--worker", name, "--storage", storage.url]
        env = {**os.environ, **({"HPO_TRIAL_WINDOW": wanted.window} if wanted.window else {})}
        said = subprocess.run(
            [*command, "--each", str(wanted.each)], check=True, capture_output=True, text=True, env=env
        ).stdout
        told = json.loads(said.splitlines()[-1])
        steps = " ".join(f"{1000 * told[step]:>9.1f}" for step in STEPS)
        found[trials] = told["trial"]
        print(
            f"{trials:>8,} {1000 * told['first']:>7.0f} {1000 * told['trial']:>7.1f} {1000 * told['processor']:>9.1f} "
            f"{steps} {told['memory'] / 2**20:>4.0f} MB",
            flush=True,
        )
    first, last = min(found, key=lambda trials: abs(trials - 1000)), max(found)
    print(f"a trial after {last:,} takes {found[last] / found[first]:.2f} times one after {first:,}; median ms")


def worker(url: str, name: str, each: int) -> None:
    """Take so many trials and print what they took."""
    import optuna
    import psutil

    from hpo.fleet.worker.presence import Step, Watcher
    from hpo.fleet.worker.work_loop import Server
    from hpo.storage.slots.slot import Slot

    taken: list[list[float]] = []
    processor: list[float] = []

    class Noted(Watcher):
        def step(self, step: Step, slot: Slot) -> None:
            if step == "claimed":
                taken.append([ended[0], time.perf_counter()])
            elif step in ("created", "trained", "settled", "told"):
                taken[-1].append(time.perf_counter())
            elif step == "free":
                ended[0] = time.perf_counter()
                processor.append(time.process_time())

    def objective(_beat: object) -> Any:
        def run(trial: optuna.Trial) -> float:
            space = study.space()
            value = sum(
                trial.suggest_float(each, domain.low, domain.high, log=domain.log)
                for each, domain in space.params.items()
                if isinstance(domain, Float)
            )
            trial.suggest_categorical("kind", ("a", "b", "c"))
            for step in range(1, REPORTS + 1):
                trial.report(value, step)
                trial.should_prune()
            return value

        return run

    ended = [time.perf_counter()]
    with contextlib.closing(storages.open(url)) as storage:
        assert Server(storage, name, objective, watcher=Noted()).run()
    assert len(taken) == each
    parts = list(zip(*([after - before for before, after in pairwise(one)] for one in taken[1:]), strict=True))
    told = {step: statistics.median(part) for step, part in zip(STEPS, parts, strict=True)}
    told["first"] = taken[0][-1] - taken[0][0]
    told["trial"] = statistics.median(one[-1] - one[0] for one in taken[1:])
    told["processor"] = statistics.median(after - before for before, after in pairwise(processor))
    told["memory"] = psutil.Process().memory_info().rss
    print(json.dumps(told))


def promotions(storage: Storage, trials: int, times: int = 20) -> None:
    """What `promote` takes after a trial where half of the first rung is settled; some of them fill a slot."""
    name = f"promotion-{trials}"
    names = ("quick", "full")
    studies.create_or_resume(storage, replace(plan(name), rungs=",".join(names)))
    rungs = climb(names, 2 * trials, prior=False)
    slots = Slots(storage)
    slots.open_rungs(name, rungs, first=[Configuration(params={"x": 0.5}, digest="hand")])
    _settle_half(storage, name, trials, due=rungs[1].slots // 2)
    took = []
    for number in range(times):
        slot = slots.claim(name, "bench", 60)
        assert slot is not None
        if slot.digest is None:
            slots.reserve(slot, f"new-{number}")
        slots.settle(slot, "complete", 0.1 + number, params={"x": 0.5})
        start = time.perf_counter()
        promote(storage, name)
        took.append(time.perf_counter() - start)
    print(f"{trials:>8,} settled of {2 * trials:,}: a promotion's look takes {1000 * statistics.median(took):.2f} ms")
    studies.delete(storage, name, force=True)


def _settle_half(storage: Storage, name: str, trials: int, *, due: int) -> None:
    """Settle the first slots of the first rung, and what is due of the next one as if it had been promoted."""
    slot = schema.slots
    mine = slot.c.study_id == schema.id_of(name)
    digest = func.concat("digest-", cast(slot.c.position, String))
    settled: dict[str, Any] = {"state": "settled", "outcome": "complete", "digest": digest}
    for rung, until in ((0, trials), (1, due)):
        for first in range(0, until, 1000):  # few at a time: one row counts them all
            which = (mine, slot.c.rung == rung, slot.c.position.between(first, min(first + 1000, until) - 1))
            values = {**settled, "value": 1.0 * slot.c.position, "promoted_at": 1.0 if rung == 0 else None}
            with storage.write() as connection:
                connection.execute(update(slot).where(*which).values(values))
    with storage.write() as connection:  # what is not on the next rung has not climbed
        connection.execute(update(slot).where(mine, slot.c.rung == 0, slot.c.position >= due).values(promoted_at=None))


if __name__ == "__main__":
    main()
