"""What tpe finds where it sees a window of a study beside what it finds where it sees all of it.

    python -m benchmarks.window [--trials 2000] [--windows 250 500 1000] [--seeds 4] [--tasks ackley rosenbrock]
                                [--file FILE]

Two tasks with a known optimum of 0, and parts that have no order: Ackley's function of eight numbers, whose centre is
where one of four words says, with the penalty of another; Rosenbrock's of six, of which one word out of three turns the
coordinates around and a number counts only with another word. The values are told at once, so that it is the draws
alone that differ. While no more trials are finished than a window has, the draws are those of the whole history, number
for number; so a side is compared from there on. With `--file` what is done stands there, a line a search, and is not
done again.
"""

import argparse
import itertools
import json
import math
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from hpo.optuna_internals import study_id
from hpo.search import Window, WindowedSampler, make_sampler, suggest
from hpo.search.trial_window import KeptTrials
from hpo.study import Categorical, Float, ParamValue, Space

WHOLE = 0  # the window that has everything
SHIFTS = {"a": 0.31, "b": -1.7, "c": 2.4, "d": 0.9}
PENALTIES = {"none": 0.0, "some": 0.4, "more": 1.5}

ACKLEY = Space(
    name="ackley",
    params={
        **{f"x{number}": Float(low=-5.0, high=5.0) for number in range(8)},
        "centre": Categorical(choices=tuple(SHIFTS)),
        "penalty": Categorical(choices=tuple(PENALTIES)),
    },
)
ROSENBROCK = Space(
    name="rosenbrock",
    params={
        **{f"x{number}": Float(low=-2.0, high=2.0) for number in range(6)},
        "order": Categorical(choices=("forward", "backward", "mixed")),
        "rule": Categorical(choices=("plain", "scaled")),
        "scale": Float(low=1e-2, high=1e2, log=True, when={"rule": ("scaled",)}),
    },
)


def ackley(params: Mapping[str, Any]) -> float:
    """Ackley's function about a point that the word says."""
    shift = SHIFTS[params["centre"]]
    x = [params[f"x{number}"] - shift * (1 if number % 2 else -1) for number in range(8)]
    far = -20 * math.exp(-0.2 * math.sqrt(sum(each * each for each in x) / 8))
    waves = -math.exp(sum(math.cos(2 * math.pi * each) for each in x) / 8)
    return far + waves + 20 + math.e + PENALTIES[params["penalty"]]


def rosenbrock(params: Mapping[str, Any]) -> float:
    """Rosenbrock's function of the coordinates in some order, on a logarithmic scale; the optimum is 1 everywhere."""
    x = [params[f"x{number}"] for number in range(6)]
    x = {"forward": x, "backward": x[::-1], "mixed": x[::2] + x[1::2]}[params["order"]]
    value = sum(100 * (after - before * before) ** 2 + (1 - before) ** 2 for before, after in itertools.pairwise(x))
    value += {"forward": 0.0, "backward": 3.0, "mixed": 8.0}[params["order"]]
    value *= 1 + abs(math.log10(params["scale"])) / 4 if params["rule"] == "scaled" else 1.25
    return math.log1p(value)


TASKS: Mapping[str, tuple[Space, Callable[[Mapping[str, ParamValue]], float]]] = {
    "ackley": (ACKLEY, ackley),
    "rosenbrock": (ROSENBROCK, rosenbrock),
}


class Shown(InMemoryStorage):
    """Trials in memory, of which a window is shown."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self._kept = KeptTrials(window, [False])
        self._seen = 0

    def get_all_trials(self, study_id: int, deepcopy: bool = True, states: Any = None) -> list[FrozenTrial]:
        """Those of the window."""
        every = super().get_all_trials(study_id, deepcopy=False)
        self._kept.add([every[each.number] for each in self._kept.unfinished] + every[self._seen :])
        self._seen = len(every)
        return self._kept.whole(states)


def search(task: str, window: int, seed: int, *, trials: int) -> dict[str, Any]:
    """One search: the best value so far after each hundred trials, and what it took."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space, function = TASKS[task]
    storage = InMemoryStorage() if window == WHOLE else Shown(Window(trials=window))
    study = optuna.create_study(storage=storage, sampler=make_sampler("tpe", space=space, seed=seed))
    if window != WHOLE:
        study.sampler = WindowedSampler(study.sampler, study)
    best, course, began = math.inf, [], time.process_time()
    for number in range(trials):
        trial = study.ask()
        value = function(suggest(space, trial))
        study._storage.set_trial_state_values(trial._trial_id, TrialState.COMPLETE, [value])
        best = min(best, value)
        if not (number + 1) % 100:
            course.append(best)
    assert study_id(study) == 0
    return {"task": task, "window": window, "seed": seed, "course": course, "seconds": time.process_time() - began}


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--windows", type=int, nargs="+", default=[250, 500, 1000])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--file", type=Path, help="where to keep what is done")
    wanted = parser.parse_args()
    done = _read(wanted.file)
    todo = [
        (task, window, seed)
        for seed in range(wanted.seeds)
        for task in wanted.tasks
        for window in (WHOLE, *wanted.windows)
        if (task, window, seed) not in done
    ]
    with ProcessPoolExecutor(wanted.processes) as pool:
        for found in pool.map(partial(_search, trials=wanted.trials), todo):
            done[found["task"], found["window"], found["seed"]] = found
            if wanted.file is not None:
                with wanted.file.open("a") as lines:
                    lines.write(json.dumps(found) + "\n")
    show(list(done.values()), wanted.trials)


def _search(which: tuple[str, int, int], *, trials: int) -> dict[str, Any]:
    return search(*which, trials=trials)


def _read(file: Path | None) -> dict[tuple[str, int, int], dict[str, Any]]:
    if file is None or not file.exists():
        return {}
    lines = (json.loads(line) for line in file.read_text().splitlines())
    return {(each["task"], each["window"], each["seed"]): each for each in lines}


def show(found: list[dict[str, Any]], trials: int) -> None:
    """A line for each side: the mean of the best values, and in how many seeds it ended better than the whole."""
    places = [place for place in (500, 1000, 1500, 2000, 3000, 5000) if place <= trials]
    print(f"{'task':>11} {'window':>7}", *(f"{f'at {place}':>9}" for place in places), "  better  seconds a search")
    for task in dict.fromkeys(each["task"] for each in found):
        whole = {each["seed"]: each for each in found if each["task"] == task and each["window"] == WHOLE}
        for window in sorted({each["window"] for each in found if each["task"] == task}):
            its = [each for each in found if each["task"] == task and each["window"] == window]
            means = [statistics.mean(each["course"][place // 100 - 1] for each in its) for place in places]
            better = sum(
                each["course"][-1] < whole[each["seed"]]["course"][-1] for each in its if each["seed"] in whole
            )
            print(
                f"{task:>11} {window or 'all':>7}",
                *(f"{mean:>9.4f}" for mean in means),
                f"{better:>4} of {len(its)}" if window else " " * 9,
                f"{statistics.mean(each['seconds'] for each in its):>8.0f}",
            )


if __name__ == "__main__":
    main()
