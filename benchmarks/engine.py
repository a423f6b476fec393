"""The training engine against `model.fit`: the same model, rows, threads and machine.

    python -m benchmarks.engine [--threads 1] [--pairs 5] [--fcnn-epochs 200] [--cnn-rows 15000] [--dnn-rows 10000]
                                [--only fcnn|cnn|dnn]

Three comparisons, all warm: one training of the fcnn baseline (200 epochs, scored on the held-out fold after each), one
epoch of the cnn baseline, and one epoch of the dnn guideline with batch normalization, dropout, clipping and 1cycle on,
scored on held-out rows after it. `model.fit` has the same in Keras' own way: the optimizer's clipnorm, a callback that
sets the rate before each step, and EarlyStopping; that its momentum stays as it is, is to its advantage.

In a pair the two sides run one after the other, in turns first; the ratio told is the median over pairs. Compiling is
reported beside and counted nowhere. A training counts with the building of its model, on our side; an epoch without.
CPU seconds stand beside the wall's: on a machine that does other things at the same time they are the ones to trust.
The last column is the share of what the machine's own matrix multiply reaches on the same threads, counting the
multiplications and additions of the model's kernels.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from hpo.data import Rows, kfold
from hpo.study import Params, StudyDefinition
from hpo.study.registry import load
from hpo.training import Constant, Recipe, Run, build, configure

DNN = "studies.dnn:study"
TECHNIQUES = {"batch_norm": "before", "dropout": 0.2, "clipping": "norm", "schedule": "one-cycle"}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What something took."""

    wall: float  # seconds
    cpu: float  # seconds of this process, all threads


def main() -> None:
    parser = argparse.ArgumentParser(description="The training engine against model.fit.")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--fcnn-epochs", type=int, default=200)
    parser.add_argument("--cnn-rows", type=int, default=15_000)
    parser.add_argument("--dnn-rows", type=int, default=10_000)
    parser.add_argument("--only", choices=("fcnn", "cnn", "dnn"))
    wanted = parser.parse_args()
    configure(threads=wanted.threads)
    rate = matmul_rate()
    print(f"matrix multiply, {wanted.threads} threads: {rate / 1e9:.0f} GFLOP/s")
    if wanted.only in (None, "fcnn"):
        fcnn = load("fcnn")
        rows = fcnn.data().development
        train, held_out = kfold(len(rows), 5, seed=0)[0]
        taken = rows.take(train), rows.take(held_out)
        compare("fcnn, one training", fcnn, baseline(fcnn), *taken, wanted.fcnn_epochs, wanted.pairs, rate)
    if wanted.only in (None, "cnn"):
        cnn = load("cnn")
        images = cnn.data().development
        some = images.take(np.arange(wanted.cnn_rows))
        compare("cnn, one epoch", cnn, baseline(cnn), some, None, 1, wanted.pairs, rate)
    if wanted.only in (None, "dnn"):
        dnn = load(DNN)
        images = dnn.data().development
        some, others = images.take(np.arange(wanted.dnn_rows)), images.take(np.arange(50_000, 52_000))
        compare("dnn, one epoch", dnn, {**baseline(dnn), **TECHNIQUES}, some, others, 1, wanted.pairs, rate)


def baseline(definition: StudyDefinition) -> Params:
    return definition.baseline().params_in(definition.space().name)


