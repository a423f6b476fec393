"""Trainings of every kind that Keras has, ours beside Keras's own on the same batches: `make parity`.

A case is a recipe and its rows. Keras's side is `compile` and `train_on_batch`, and what `fit` does after its last
epoch; ours is `Run`. What must be equal is every number of the model, to 1e-5.
"""

import functools
import inspect
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from hpo.data import Rows
from hpo.errors import DefinitionError, Infeasible
from hpo.training import Recipe, Run, build
from hpo.training.loop import shuffled

BATCH, EPOCHS, SEED = 8, 2, 5
ROWS = 20  # three steps an epoch, the last of four rows
CLOSE = 1e-5

L, O = keras.layers, keras.optimizers  # noqa: E741
Optimizer = Callable[[], keras.optimizers.Optimizer]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One training to be done both ways."""

    name: str
    model: Callable[[], keras.Model]
    rows: Rows
    optimizer: Optimizer = lambda: O.SGD(0.05, momentum=0.5)
    loss: Any = "mse"  # as in `Recipe.loss`, or what makes it `Fresh`
    metric: str = "mse"
    policy: str = "float32"  # dtype policy its layers are made under
    floats: str = "float32"  # Keras's floatx meanwhile


@dataclass(frozen=True)
class Fresh:
    """A loss made anew for each training."""

    make: Callable[[], Any]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a case."""

    way: str  # loop: the compiled one; keras: Keras's own step; refused
    difference: float = 0.0  # the largest of all numbers of the model
    why: str = field(default="", compare=False)  # of a refusal


def run(case: Case) -> Outcome:
    """Train both ways, under the case's types."""
    before = keras.config.dtype_policy(), keras.config.floatx()
    keras.config.set_floatx(case.floats)
    keras.config.set_dtype_policy(case.policy)
    try:
        return _compared(case)
    finally:
        keras.config.set_floatx(before[1])
        keras.config.set_dtype_policy(before[0])


def _compared(case: Case) -> Outcome:
    try:
        ours = Run(_recipe(case), case.rows, epochs=EPOCHS, metric=case.metric, seed=SEED)
        for _ in range(EPOCHS):
            ours.epoch()
        got = _numbers(ours.model())
    except (DefinitionError, Infeasible) as refusal:
        return Outcome(way="refused", why=str(refusal))
    expected = _numbers(by_keras(case))
    pairs = zip(got, expected, strict=True)
    difference = max(float(np.max(np.abs(a - b))) if a.size else 0.0 for a, b in pairs)
    return Outcome(way="loop" if ours.why_fit is None else "keras", difference=difference)


def by_keras(case: Case, before: Callable[[keras.Model], object] = lambda model: None) -> keras.Model:
    """The model after Keras's own training on the batches of ours; `before` is called before each step."""
    recipe = _recipe(case)
    model = recipe.model
    for layer in model._flatten_layers():
        if isinstance(layer, L.Normalization) and layer.input_mean is None:
            layer.adapt(case.rows.x)
    if not model.compiled:
        model.compile(optimizer=recipe.optimizer, loss=recipe.loss, run_eagerly=case.policy in ("float32", "float64"))
    for epoch in range(1, EPOCHS + 1):
        order = shuffled(ROWS, ROWS, tf.constant([SEED, epoch])).numpy()
        for start in range(0, ROWS, BATCH):
            index = order[start : start + BATCH]
            before(model)
            model.train_on_batch(case.rows.x[index], case.rows.y[index])
    model.optimizer.finalize_variable_values(model.trainable_weights)
    return model


def _recipe(case: Case) -> Recipe:
    def made(_: None) -> Recipe:
        loss = case.loss.make() if isinstance(case.loss, Fresh) else case.loss
        return Recipe(model=case.model(), optimizer=case.optimizer(), loss=loss, batch_size=BATCH)

    return build(made, None, 3)


def _numbers(model: keras.Model) -> list[np.ndarray]:
    return [np.asarray(tf.cast(v.value, tf.float64)) for v in model.variables if tf.as_dtype(v.dtype).is_floating]


# --- rows

