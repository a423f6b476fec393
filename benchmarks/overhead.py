"""What the service costs: an objective that does nothing, and one worker against two.

    python -m benchmarks.overhead            500 trials on SQLite, hpo's slots against a bare study.optimize: of a
                                             definition, and of a plain Optuna objective
    python -m benchmarks.overhead --scale    fcnn trials an hour of two workers over one

Both sides of the first search the same space with the same sampler in this process, each on a fresh SQLite file, in
turn; the ratio is the median over the pairs. The second runs the same configurations from the command line, unpruned.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.sides.hpo import finished_trials
from benchmarks.throughput import configurations
from hpo import storage as storages
from hpo.experiments.search_plan import Request
from hpo.experiments.search_run import optimize
from hpo.fleet.worker.work_loop import Server
from hpo.storage import studies
from hpo.storage.slots.slots import Slots
from hpo.study import Space
from hpo.study.registry import load


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--samplers", nargs="+", default=["random", "tpe"])
    parser.add_argument("--scale", action="store_true", help="two workers against one instead")
    parser.add_argument("--count", type=int, default=40, help="fcnn trials with --scale")
    arguments = parser.parse_args()
    if arguments.scale:
        _scale(arguments.count)
        return
    for sampler in arguments.samplers:
        for kind, side in (("definition", _definition), ("objective", _objective)):
            runs = [(side(sampler, arguments.trials), _bare(sampler, arguments.trials)) for _ in range(arguments.pairs)]
            ours, bare = (statistics.median(side) for side in zip(*runs, strict=True))
            ratio = statistics.median(a / b for a, b in runs)
            print(
                f"{sampler:8} {arguments.trials} trials of a{'n' * (kind[0] == 'o')} {kind:10}: "
                f"slots {ours:6.2f} s, bare {bare:6.2f} s, ratio {ratio:.2f}"
            )


def _value(space: Space, trial: Any) -> float:
    from hpo.search import suggest

    suggest(space, trial)
    return 0.0


_SPACE = load("fcnn").space()  # once: to look for a definition takes longer than a trial


def nothing(trial: Any) -> float:
    """An Optuna objective of the same parameters."""
    return _value(_SPACE, trial)


def _objective(sampler: str, trials: int) -> float:
    """Seconds of `trials` slots of an Optuna objective, served in this process."""
    with tempfile.TemporaryDirectory() as folder:
        request = Request(
            definition=f"{__spec__.name}:nothing",
            trials=trials,
            storage=f"sqlite:///{folder}/ours.db",
            sampler=sampler,
            pruner="none",
            directions=("minimize",),
            seed=1,
            here=True,
        )
        start = time.perf_counter()
        done = optimize(request)
        seconds = time.perf_counter() - start
        assert done.complete == trials
    return seconds


def _definition(sampler: str, trials: int) -> float:
    """Seconds of `trials` slots of a definition, whose objective does nothing, served in this process."""
    definition = load("fcnn")
    space = definition.space()
    with tempfile.TemporaryDirectory() as folder:
        storage = storages.prepare(f"sqlite:///{folder}/ours.db")
        plan = studies.StudyPlan(
            name="nothing",
            reference="fcnn",
            definition="fcnn",
            space=space.name,
            fingerprint=space.fingerprint,
            fidelity="quick",
            direction="minimize",
            metric="mae",
            seed=1,
            sampler=sampler,
            pruner="none",
        )
        start = time.perf_counter()
        studies.create_or_resume(storage, plan)
        Slots(storage).open("nothing", trials)
        Server(storage, "nothing", lambda beat: lambda trial: _value(space, trial)).run()  # noqa: ARG005
        seconds = time.perf_counter() - start
        assert Slots(storage).counts("nothing").complete == trials
    return seconds


def _bare(sampler: str, trials: int) -> float:
    """Seconds of the same trials by Optuna alone."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = load("fcnn").space()
    made: Any = {
        "random": lambda: optuna.samplers.RandomSampler(seed=1),
        "tpe": lambda: optuna.samplers.TPESampler(seed=1, multivariate=True, constant_liar=True),
    }[sampler]()
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        study = optuna.create_study(storage=f"sqlite:///{folder}/bare.db", sampler=made)
        study.optimize(lambda trial: _value(space, trial), n_trials=trials)
        return time.perf_counter() - start


def _scale(count: int) -> None:
    """Trials an hour of two one-thread workers over those of one, first start to last end."""
    rates = {}
    for workers in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            storage = f"sqlite:///{folder}/scale.db"
            wanted = Path(folder) / "try.json"
            wanted.write_text(json.dumps(configurations("fcnn", count, whole_space=True, seed=0)))
            command = [sys.executable, "-m", "hpo", "optimize", "fcnn", "--fidelity", "quick"]
            command += ["--trials", str(count), "--try", str(wanted), "--workers", str(workers), "--prior", "none"]
            command += ["--pruner", "none", "--name", "benchmark", "--storage", storage, "--json"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            starts, ends, _ = zip(*finished_trials(storage), strict=True)
        rates[workers] = 3600 * count / (max(ends) - min(starts))
        print(f"{workers} workers: {rates[workers]:8.0f} fcnn trials an hour")
    print(f"ratio {rates[2] / rates[1]:.2f}")


if __name__ == "__main__":
    main()
