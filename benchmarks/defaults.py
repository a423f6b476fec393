"""Which sampler and which pruner a search should use: each pair on the same task, seed for seed, in one process.

    python -m benchmarks.defaults --definition fcnn --trials 50 --seeds 3
    python -m benchmarks.defaults --definition cnn --samplers tpe,random --pruners asha,none --seconds 900

Every pair searches without the baseline, on the plain objective, and all pairs of one seed are judged on the same
holdout or folds. Told for each pair, as medians over the seeds: the time and the trials until a value as good as the
baseline's, the best value after all trials, and the best value after the time the quickest pair took for all of them.

Time is what a trial takes from being asked for to being told, less compiling: whichever pair runs first would compile
for the others. Trials are kept in a database, so the same command goes on where it was stopped.
"""

import argparse
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import optuna
from optuna.trial import FrozenTrial, TrialState

from hpo.errors import UsageError
from hpo.search import Objective, make_pruner, make_sampler, objective
from hpo.settings import PRUNERS, SAMPLERS
from hpo.study import StudyDefinition, registry
from hpo.training import configure

SECONDS = "benchmark:seconds"  # user attribute of a trial: its time, less compiling


@dataclass(frozen=True, kw_only=True)
class Task:
    """What all pairs search."""

    definition: StudyDefinition
    space: str
    fidelity: str
    trials: int  # of each pair and seed
    seconds: float  # of each pair and seed, at most; inf: no limit
    storage: str  # URL

    def name(self, what: str, seed: int) -> str:
        """Of the Optuna study of one pair, or of the baseline, at one seed."""
        return f"{self.definition.name}-{self.space}-{self.fidelity}-{what}-{seed}"


@dataclass(frozen=True, kw_only=True)
class Step:
    """A search after one more trial."""

    seconds: float  # since it began
    best: float  # value so far; nan: none yet


def run(task: Task, sampler: str, pruner: str, seed: int) -> list[FrozenTrial]:
    """The finished trials of one search, those missing run now."""
    space = task.definition.space(task.space)
    study = optuna.create_study(
        storage=task.storage,
        study_name=task.name(f"{sampler}-{pruner}", seed),
        direction=task.definition.direction,
        load_if_exists=True,
        pruner=make_pruner(pruner, definition=task.definition, fidelity=task.fidelity),
    )
    # Another name after an interruption: the same one would begin with the trials there are.
    begun = len(study.get_trials(deepcopy=False))
    study.sampler = make_sampler(sampler, space=space, seed=seed, worker=str(begun))
    for trial in study.get_trials(states=[TrialState.RUNNING]):
        study.tell(trial.number, state=TrialState.FAIL)
    value_of = objective(task.definition, space=task.space, fidelity=task.fidelity, seed=seed)
    while len(done := finished(study)) < task.trials and sum(seconds(trial) for trial in done) < task.seconds:
        one(study, value_of)
    return done


def one(study: optuna.Study, value_of: Objective) -> None:
    """Ask, train and tell one trial, and note the time it took."""
    begin = time.perf_counter()
    trial = study.ask()
    try:
        value: float | None = value_of(trial)
        state = TrialState.COMPLETE
    except optuna.TrialPruned:
        value, state = None, TrialState.PRUNED
    compiling = trial.user_attrs.get("compile_seconds", 0.0)
    trial.set_user_attr(SECONDS, time.perf_counter() - begin - compiling)
    study.tell(trial, value, state=state)


def baseline(task: Task, seed: int) -> float:
    """The baseline's value at this seed, trained now where it was not yet."""
    study = optuna.create_study(
        storage=task.storage,
        study_name=task.name("baseline", seed),
        direction=task.definition.direction,
        load_if_exists=True,
        pruner=optuna.pruners.NopPruner(),
    )
    if not finished(study):
        study.enqueue_trial(dict(task.definition.baseline().params_in(task.space)))
        one(study, objective(task.definition, space=task.space, fidelity=task.fidelity, seed=seed))
    return study.best_value


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Its complete and pruned trials."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def seconds(trial: FrozenTrial) -> float:
    """What one trial took, less compiling."""
    return float(trial.user_attrs[SECONDS])