_random = np.random.default_rng(1)
X = _random.normal(size=(ROWS, 4)).astype(np.float32)
NUMBERS = Rows(x=X, y=(X[:, 0] - X[:, 1]).astype(np.float32))
SHARES = Rows(x=X, y=_random.uniform(0.05, 0.95, (ROWS, 3)).astype(np.float32))
LABELS = _random.integers(0, 3, ROWS)
CLASSES, ONE_HOT = Rows(x=X, y=LABELS), Rows(x=X, y=np.eye(3, dtype=np.float32)[LABELS])
BINARY = Rows(x=X, y=(LABELS > 0).astype(np.float32))
WORDS = np.where(np.arange(6) < _random.integers(2, 6, (ROWS, 1)), _random.integers(1, 9, (ROWS, 6)), 0)
TAGS = Rows(x=WORDS.astype(np.int32), y=(WORDS % 3).astype(np.int32))
TEXTS = Rows(x=WORDS.astype(np.int32), y=(WORDS.sum(axis=1) % 2).astype(np.float32))
PICTURES = Rows(x=_random.integers(0, 256, (ROWS, 8, 8, 1)).astype(np.uint8), y=LABELS)
STEPS = Rows(
    x=np.where(
        np.arange(5)[:, None] < _random.integers(2, 6, (ROWS, 1, 1)), _random.normal(size=(ROWS, 5, 3)), 0
    ).astype(np.float32),
    y=_random.normal(size=(ROWS, 5, 1)).astype(np.float32),
)


# --- models


def dense(*, outputs: int = 1, end: str | None = None, inputs: int = 4, **kernel: Any) -> keras.Model:
    hidden = L.Dense(5, "tanh", **kernel)
    return keras.Sequential([keras.Input((inputs,)), hidden, L.Dense(outputs, end)])


def words(*end: keras.layers.Layer, mask: bool = True) -> keras.Model:
    return keras.Sequential([keras.Input((6,), dtype="int32"), L.Embedding(9, 4, mask_zero=mask), *end])


def tagger(mask: bool = True) -> keras.Model:
    return words(L.GRU(4, return_sequences=True), L.Dense(3, "softmax"), mask=mask)


def speller() -> keras.Model:
    return keras.Sequential([keras.Input((5, 3)), L.Dense(4, "tanh"), L.Dense(3)])


def embedder() -> keras.Model:
    return keras.Sequential([keras.Input((4,)), L.Dense(5, "tanh"), L.Dense(3), L.UnitNormalization()])


def functional(call: Callable[[Any], Any], shape: tuple[int, ...] = (4,)) -> keras.Model:
    inputs = keras.Input(shape)
    return keras.Model(inputs, call(inputs))


# --- optimizers: every one, with every option

_BASE: dict[str, dict[str, Any]] = {
    "weight_decay": {"weight_decay": 0.05},
    "clipnorm": {"clipnorm": 0.05},
    "clipvalue": {"clipvalue": 0.01},
    "global_clipnorm": {"global_clipnorm": 0.05},
    "use_ema": {"use_ema": True},
    "ema_momentum": {"use_ema": True, "ema_momentum": 0.6},
    "ema_overwrite_frequency": {"use_ema": True, "ema_overwrite_frequency": 2},
    "loss_scale_factor": {"loss_scale_factor": 1024.0},
    "gradient_accumulation_steps": {"gradient_accumulation_steps": 2},
}
_OWN: dict[str, Any] = {
    "learning_rate": 0.02,
    "momentum": 0.9,
    "nesterov": True,
    "rho": 0.7,
    "epsilon": 1e-3,
    "centered": True,
    "beta_1": 0.7,
    "beta_2": 0.8,
    "amsgrad": True,
    "initial_accumulator_value": 0.3,
    "beta_2_decay": -0.6,
    "epsilon_1": 1e-8,
    "epsilon_2": 1e-2,
    "clip_threshold": 0.5,
    "relative_step": False,
    "learning_rate_power": -0.4,
    "l1_regularization_strength": 0.01,
    "l2_regularization_strength": 0.02,
    "l2_shrinkage_regularization_strength": 0.03,
    "beta": 0.5,
    "warmup_steps": 3,
    "adam_beta_1": 0.7,
    "adam_beta_2": 0.8,
    "adam_weight_decay": 0.2,
    "exclude_layers": ["dense"],
    "exclude_embeddings": False,
    "muon_a": 3.4,
    "muon_b": -4.7,
    "muon_c": 2.0,
    "adam_lr_ratio": 0.3,
    "ns_steps": 3,
    "rms_rate": None,
}
_NEEDS = {"nesterov": {"momentum": 0.9}}  # without which an option means nothing
WRAPPERS = (O.LossScaleOptimizer, O.MultiOptimizer)


