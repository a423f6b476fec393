"""A study of one line, and objectives that need no TensorFlow: what the tests of workers and supervisors run.

Each function below `study` is a factory, `beat -> objective`, and is named by `toy.py:NAME` in a request.
"""

import asyncio
import ctypes
import os
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import optuna
from optuna.trial import FrozenTrial, TrialState

import hpo
from hpo import storage
from hpo.optuna_internals import RUNG_COMPLETE
from hpo.storage.slots.promotion import NOTHING_LEFT
from hpo.storage.slots.slots import Slots
from hpo.study import Baseline, Categorical, Fidelity, Float, Holdout, Space, StudyDefinition

Objective = Callable[[optuna.Trial], float]

FILE = str(Path(__file__).resolve())


def _never(*_: object) -> NoReturn:
    raise AssertionError("a toy trains nothing")


study = StudyDefinition(
    name="toy",
    title="a parabola",
    data=_never,
    build=_never,
    metric="accuracy",
    direction="maximize",
    spaces=(Space(name="line", params={"x": Float(low=0.0, high=1.0), "kind": Categorical(choices=("a", "b"))}),),
    evaluation=Holdout(rows=1),
    fidelities=(Fidelity(name="quick", epochs=9, rows=1), Fidelity(name="glance", epochs=1)),
    baselines=(Baseline(name="middle", title="the middle", params={"x": 0.5, "kind": "a"}),),
)


def unsound(url: str, name: str, *, trials: int, failed: int = 0) -> list[str]:
    """What is wrong with a study that ought to be finished; empty where nothing is."""
    opened = storage.open(url)
    try:
        slots = Slots(opened).list(name)
        told = optuna.load_study(study_name=name, storage=opened.optuna).get_trials(deepcopy=False)
    finally:
        opened.close()
    wrong = [f"slot {s.position} is {s.state}" for s in slots if s.state != "settled"]
    outcomes = Counter(slot.outcome for slot in slots)
    if len(slots) != trials or outcomes["failed"] != failed:
        wrong.append(f"{len(slots)} slots, {dict(outcomes)}")
    wrong += [f"trial {t.number} is {t.state.name}" for t in told if not t.state.is_finished()]
    results = defaultdict(list)
    for trial in told:
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED):
            results[trial.system_attrs["hpo:slot"]].append(trial)
    for slot in slots:
        if slot.outcome == "failed" or slot.reason == NOTHING_LEFT:
            continue
        mine = results.pop(slot.id, [])
        if len(mine) != 1:
            wrong.append(f"slot {slot.position} has {len(mine)} results in Optuna")
        elif (_outcome(mine[0]), mine[0].value, mine[0].number) != (slot.outcome, slot.value, slot.trial_number):
            wrong.append(f"slot {slot.position} says {slot.outcome} {slot.value}, its trial {mine[0]}")
    return wrong + [f"a result of no slot: {results}"] * bool(results)


def _outcome(trial: FrozenTrial) -> str:
    """As its slot has it: what is complete on a lower rung is pruned to Optuna."""
    return "complete" if trial.state == TrialState.COMPLETE or RUNG_COMPLETE in trial.system_attrs else "pruned"


def height(trial: optuna.Trial) -> float:
    """What is searched for: 1.0 at x = 0.3, kind b."""
    x = trial.suggest_float("x", 0.0, 1.0)
    kind = trial.suggest_categorical("kind", ("a", "b"))
    return 1.0 - (x - 0.3) ** 2 - (0.1 if kind == "a" else 0.0)


def instant(beat: Callable[[], None]) -> Objective:
    """No work at all."""
    return height


def epochs(beat: Callable[[], None]) -> Objective:
    """Nine epochs of 30 ms with a report each; bad ones are pruned."""

    def run(trial: optuna.Trial) -> float:
        value = height(trial)
        for epoch in range(1, 10):
            time.sleep(0.03)
            beat()
            trial.report(value * epoch / 9, epoch)
            if epoch < 9 and trial.should_prune():
                raise optuna.TrialPruned(f"pruned after epoch {epoch}")
        return value

    return run


def naps(beat: Callable[[], None]) -> Objective:
    """Eight epochs of together TOY_SECONDS (2) with a report each; of kind a, every other one comes out as pruned."""
    seconds = float(os.environ.get("TOY_SECONDS", "2"))

    def run(trial: optuna.Trial) -> float:
        value = height(trial)
        for epoch in range(1, 9):
            time.sleep(seconds / 8)
            beat()
            trial.report(value * epoch / 8, epoch)
        if trial.params["kind"] == "a" and int(trial.params["x"] * 1000) % 2:
            raise optuna.TrialPruned("of an odd kind")
        return value

    return run


def nap(trial: optuna.Trial) -> float:
    """The same as a plain Optuna objective: nobody gives it a beat."""
    return naps(lambda: None)(trial)


