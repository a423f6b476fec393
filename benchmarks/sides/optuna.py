"""Plain Optuna with `model.fit`, in one process with TensorFlow's own threads."""

import time
from typing import Any

from benchmarks.sides import main

BEGIN = time.time()


def run(job: dict[str, Any]) -> dict[str, Any]:
    """The fixed configurations in turn, or a search with Optuna's default sampler and pruner up to the target."""
    import optuna

    from benchmarks import plain
    from benchmarks.tasks import TASKS

    task = TASKS[job["definition"]]
    definition = task.definition
    space = definition.space()
    train, validation = task.split(job["seed"])
    trials: list[tuple[float, float, float]] = []

    def objective(trial: optuna.Trial) -> float:
        start = time.time()
        params = {name: trial.suggest_categorical(name, d.choices) for name, d in space.params.items()}
        if definition.infeasible(params):
            raise optuna.TrialPruned
        pruning = [_Report(trial, definition.metric)] if "target" in job else []
        value = plain.fit(job["definition"], params, train, validation, job["epochs"], pruning)
        trials.append((start, time.time(), value))
        return value

    study = optuna.create_study(direction=definition.direction, sampler=optuna.samplers.TPESampler(seed=job["seed"]))
    if "target" not in job:
        for params in job["configurations"]:
            study.enqueue_trial(params)
        study.optimize(objective, n_trials=len(job["configurations"]))
        return {"trials": trials, "startup": trials[0][0] - BEGIN}
    reached: list[float] = []

    def stop(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        values = trial.values if trial.state == optuna.trial.TrialState.COMPLETE else None
        if values and (values[0] >= job["target"]) == (definition.direction == "maximize"):
            reached.append(time.time() - BEGIN)
            study.stop()

    study.optimize(objective, timeout=job["limit"], callbacks=[stop])
    return {"trials": trials, "startup": 0.0, "reached": reached[0] if reached else None}


def _Report(trial: Any, metric: str) -> Any:  # noqa: N802 - stands for the class it makes
    import keras
    import optuna

    class Report(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            trial.report(logs[f"val_{metric}"], epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

    return Report()


if __name__ == "__main__":
    main(run)