def optimizers() -> list[type]:
    """Every optimizer that Keras has, but for those that hold others."""
    found = {value for value in vars(O).values() if inspect.isclass(value) and issubclass(value, O.Optimizer)}
    return sorted(found - {O.Optimizer, *WRAPPERS}, key=lambda one: one.__name__)


def _options(kind: type) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each argument of an optimizer with something else than its default."""
    yield "", {}
    for name in inspect.signature(kind.__init__).parameters:
        if name in _BASE:
            yield name, _BASE[name]
        elif name not in ("self", "name", "kwargs"):
            also = _NEEDS.get(name, {}) if kind is O.SGD else {}
            yield name, {name: _OWN[name], **also}


def _optimized() -> Iterator[Case]:
    embedded = lambda: words(L.GlobalAveragePooling1D(), L.Dense(1, "sigmoid"))  # noqa: E731
    for kind in optimizers():
        for option, given in _options(kind):
            rate = {} if kind is O.Adafactor else {"learning_rate": 0.03}
            made = functools.partial(kind, **{**rate, **given})
            yield Case(name=f"{kind.__name__} {option}".strip(), model=dense, rows=NUMBERS, optimizer=made)
        made = functools.partial(kind, **({} if kind is O.Adafactor else {"learning_rate": 0.03}))
        for option in ("", "clipnorm", "global_clipnorm", "use_ema"):
            yield Case(
                name=f"{kind.__name__} {option} of an embedding",
                model=embedded,
                rows=TEXTS,
                optimizer=functools.partial(made, **_BASE.get(option, {})),
                loss="binary_crossentropy",
            )
        yield Case(
            name=f"LossScaleOptimizer of {kind.__name__}",
            model=dense,
            rows=NUMBERS,
            optimizer=lambda made=made: keras.mixed_precision.LossScaleOptimizer(made()),
        )
    for kind, given in (
        (O.SGD, {"momentum": 0.9, "nesterov": True}),
        (O.RMSprop, {"momentum": 0.9}),
        (O.Adam, {"amsgrad": True}),
    ):
        yield Case(
            name=f"{kind.__name__} {next(iter(given))} of an embedding",
            model=embedded,
            rows=TEXTS,
            optimizer=functools.partial(kind, learning_rate=0.03, **given),
            loss="binary_crossentropy",
        )
    scales = {"initial_scale": 2.0**6, "dynamic_growth_steps": 2}
    for option, value in scales.items():
        yield Case(
            name=f"LossScaleOptimizer {option}",
            model=dense,
            rows=NUMBERS,
            optimizer=lambda given={option: value}: keras.mixed_precision.LossScaleOptimizer(O.SGD(0.05), **given),
        )
    for option in ("weight_decay", "use_ema", "global_clipnorm", "gradient_accumulation_steps"):
        yield Case(
            name=f"LossScaleOptimizer of Adam {option}",
            model=dense,
            rows=NUMBERS,
            optimizer=lambda option=option: keras.mixed_precision.LossScaleOptimizer(O.Adam(0.03, **_BASE[option])),
        )

    def several(**given: Any) -> Any:
        return O.MultiOptimizer(O.OptimizerMap(O.SGD(0.05), {".*/bias": O.Adam(0.03)}), **given)

    yield Case(name="MultiOptimizer", model=dense, rows=NUMBERS, optimizer=several)
    yield Case(
        name="MultiOptimizer loss_scale_factor",
        model=dense,
        rows=NUMBERS,
        optimizer=functools.partial(several, loss_scale_factor=64.0),
    )

    def spared() -> Any:
        made = O.AdamW(0.03, weight_decay=0.2)
        made.exclude_from_weight_decay(var_names=["bias"])
        return made

    def spared_muon() -> Any:
        made = O.Muon(0.03)
        made.exclude_from_weight_decay(var_names=["bias"])
        return made

    yield Case(name="AdamW without decay of biases", model=dense, rows=NUMBERS, optimizer=spared)
    yield Case(name="Muon without decay of biases", model=dense, rows=NUMBERS, optimizer=spared_muon)


# --- losses: every one by name, by class with each option, and as a function

_OF_CLASSES = {"SparseCategoricalCrossentropy", "CategoricalGeneralizedCrossEntropy"}
_ONE_HOT = {"CategoricalCrossentropy", "CategoricalFocalCrossentropy", "CategoricalHinge", "KLDivergence"}
_BINARY = {"BinaryCrossentropy", "BinaryFocalCrossentropy"}
_LOSS_OPTIONS: dict[str, Any] = {
    "reduction": "sum",
    "from_logits": True,
    "label_smoothing": 0.2,
    "delta": 0.3,
    "alpha": 0.3,
    "gamma": 1.5,
    "beta": 0.6,
    "apply_class_balancing": True,
    "ignore_class": 1,
    "q": 0.6,
}
_FIXED = {"name", "dtype", "axis", "self", "margin", "remove_diagonal"}


def losses() -> list[type]:
    """Every loss that Keras has."""
    found = {value for value in vars(keras.losses).values() if inspect.isclass(value)} - {keras.losses.Loss}
    return sorted(found, key=lambda one: one.__name__)


def _fitting(name: str) -> tuple[Rows, Callable[[], keras.Model]]:
    """Rows and a model that a loss goes with."""
    if name == "CTC":  # no metric of Keras's goes with its targets
        return Rows(x=STEPS.x, y=WORDS[:, :2] % 2 + 1), speller
    if name == "Circle":
        return CLASSES, embedder
    if name in _OF_CLASSES:
        return CLASSES, functools.partial(dense, outputs=3, end="softmax")
    if name in _ONE_HOT:
        return ONE_HOT, functools.partial(dense, outputs=3, end="softmax")
    if name in _BINARY:
        return BINARY, functools.partial(dense, end="sigmoid")
    return SHARES, functools.partial(dense, outputs=3, end="sigmoid")


def _spelled() -> Iterator[Case]:
    for kind in losses():
        name = kind.__name__
        rows, model = _fitting(name)
        common = {"rows": rows, "model": model, "metric": "mse" if rows is SHARES else "accuracy"}
        yield Case(name=f"{name} by class", loss=kind, **common)
        function = getattr(kind(), "fn", None)
        if function is not None and name != "CategoricalGeneralizedCrossEntropy":  # which has no function by itself
            yield Case(name=f"{name} by its name", loss=function.__name__, **common)
            yield Case(name=f"{name} by function", loss=function, **common)
        for option in inspect.signature(kind.__init__).parameters:
            if option not in _FIXED:
                made = functools.partial(kind, **{option: _LOSS_OPTIONS[option]})
                yield Case(name=f"{name} {option}", loss=Fresh(made), **common)


def _scored() -> Iterator[Case]:
    mean = functools.partial(keras.losses.MeanSquaredError, reduction="mean_with_sample_weight")
    yield Case(name="mean_with_sample_weight", loss=Fresh(mean), model=dense, rows=NUMBERS)
    for name, rows, outputs, end in (
        ("crossentropy of classes", CLASSES, 3, "softmax"),
        ("crossentropy of one-hot targets", ONE_HOT, 3, "softmax"),
        ("crossentropy of one of two", BINARY, 1, "sigmoid"),
    ):
        model = functools.partial(dense, outputs=outputs, end=end)
        yield Case(name=name, loss="crossentropy", rows=rows, model=model, metric="Accuracy")
    column = Rows(x=X, y=NUMBERS.y[:, None])
    yield Case(name="targets in a column", rows=column, model=dense)
    own = lambda y, p: keras.ops.mean(keras.ops.abs(y - p) ** 1.5, axis=-1)  # noqa: E731
    yield Case(name="a function of one's own", loss=own, rows=column, model=dense)
    one = lambda y, p: keras.ops.mean(keras.ops.square(y - p))  # noqa: E731
    yield Case(name="a function that gives one number", loss=one, rows=column, model=dense)
    yield Case(name="a loss class of one's own", loss=Cubed, rows=column, model=dense)
    doubles = Rows(x=X.astype(np.float64), y=NUMBERS.y.astype(np.float64))
    yield Case(name="rows of doubles", rows=doubles, model=dense)


class Cubed(keras.losses.Loss):
    """A loss of somebody's own."""

    def call(self, y: Any, outputs: Any) -> Any:
        return keras.ops.mean(keras.ops.abs(y - outputs) ** 3, axis=-1)