def waits(trial: optuna.Trial) -> float:
    """A plain objective that ends when the file `go` appears in the working folder."""
    value = height(trial)
    while not Path("go").exists():
        time.sleep(0.05)
    return value


@hpo.tunable(direction="maximize", name="naps", baselines={"middle": {"x": 0.5, "kind": "a"}}, seeds=True)
def seeded_nap(trial: optuna.Trial) -> float:
    """As it does that has seeds, and so is confirmed."""
    trial.set_user_attr("seed used", hpo.seed(trial))
    return nap(trial)


def held(beat: Callable[[], None]) -> Objective:
    """Ends when the file `go` appears in the working folder; says that it began, and `ended`, with files."""

    def run(trial: optuna.Trial) -> float:
        value = height(trial)
        Path(f"began-{os.getpid()}-{trial.number}").touch()
        while not Path("go").exists():
            time.sleep(0.01)
            beat()
        Path("ended").touch()
        return value

    return run


def reports(beat: Callable[[], None]) -> Objective:
    """As `held`, with a report every now and then."""

    def run(trial: optuna.Trial) -> float:
        value = height(trial)
        Path(f"began-{os.getpid()}-{trial.number}").touch()
        step = 0
        while not Path("go").exists():
            time.sleep(0.05)
            beat()
            step += 1
            trial.report(value, step)
        return value

    return run


def sleeps(beat: Callable[[], None]) -> Objective:
    """Every trial is an hour inside one call, as a compiled epoch may be; says that it began."""

    def run(trial: optuna.Trial) -> float:
        value = height(trial)
        Path(f"began-{os.getpid()}-{trial.number}").touch()
        time.sleep(3600)
        return value

    return run


def clutches(beat: Callable[[], None]) -> Objective:
    """The baseline's trial holds the interpreter's lock for an hour; the others are instant."""

    def run(trial: optuna.Trial) -> float:
        value = height(trial)
        if trial.params["x"] == 0.5:
            Path(f"began-{os.getpid()}-{trial.number}").touch()
            ctypes.PyDLL(None).sleep(3600)  # PyDLL keeps the lock while it calls
        return value

    return run


def dies(beat: Callable[[], None]) -> Objective:
    """The process of the baseline's trial dies each time; the others are instant."""

    def run(trial: optuna.Trial) -> float:
        value = height(trial)
        if trial.params["x"] == 0.5:
            os.kill(os.getpid(), signal.SIGKILL)
        return value

    return run


def quits(beat: Callable[[], None]) -> Objective:
    """At x of 0.1, 0.2 and 0.3 its process ends itself as if that were in order; the others are instant."""
    ways = {0.1: lambda: os._exit(0), 0.2: lambda: os._exit(80), 0.3: lambda: os.kill(os.getpid(), signal.SIGTERM)}

    def run(trial: optuna.Trial) -> float:
        value = height(trial)
        if trial.params["x"] in ways:
            ways[trial.params["x"]]()
            time.sleep(60)
        return value

    return run


def raises(beat: Callable[[], None]) -> Objective:
    """Each trial raises another exception: ones that are no Exception, and one whose text cannot be read."""

    class MuteError(Exception):
        def __str__(self) -> str:
            raise KeyboardInterrupt

    all_of_them = [KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError(), SystemExit(0), MuteError()]

    def run(trial: optuna.Trial) -> float:
        height(trial)
        raise all_of_them[trial.number]

    return run


def asks(beat: Callable[[], None]) -> Objective:
    """Each trial asks whoever sits there."""

    def run(trial: optuna.Trial) -> float:
        return float(input("a number, please: "))

    return run


def no_load(beat: Callable[[], None]) -> NoReturn:
    """The worker ends as it loads the study, as if that were in order."""
    os._exit(0)


def wrong(beat: Callable[[], None]) -> Objective:
    """Every trial fails by its own fault."""

    def run(trial: optuna.Trial) -> float:
        height(trial)
        raise ZeroDivisionError("no such luck")

    return run


def exhausts(beat: Callable[[], None]) -> Objective:
    """The first try of the baseline runs out of memory."""

    def run(trial: optuna.Trial) -> float:
        value = height(trial)
        if trial.params["x"] == 0.5 and not Path("tried").exists():
            Path("tried").touch()
            raise MemoryError
        return value

    return run


def grows(beat: Callable[[], None]) -> Objective:
    """Holds 40 MB more after each trial, and writes down which process ran it."""
    kept: list[bytes] = []

    def run(trial: optuna.Trial) -> float:
        kept.append(b"x" * 40_000_000)
        with Path("processes").open("a") as file:
            file.write(f"{os.getpid()}\n")
        return height(trial)

    return run


def no_start(beat: Callable[[], None]) -> Objective:
    """The worker dies before it can take a trial, saying why on its standard error."""
    os.write(2, b"the library of that name was built for another machine\n")
    os._exit(3)
