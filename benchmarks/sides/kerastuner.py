"""KerasTuner: its grid over the fixed configurations, or its Hyperband up to the target."""

import time
from typing import Any

from benchmarks.sides import main

BEGIN = time.time()


def run(job: dict[str, Any]) -> dict[str, Any]:
    """The fixed configurations in turn, or a search up to the target."""
    import keras
    import keras_tuner

    from benchmarks import plain
    from benchmarks.tasks import TASKS

    task = TASKS[job["definition"]]
    definition = task.definition
    train, validation = task.split(job["seed"])
    maximize = definition.direction == "maximize"
    trials: list[tuple[float, float, float]] = []
    searching = "target" in job

    def build(hp: Any) -> Any:
        if searching:
            params = {name: hp.Choice(name, list(d.choices)) for name, d in definition.space().params.items()}
            if definition.infeasible(params):
                raise keras_tuner.errors.FailedTrialError("infeasible")
        else:
            params = job["configurations"][hp.Choice("index", list(range(len(job["configurations"]))))]
        return plain.model(job["definition"], params, train)

    class Clock(keras.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            self.start = time.time()

        def on_train_end(self, logs: Any = None) -> None:
            value = float(logs[f"val_{definition.metric}"])
            trials.append((self.start, time.time(), value))
            if searching and (value >= job["target"]) == maximize:
                raise keras_tuner.errors.FatalError("reached")  # the only way to stop a search from within
            if searching and time.time() - BEGIN > job["limit"]:
                raise keras_tuner.errors.FatalError("out of time")

    objective = keras_tuner.Objective(f"val_{definition.metric}", direction=definition.direction[:3])
    common = {
        "objective": objective,
        "directory": job["folder"],
        "seed": job["seed"],
        "max_consecutive_failed_trials": 1000,
    }
    if searching:
        tuner: Any = keras_tuner.Hyperband(build, max_epochs=job["epochs"], hyperband_iterations=100, **common)
    else:
        tuner = keras_tuner.GridSearch(build, max_trials=len(job["configurations"]), **common)
    rows = {"x": train.x, "y": train.y, "validation_data": (validation.x, validation.y)}
    begin = time.time()
    reached = None
    try:
        tuner.search(**rows, epochs=job["epochs"], batch_size=32, verbose=0, callbacks=[Clock()])
    except keras_tuner.errors.FatalError as stopped:
        reached = time.time() - BEGIN if str(stopped) == "reached" else None
    best = [dict(found.values) for found in tuner.get_best_hyperparameters(1)] if searching else []
    params = {name: value for found in best for name, value in found.items() if name in definition.space().params}
    return {"trials": trials, "startup": begin - BEGIN, "reached": reached, "best": params}


if __name__ == "__main__":
    main(run)