# --- masks


@keras.saving.register_keras_serializable(package="parity")
class MaskOddSteps(L.Layer):
    """Leaves every second step out, by hand."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x: Any) -> Any:
        return x * 1.0

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        return keras.ops.logical_and(keras.ops.ones_like(x[:, :, 0], "bool"), keras.ops.arange(x.shape[1]) % 2 == 0)

    def compute_output_shape(self, shape: Any) -> Any:
        return shape


def _masked() -> Iterator[Case]:
    for loss in (
        "sparse_categorical_crossentropy",
        keras.losses.SparseCategoricalCrossentropy,
        keras.losses.sparse_categorical_crossentropy,
        functools.partial(keras.losses.SparseCategoricalCrossentropy, reduction="sum"),
        functools.partial(keras.losses.SparseCategoricalCrossentropy, reduction="mean_with_sample_weight"),
    ):
        named = loss if isinstance(loss, str) else getattr(loss, "__name__", f"{getattr(loss, 'keywords', '')}")
        named += "" if isinstance(loss, str) else " itself"
        made = Fresh(loss) if isinstance(loss, functools.partial) else loss
        yield Case(name=f"mask of an Embedding, {named}", model=tagger, rows=TAGS, loss=made, metric="accuracy")
    unmasked = functools.partial(tagger, mask=False)
    common: dict[str, Any] = {"rows": TAGS, "loss": "sparse_categorical_crossentropy", "metric": "accuracy"}
    yield Case(name="no mask", model=unmasked, **common)
    masking = lambda: keras.Sequential([keras.Input((5, 3)), L.Masking(), L.LSTM(4, return_sequences=True), L.Dense(1)])  # noqa: E731
    yield Case(name="Masking", model=masking, rows=STEPS)
    by_hand = lambda: keras.Sequential([keras.Input((5, 3)), MaskOddSteps(), L.Dense(4, "tanh"), L.Dense(1)])  # noqa: E731
    yield Case(name="mask by hand", model=by_hand, rows=STEPS)
    text: dict[str, Any] = {"rows": TEXTS, "loss": "binary_crossentropy", "metric": "accuracy"}
    yield Case(
        name="mask swallowed by pooling", model=lambda: words(L.GlobalAveragePooling1D(), L.Dense(1, "sigmoid")), **text
    )
    yield Case(name="mask swallowed by LSTM", model=lambda: words(L.LSTM(4), L.Dense(1, "sigmoid")), **text)
    both = lambda: words(L.Bidirectional(L.GRU(3, return_sequences=True)), L.TimeDistributed(L.Dense(3, "softmax")))  # noqa: E731
    yield Case(name="mask through Bidirectional and TimeDistributed", model=both, **common)


# --- layers, regularizers, constraints, states


@keras.saving.register_keras_serializable(package="parity")
class Counted(L.Layer):
    """Counts its batches in a variable, and penalizes its activity."""

    def build(self, shape: Any) -> None:
        self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False, name="seen")

    def call(self, x: Any, training: bool = False) -> Any:
        if training:
            self.seen.assign_add(1.0)
        self.add_loss(0.01 * keras.ops.mean(keras.ops.square(x)))
        return x


@keras.saving.register_keras_serializable(package="parity")
class Straight(L.Layer):
    """Takes no training argument."""

    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")

    def call(self, x: Any) -> Any:
        return x * self.scale


class Subclassed(keras.Model):
    """A model of somebody's own without anything of its own in training."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden, self.drop, self.out = L.Dense(5, "tanh"), L.Dropout(0.2, seed=1), L.Dense(1)

    def call(self, x: Any, training: bool = False) -> Any:
        return self.out(self.drop(self.hidden(x), training=training))