def compare(
    title: str,
    definition: StudyDefinition,
    params: Params,
    train: Rows,
    held_out: Rows | None,
    epochs: int,
    pairs: int,
    rate: float,
) -> None:
    """Both sides `pairs` times, and the figures on stdout."""

    def fresh() -> Recipe:
        return build(definition.build, params, 0)

    run = Run(fresh(), train, held_out, epochs=epochs, metric=definition.metric, seed=0)
    run.epoch()
    ours_compile = run.compile_seconds
    recipe = fresh()
    model, fit_compile = keras_side(recipe, definition.metric, train, held_out)

    def begun() -> Run:
        return Run(fresh(), train, held_out, epochs=epochs, metric=definition.metric, seed=0)

    def trained(run: Run) -> None:
        for _ in range(epochs):
            run.epoch()

    def ours() -> Cost:
        if epochs > 1:
            return timed(lambda: trained(begun()))
        run = begun()
        return timed(lambda: trained(run))

    def theirs() -> None:
        validation = None if held_out is None else (held_out.x, held_out.y)
        model.fit(
            train.x,
            train.y,
            batch_size=recipe.batch_size,
            epochs=epochs,
            validation_data=validation,
            callbacks=callbacks(recipe, epochs * -(-len(train) // recipe.batch_size), definition.metric),
            verbose=0,
        )

    costs: list[tuple[Cost, Cost]] = []
    for pair in range(pairs):
        first, second = (ours, lambda: timed(theirs)) if pair % 2 == 0 else (lambda: timed(theirs), ours)
        a, b = first(), second()
        costs.append((a, b) if pair % 2 == 0 else (b, a))
    flops = epochs * (training_flops(model) * len(train) + (forward_flops(model) * len(held_out) if held_out else 0))
    print(f"\n{title}: {len(train)} rows, {epochs} epochs, {pairs} pairs, {flops / 1e9:.1f} GFLOP")
    tell(costs, flops, rate, ours_compile, fit_compile)


def tell(costs: list[tuple[Cost, Cost]], flops: float, rate: float, ours_compile: float, fit_compile: float) -> None:
    """The figures of both sides, and their ratios, on stdout."""
    for name, side, compiling in (("ours", 0, ours_compile), ("model.fit", 1, fit_compile)):
        wall, cpu = (median(getattr(cost[side], kind) for cost in costs) for kind in ("wall", "cpu"))
        share = flops / cpu / rate
        print(
            f"  {name:10} wall {wall:7.2f} s   cpu {cpu:7.2f} s   compiling {compiling:5.2f} s   {share:6.1%} of matmul"
        )
    for kind in ("wall", "cpu"):
        ratios = sorted(getattr(b, kind) / getattr(a, kind) for a, b in costs)
        print(f"  {kind:4} ratio: median {median(ratios):.2f}, from {ratios[0]:.2f} to {ratios[-1]:.2f}")


def keras_side(recipe: Recipe, metric: str, train: Rows, held_out: Rows | None) -> tuple[Any, float]:
    """The recipe's model compiled for `model.fit` and warm, and the seconds its first epoch took."""
    import keras

    for layer in recipe.model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.adapt(train.x)
    recipe.model.compile(optimizer=optimizer(recipe), loss=recipe.loss, metrics=[metric])
    start = time.perf_counter()
    validation = None if held_out is None else (held_out.x, held_out.y)
    some = slice(0, 10 * recipe.batch_size + len(train) % recipe.batch_size)
    recipe.model.fit(train.x[some], train.y[some], batch_size=recipe.batch_size, validation_data=validation, verbose=0)
    return recipe.model, time.perf_counter() - start


def optimizer(recipe: Recipe) -> Any:
    """The recipe's optimizer with its clipping in Keras' own way."""
    if recipe.clip is None:
        return recipe.optimizer
    name = {"value": "clipvalue", "norm": "clipnorm", "global_norm": "global_clipnorm"}[recipe.clip.by]
    return type(recipe.optimizer).from_config({**recipe.optimizer.get_config(), name: recipe.clip.threshold})


def callbacks(recipe: Recipe, steps: int, metric: str) -> list[Any]:
    """What gives `model.fit` the recipe's schedule and early stopping."""
    import keras

    made: list[Any] = []
    if recipe.schedule is not None and not isinstance(recipe.schedule, Constant):
        rates = iter(recipe.schedule.rates(float(recipe.optimizer.learning_rate), steps).tolist())
        scheduled = keras.callbacks.Callback()

        def before(batch: int, logs: object = None) -> None:  # noqa: ARG001 - Keras' signature
            scheduled.model.optimizer.learning_rate = next(rates)

        scheduled.on_train_batch_begin = before
        made.append(scheduled)
    if recipe.stopping is not None:
        patience = recipe.stopping.patience
        made.append(keras.callbacks.EarlyStopping(f"val_{metric}", patience=patience, restore_best_weights=True))
    return made


def timed(work: Callable[[], None]) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu)


def matmul_rate(size: int = 2048, repeats: int = 7) -> float:
    """Floating-point operations a CPU second of the best of `repeats` multiplications, on the threads in use."""
    import tensorflow as tf

    a = tf.random.stateless_normal((size, size), seed=(0, 0))
    multiply = tf.function(tf.matmul)
    multiply(a, a)
    return max(2 * size**3 / timed(lambda: np.asarray(multiply(a, a))).cpu for _ in range(repeats))


def layer_flops(model: Any) -> list[int]:
    """Multiplications and additions of one row through each layer that has a kernel."""
    return [
        2 * int(np.prod(layer.kernel.shape)) * int(np.prod(layer.output.shape[1:-1]))
        for layer in model.layers
        if hasattr(layer, "kernel")
    ]


def forward_flops(model: Any) -> int:
    return sum(layer_flops(model))


def training_flops(model: Any) -> int:
    """Forward, the gradient of the weights, and that of the inputs, which the first layer does not need."""
    flops = layer_flops(model)
    return 3 * sum(flops) - flops[0]


if __name__ == "__main__":
    main()