def course(trials: list[FrozenTrial], direction: str) -> list[Step]:
    """The best value after each trial; only complete trials have one."""
    better = max if direction == "maximize" else min
    steps: list[Step] = []
    spent, best = 0.0, math.nan
    for trial in trials:
        spent += seconds(trial)
        if trial.state == TrialState.COMPLETE:
            value = float(trial.values[0])
            best = value if math.isnan(best) else better(best, value)
        steps.append(Step(seconds=spent, best=best))
    return steps


def reached(steps: list[Step], target: float, direction: str) -> tuple[float, float]:
    """Seconds and trials until a best value as good as `target`; inf where there is none."""
    sign = 1.0 if direction == "maximize" else -1.0
    for number, step in enumerate(steps, start=1):
        if sign * step.best >= sign * target:
            return step.seconds, number
    return math.inf, math.inf


def best_after(steps: list[Step], limit: float) -> float:
    """The best value within `limit` seconds; nan where no trial was complete by then."""
    within = [step.best for step in steps if step.seconds <= limit]
    return within[-1] if within else math.nan


def rows(courses: dict[str, list[list[Step]]], targets: list[float], direction: str) -> Iterator[list[str]]:
    """One row a pair: what the table tells of it."""
    quickest = min(median(steps[-1].seconds for steps in found) for found in courses.values())
    yield [
        "sampler",
        "pruner",
        "to baseline s",
        "trials",
        "reached",
        "best at end",
        f"best at {quickest:.0f} s",
        "all s",
    ]
    for pair, found in courses.items():
        hits = [reached(steps, target, direction) for steps, target in zip(found, targets, strict=True)]
        yield [
            *pair.split("-"),
            _figure(median(hit[0] for hit in hits), ".0f"),
            _figure(median(hit[1] for hit in hits), ".0f"),
            f"{sum(math.isfinite(hit[0]) for hit in hits)}/{len(hits)}",
            _figure(median(steps[-1].best for steps in found), ".4f"),
            _figure(median(best_after(steps, quickest) for steps in found), ".4f"),
            _figure(median(steps[-1].seconds for steps in found), ".0f"),
        ]


def _figure(number: float, form: str) -> str:
    return format(number, form) if math.isfinite(number) else "–"


def _names(text: str, known: list[str]) -> list[str]:
    chosen = text.split(",")
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise SystemExit(f"{unknown[0]!r} is none of {', '.join(known)}")
    return chosen


def main() -> None:
    """Run what is missing, seed by seed, and print the table after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--definition", default="fcnn")
    parser.add_argument("--space", help="default: the definition's first")
    parser.add_argument("--fidelity", help="default: the definition's first")
    parser.add_argument("--samplers", default="tpe,random,qmc,nsga2", help=f"of {', '.join(SAMPLERS)}")
    parser.add_argument("--pruners", default="none,asha,hyperband,median", help=f"of {', '.join(PRUNERS)}")
    parser.add_argument("--trials", type=int, default=50, help="of each pair and seed")
    parser.add_argument("--seconds", type=float, default=math.inf, help="of each pair and seed, at most")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--storage", default="sqlite:///defaults.db")
    arguments = parser.parse_args()
    configure(threads=1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    definition = registry.load(arguments.definition)
    task = Task(
        definition=definition,
        space=definition.space(arguments.space).name,
        fidelity=arguments.fidelity or definition.fidelities[0].name,
        trials=arguments.trials,
        seconds=arguments.seconds,
        storage=arguments.storage,
    )
    pairs = [
        (sampler, pruner)
        for sampler in _names(arguments.samplers, list(SAMPLERS))
        for pruner in _names(arguments.pruners, list(PRUNERS))
    ]
    courses: dict[str, list[list[Step]]] = {}
    targets: list[float] = []
    for seed in range(arguments.seeds):
        targets.append(baseline(task, seed))
        for sampler, pruner in pairs:
            try:
                trials = run(task, sampler, pruner, seed)
            except UsageError as refused:
                print(refused)
                continue
            courses.setdefault(f"{sampler}-{pruner}", []).append(course(trials, definition.direction))
        print(f"\n{definition.name}, {task.space}, {task.fidelity}: {seed + 1} of {arguments.seeds} seeds")
        print(f"baseline {definition.metric}: {', '.join(f'{target:.4f}' for target in targets)}")
        for row in rows(courses, targets, definition.direction):
            print("".join(f"{cell:>16}" for cell in row))


if __name__ == "__main__":
    main()