class OwnStep(Subclassed):
    """Halves its gradients."""

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data[:2]
        with tf.GradientTape() as tape:
            loss = self.compute_loss(y=y, y_pred=self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip([g / 2 for g in gradients], self.trainable_variables, strict=True))
        return {"loss": loss}


class OwnLoss(Subclassed):
    """Adds the size of what it says to the loss."""

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, **more: Any
    ) -> Any:
        return super().compute_loss(x, y, y_pred, sample_weight, **more) + 0.1 * keras.ops.mean(keras.ops.abs(y_pred))


class OwnFit(Subclassed):
    """Has a loop of its own."""

    def fit(self, *given: Any, **more: Any) -> Any:
        return super().fit(*given, **more)


def _layered() -> Iterator[Case]:
    R, C = keras.regularizers, keras.constraints
    for name, one in (
        ("L1", R.L1(0.01)),
        ("L2", R.L2(0.01)),
        ("L1L2", R.L1L2(0.01, 0.02)),
        ("orthogonal", R.OrthogonalRegularizer(0.01)),
    ):
        for part in ("kernel", "bias", "activity"):
            if name != "orthogonal" or part == "kernel":
                yield Case(
                    name=f"{part} regularizer {name}",
                    model=functools.partial(dense, **{f"{part}_regularizer": one}),
                    rows=NUMBERS,
                )
    for one in (C.MaxNorm(0.6), C.NonNeg(), C.UnitNorm(), C.MinMaxNorm(0.2, 0.8, 0.7)):
        yield Case(
            name=f"constraint {type(one).__name__}", model=functools.partial(dense, kernel_constraint=one), rows=NUMBERS
        )
        yield Case(
            name=f"constraint {type(one).__name__} with Lion",
            model=functools.partial(dense, kernel_constraint=one),
            rows=NUMBERS,
            optimizer=lambda: O.Lion(0.01),
        )
    yield Case(name="add_loss and a state", model=lambda: _sequence(Counted(), L.Dense(1)), rows=NUMBERS)
    yield Case(name="a layer without training", model=lambda: _sequence(Straight(), L.Dense(1)), rows=NUMBERS)
    for name, layers in {
        "BatchNormalization": lambda: [L.Dense(5), L.BatchNormalization(), L.Activation("relu")],
        "LayerNormalization": lambda: [L.Dense(5), L.LayerNormalization()],
        "GroupNormalization": lambda: [L.Dense(6), L.GroupNormalization(2)],
        "SpectralNormalization": lambda: [L.SpectralNormalization(L.Dense(5))],
        "Dropout": lambda: [L.Dense(8), L.Dropout(0.3, seed=4)],
        "GaussianNoise": lambda: [L.Dense(5), L.GaussianNoise(0.3, seed=4)],
        "AlphaDropout": lambda: [L.Dense(5, "selu"), L.AlphaDropout(0.2, seed=4)],
        "Normalization": lambda: [L.Normalization(), L.Dense(5)],
        "ActivityRegularization": lambda: [L.Dense(5), L.ActivityRegularization(0.01, 0.01)],
        "PReLU": lambda: [L.Dense(5), L.PReLU()],
        "UnitNormalization": lambda: [L.Dense(5), L.UnitNormalization()],
        "Discretization": lambda: [L.Discretization([-0.5, 0.0, 0.5]), L.Embedding(4, 2), L.Flatten()],
        "GRU": lambda: [L.Reshape((4, 1)), L.GRU(3, dropout=0.2, seed=4)],
        "LSTM": lambda: [L.Reshape((4, 1)), L.LSTM(3, recurrent_dropout=0.2, seed=4)],
        "SimpleRNN": lambda: [L.Reshape((4, 1)), L.SimpleRNN(3)],
        "MultiHeadAttention": lambda: [L.Reshape((4, 1)), L.Dense(4), Attention(), L.Flatten()],
    }.items():
        yield Case(name=name, model=lambda layers=layers: _sequence(*layers(), L.Dense(1)), rows=NUMBERS)

    def frozen() -> keras.Model:
        model = _sequence(L.Dense(5, "tanh"), L.BatchNormalization(), L.Dense(4, "tanh"), L.Dense(1))
        model.layers[0].trainable = model.layers[1].trainable = False
        return model

    def shared(x: Any) -> Any:
        one = L.Dense(4, "tanh")
        return L.Dense(1)(one(one(x)))

    def unused(x: Any) -> Any:
        return L.Dense(1)(x) + 0.0 * L.Dense(1, name="aside")(keras.ops.stop_gradient(x))

    yield Case(name="frozen layers", model=frozen, rows=NUMBERS)
    yield Case(name="shared layers", model=lambda: functional(shared), rows=NUMBERS)
    yield Case(
        name="a weight without a gradient",
        model=lambda: Aside(),
        rows=NUMBERS,
        optimizer=lambda: O.AdamW(0.03, weight_decay=0.3),
    )
    yield Case(
        name="nested models",
        model=lambda: keras.Sequential([keras.Input((4,)), _sequence(L.Dense(5), L.BatchNormalization()), L.Dense(1)]),
        rows=NUMBERS,
    )
    yield Case(name="a model class", model=Subclassed, rows=NUMBERS)
    yield Case(name="a train_step of its own", model=OwnStep, rows=NUMBERS)
    yield Case(name="a compute_loss of its own", model=OwnLoss, rows=NUMBERS)
    yield Case(name="a fit of its own", model=OwnFit, rows=NUMBERS)
    stateful = lambda: keras.Sequential([keras.Input((5, 3), batch_size=4), L.GRU(3, stateful=True), L.Dense(1)])  # noqa: E731
    yield Case(name="a stateful RNN", model=stateful, rows=Rows(x=STEPS.x, y=NUMBERS.y))
    pictures = lambda: keras.Sequential(  # noqa: E731
        [
            keras.Input((8, 8, 1)),
            L.Rescaling(1 / 255),
            L.Conv2D(3, 3, activation="relu"),
            L.MaxPooling2D(),
            L.Flatten(),
            L.Dense(3, "softmax"),
        ]
    )
    loss = "sparse_categorical_crossentropy"
    yield Case(name="pictures of bytes", model=pictures, rows=PICTURES, loss=loss, metric="accuracy")
    yield Case(name="mixed_float16", model=dense, rows=NUMBERS, policy="mixed_float16")
    yield Case(
        name="mixed_float16 AdamW", model=dense, rows=NUMBERS, policy="mixed_float16", optimizer=lambda: O.AdamW(0.03)
    )
    yield Case(name="mixed_bfloat16", model=dense, rows=NUMBERS, policy="mixed_bfloat16")
    yield Case(name="bfloat16", model=dense, rows=NUMBERS, policy="bfloat16")
    yield Case(name="float64", model=dense, rows=NUMBERS, policy="float64", floats="float64")
    yield Case(
        name="float64 Adam",
        model=dense,
        rows=NUMBERS,
        policy="float64",
        floats="float64",
        optimizer=lambda: O.Adam(0.03),
    )


@keras.saving.register_keras_serializable(package="parity")
class Aside(keras.Model):
    """Has a layer whose output nothing uses."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.out, self.aside = L.Dense(1), L.Dense(1)

    def call(self, x: Any) -> Any:
        self.aside(x)
        return self.out(x)


@keras.saving.register_keras_serializable(package="parity")
class Attention(L.Layer):
    """Attention of a sequence to itself."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.attention = L.MultiHeadAttention(2, 2, dropout=0.1, seed=3)

    def call(self, x: Any, training: bool = False) -> Any:
        return self.attention(x, x, training=training)


def _sequence(*layers: keras.layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((4,)), *layers])


def cases() -> list[Case]:
    """All of them."""
    return [*_optimized(), *_spelled(), *_scored(), *_masked(), *_layered()]


def main() -> int:
    """Run all, or those whose names hold one of the words given; print what came of them."""
    words_ = sys.argv[1:]
    wanted = [case for case in cases() if not words_ or any(word in case.name for word in words_)]
    ways: Counter[str] = Counter()
    largest, wrong = {"loop": (0.0, "-"), "keras": (0.0, "-")}, []
    start = time.perf_counter()
    for case in wanted:
        try:
            outcome = run(case)
        except Exception as error:
            wrong.append(f"{case.name}: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
            continue
        ways[outcome.way] += 1
        if outcome.way == "refused":
            print(f"refused: {case.name}: {outcome.why}")
            continue
        largest[outcome.way] = max(largest[outcome.way], (outcome.difference, case.name))
        if not outcome.difference <= CLOSE:
            wrong.append(f"{case.name}: differs by {outcome.difference:.3g}")
    print(*(f"WRONG {line}" for line in wrong), sep="\n")
    print(f"{len(wanted)} cases in {time.perf_counter() - start:.0f} s: {dict(ways)}, {len(wrong)} wrong")
    for way, (difference, name) in largest.items():
        print(f"  largest difference, {way}: {difference:.2e} ({name})")
    return bool(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
