"""Trainings by Keras's own fit: what the compiled loop cannot take, with all that a run has."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from hpo.data import Rows, Stream
from hpo.errors import DataError, DefinitionError, Diverged, HpoWarning, Infeasible
from hpo.study import OwnMetric
from hpo.training import (
    Clip,
    EarlyStopping,
    FullTraining,
    LinearOneCycle,
    OneCycle,
    Penalty,
    Performance,
    Phase,
    Recipe,
    Run,
    build,
    fit,
)
from hpo.training.loop import shuffled

L = keras.layers

pytestmark = pytest.mark.filterwarnings("ignore::hpo.errors.HpoWarning")

BATCH, ROWS, SEED = 16, 50, 5
_random = np.random.default_rng(0)
LEFT, RIGHT = (_random.normal(size=(ROWS, width)).astype(np.float32) for width in (4, 3))
SIGN = (LEFT[:, 0] + RIGHT[:, 0] > 0).astype(np.int32)
TWO = Rows(x={"left": LEFT, "right": RIGHT}, y={"sign": SIGN, "size": LEFT[:, 1] * 2})
ONE = Rows(x=LEFT, y=SIGN)


def two(_: None = None, **more: Any) -> Recipe:
    left, right = keras.Input((4,), name="left"), keras.Input((3,), name="right")
    hidden = L.Dense(6, "tanh")(L.Concatenate()([L.Normalization()(left), right]))
    outputs = {"sign": L.Dense(2, "softmax", name="sign")(hidden), "size": L.Dense(1, name="size")(hidden)}
    return Recipe(
        **{
            "model": keras.Model({"left": left, "right": right}, outputs),
            "optimizer": keras.optimizers.Adam(0.02),
            "loss": {"sign": "sparse_categorical_crossentropy", "size": "mse"},
            "loss_weights": {"sign": 1.0, "size": 0.3},
            "batch_size": BATCH,
            **more,
        }
    )


class Seen(keras.callbacks.Callback):
    """What a callback of somebody's own is told."""

    def __init__(self, stop_after: int = 99) -> None:
        super().__init__()
        self.told: list[Any] = []
        self.rates: list[float] = []
        self.logs: dict[str, float] = {}
        self.stop_after = stop_after

    def on_train_begin(self, logs: Any = None) -> None:
        self.told.append("begin")

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.rates.append(float(self.model.optimizer.learning_rate))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.told.append(epoch)
        self.logs = dict(logs)
        if epoch + 1 == self.stop_after:
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        self.told.append("end")


def one(_: None = None, **more: Any) -> Recipe:
    model = keras.Sequential([keras.Input((4,)), L.Dense(5, "tanh"), L.Dense(2, "softmax")])
    given = {"model": model, "optimizer": "sgd", "loss": "sparse_categorical_crossentropy", "batch_size": BATCH, **more}
    return Recipe(**given)


def trained(recipe: Callable[..., Recipe], data: Any = TWO, metric: Any = "sign_accuracy", **options: Any) -> Run:
    more = options.pop("more", {})
    return fit(
        build(lambda _: recipe(**more), None, 1),
        data,
        options.pop("validation", data),
        **{"epochs": 3, "metric": metric, "seed": SEED, **options},
    )


def weights_of(run: Run) -> list[Any]:
    return [np.asarray(value) for value in run.model().get_weights()]


# Several inputs and outputs


@pytest.mark.thorough
def test_several_inputs_and_outputs_are_trained_as_keras_does() -> None:
    run = trained(two, more={"optimizer": keras.optimizers.Adam(0.02, use_ema=True, ema_momentum=0.5)})
    recipe = build(two, None, 1)
    model = recipe.model
    for layer in model.layers:
        if isinstance(layer, L.Normalization):
            layer.adapt(LEFT)
    optimizer = keras.optimizers.Adam(0.02, use_ema=True, ema_momentum=0.5)
    model.compile(optimizer=optimizer, loss=recipe.loss, loss_weights=recipe.loss_weights)
    for epoch in (1, 2, 3):
        order = shuffled(ROWS, ROWS, tf.constant([SEED, epoch])).numpy()
        for at in range(0, ROWS, BATCH):
            some = TWO.take(order[at : at + BATCH])
            model.train_on_batch(some.x, some.y)
    model.optimizer.finalize_variable_values(model.trainable_weights)
    for got, expected in zip(weights_of(run), model.get_weights(), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-5)
    said = model.predict(TWO.x, verbose=0)["sign"]
    assert run.outcome is not None
    assert run.outcome.validation == pytest.approx(np.mean(said.argmax(axis=1) == SIGN))
    assert run.evaluate(TWO) == pytest.approx(run.outcome.validation)
    assert {name: each.shape for name, each in run.predict(TWO.x).items()} == {"sign": (ROWS, 2), "size": (ROWS, 1)}


@pytest.mark.thorough
def test_the_seed_determines_the_result_of_fit() -> None:
    first, again, other = trained(two), trained(two), trained(two, seed=6)
    assert first.outcome is not None
    assert again.outcome is not None
    assert (first.outcome.loss, first.outcome.validation) == (again.outcome.loss, again.outcome.validation)
    assert all(np.array_equal(a, b) for a, b in zip(weights_of(first), weights_of(again), strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(weights_of(first), weights_of(other), strict=True))


@pytest.mark.thorough
def test_one_warning_names_the_reason_for_keras_fit() -> None:
    with pytest.warns(
        HpoWarning, match=r"^the model has several inputs, so Keras's own fit trains it, 2 to 20 times slower"
    ):
        assert trained(two, epochs=1).why_fit == "the model has several inputs"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert trained(one, ONE, "accuracy", epochs=1).why_fit is None


@pytest.mark.thorough
def test_a_metric_is_of_the_output_it_names() -> None:
    run = trained(two, metric="size_mae", epochs=1)
    assert run.outcome is not None
    said = run.predict(TWO.x)["size"][:, 0]
    assert run.outcome.validation == pytest.approx(np.abs(said - TWO.y["size"]).mean(), rel=1e-5)
    with pytest.raises(DefinitionError, match="'accuracy' is of none of the model's outputs sign, size"):
        trained(two, metric="accuracy")
    with pytest.raises(DefinitionError, match="metric 'nonsense' is unknown"):
        trained(two, metric="sign_nonsense")


@pytest.mark.thorough
def test_a_metric_of_ones_own_is_of_all_outputs() -> None:
    def own(y: Any, outputs: Any) -> float:
        assert set(y) == set(outputs) == {"sign", "size"}
        return float(np.mean(outputs["sign"].argmax(axis=1) == y["sign"]))

    run = trained(two, metric=OwnMetric(name="both", function=own, direction="maximize"))
    same = trained(two)
    assert run.outcome is not None
    assert same.outcome is not None
    assert run.outcome.validation == pytest.approx(same.outcome.validation)


def test_targets_of_an_output_that_go_with_nothing_are_refused() -> None:
    wrong = Rows(x=TWO.x, y={"sign": SIGN + 1, "size": TWO.y["size"]})
    with pytest.raises(Infeasible, match=r"output sign: loss .* takes class numbers from 0 to 1"):
        trained(two, wrong)
    with pytest.raises(DefinitionError, match="y has label, size, and the model an output sign"):
        trained(two, Rows(x=TWO.x, y={"label": SIGN, "size": TWO.y["size"]}))


def test_inputs_and_targets_in_tuples_need_no_names() -> None:
    def paired(**more: Any) -> Recipe:
        made = two(**more)
        left, right = made.model.inputs
        model = keras.Model([left, right], [made.model.output["sign"], made.model.output["size"]])
        return Recipe(model=model, optimizer="sgd", loss=["sparse_categorical_crossentropy", "mse"])

    data = Rows(x=(LEFT, RIGHT), y=(SIGN, TWO.y["size"]))
    run = trained(paired, data, epochs=1)
    assert run.outcome is not None
    assert 0 <= run.outcome.train <= 1


# What follows from steps and scores


@pytest.mark.thorough
def test_every_step_has_the_rate_of_its_schedule() -> None:
    seen = Seen()
    trained(two, more={"schedule": OneCycle(), "callbacks": (seen,)})
    np.testing.assert_allclose(seen.rates, OneCycle().rates(0.02, 12), rtol=1e-6)


@pytest.mark.thorough
def test_a_short_training_by_fit_resamples_the_full_schedule() -> None:
    seen = Seen()
    trained(two, epochs=1, more={"schedule": OneCycle(), "callbacks": (seen,)}, full=FullTraining(epochs=4, rows=ROWS))
    np.testing.assert_allclose(seen.rates, OneCycle().rates(0.02, 16)[[0, 5, 10, 15]], rtol=1e-6)


@pytest.mark.thorough
def test_early_stopping_ends_fit_and_restores_the_best_weights() -> None:
    stopping = EarlyStopping(patience=1)
    run = trained(two, more={"stopping": stopping, "optimizer": keras.optimizers.SGD(0.0)}, epochs=9)
    assert run.stopped
    assert run.epochs_done == 2
    assert run.outcome is not None
    assert run.outcome.number == 1


@pytest.mark.thorough
def test_performance_scheduling_lowers_the_rate_under_fit() -> None:
    seen = Seen()
    schedule = Performance(patience=1, factor=0.5, min_delta=10.0)
    trained(two, more={"schedule": schedule, "callbacks": (seen,)})
    np.testing.assert_allclose(seen.rates[::4], [0.02, 0.02, 0.01], rtol=1e-6)


def test_divergence_under_fit_names_step_and_epoch() -> None:
    with pytest.raises(Diverged, match="the loss was not finite at step 2 of epoch 1"):
        trained(two, more={"optimizer": keras.optimizers.SGD(1e20)})


@pytest.mark.thorough
def test_long_epochs_of_fit_send_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    from hpo.training import epoch_parts

    monkeypatch.setattr(epoch_parts, "LONG", -1.0)
    beats: list[None] = []
    trained(two, epochs=2, beat=lambda: beats.append(None), more={"batch_size": 5})
    assert len(beats) == 2 * (epoch_parts.PARTS - 1)


# Callbacks


@pytest.mark.thorough
def test_callbacks_see_one_training() -> None:
    seen = Seen()
    trained(one, ONE, "accuracy", more={"callbacks": (seen,)})
    assert seen.told == ["begin", 0, 1, 2, "end"]
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(seen.logs)


@pytest.mark.thorough
def test_a_callback_may_end_the_training() -> None:
    seen = Seen(stop_after=2)
    run = trained(one, ONE, "accuracy", more={"callbacks": (seen,)}, epochs=5)
    assert (run.epochs_done, run.stopped) == (2, True)
    assert seen.told == ["begin", 0, 1, "end"]


def test_the_epoch_with_which_a_callback_ends_the_training_is_scored() -> None:
    made = build(lambda _: one(callbacks=(Seen(stop_after=2),)), {}, SEED)
    run = Run(made, ONE, ONE, epochs=5, metric="accuracy", seed=SEED)
    first, last = (run.epoch(scored=False) for _ in range(2))
    assert first.validation is None
    assert last.validation is not None
    assert run.stopped


def test_an_object_that_is_no_callback_is_refused() -> None:
    with pytest.raises(DefinitionError, match="callbacks holds a str"):
        one(callbacks=("early",))


# Weights


@pytest.mark.thorough
def test_rows_weigh_in_the_loss_and_count_in_a_weighted_metric() -> None:
    weights = np.where(SIGN == 1, 2.0, 0.0)
    weighty = Rows(x=TWO.x, y=TWO.y, sample_weight=weights)
    doubled = TWO.take(np.flatnonzero(SIGN == 1))
    run = trained(two, weighty, epochs=1, weighted=True)
    said = run.predict(TWO.x)["sign"].argmax(axis=1)
    assert run.evaluate(weighty) == pytest.approx(np.mean(said[SIGN == 1] == 1))
    assert run.evaluate(weighty) == pytest.approx(trained_again(run, doubled))
    by_class = trained(one, ONE, "accuracy", more={"class_weight": {0: 0.0, 1: 2.0}, "callbacks": (Seen(),)})
    by_row = trained(one, Rows(x=LEFT, y=SIGN, sample_weight=weights), "accuracy", more={"callbacks": (Seen(),)})
    for got, expected in zip(weights_of(by_class), weights_of(by_row), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-6)


def trained_again(run: Run, rows: Rows) -> float:
    """The share of rows that the run's model has right."""
    return float(np.mean(run.predict(rows.x)["sign"].argmax(axis=1) == rows.y["sign"]))


# What fit cannot do


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"phases": (Phase(epochs=1), Phase())}, "Recipe.phases cannot be heeded: freeze layers"),
        ({"clip": Clip(by="norm")}, "Recipe.clip cannot be heeded: give the optimizer"),
        ({"penalty": Penalty(l2=0.1)}, "Recipe.penalty cannot be heeded: give the layers"),
        ({"max_norm": 1.0}, "Recipe.max_norm cannot be heeded"),
        ({"average": 0.5}, "Recipe.average cannot be heeded"),
        ({"schedule": LinearOneCycle()}, "Recipe.schedule cannot be heeded: give the schedule momentum=None"),
        ({"class_weight": {0: 2.0}}, "Recipe.class_weight cannot be heeded: weigh rows"),
        ({"augment": lambda x: x}, "Recipe.augment cannot be heeded: augment in layers"),
    ],
)
def test_recipe_fields_fit_does_not_support_are_refused_by_name(given: dict[str, Any], words: str) -> None:
    with pytest.raises(DefinitionError, match=f"the model has several inputs, so {words}"):
        trained(two, more=given)


@pytest.mark.thorough
def test_augmentation_of_one_input_is_applied_and_repeated() -> None:
    def doubled(x: Any) -> Any:
        return x + keras.random.normal((4,))

    runs = [
        trained(one, ONE, "accuracy", more={"augment": each, "callbacks": (Seen(),)}) for each in (doubled, doubled)
    ]
    plain = trained(one, ONE, "accuracy", more={"callbacks": (Seen(),)})
    first, again, without = (run.outcome and run.outcome.loss for run in (*runs, plain))
    assert first == again != without


# Streams


def batches(seed: int | None = None, *, scale: float = 1.0) -> Any:
    made = tf.data.Dataset.from_tensor_slices((LEFT * scale, SIGN))
    return (made if seed is None else made.shuffle(ROWS, seed=seed)).batch(BATCH)


def share(y: Any, outputs: Any) -> float:
    return float(np.mean(outputs.argmax(axis=1) == y))


SHARE = OwnMetric(name="share", function=share, direction="maximize")
STREAM, JUDGED = Stream(make=lambda seed: batches(seed)), Stream(make=lambda _: batches())


class Batches(keras.utils.PyDataset):
    """The same rows as a PyDataset."""

    @property
    def num_batches(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        return LEFT[index * BATCH : (index + 1) * BATCH], SIGN[index * BATCH : (index + 1) * BATCH]


def streamed(data: Stream = STREAM, validation: Stream = JUDGED, **options: Any) -> Run:
    return trained(
        options.pop("recipe", one), data, options.pop("metric", "accuracy"), validation=validation, **options
    )


@pytest.mark.thorough
def test_a_stream_is_trained_on_and_its_seed_says_the_order() -> None:
    first, again, other = streamed(), streamed(), streamed(seed=6)
    assert all(np.array_equal(a, b) for a, b in zip(weights_of(first), weights_of(again), strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(weights_of(first), weights_of(other), strict=True))
    assert first.why_fit == "the data are streamed"
    said = first.predict(LEFT).argmax(axis=1)
    assert first.evaluate(JUDGED) == pytest.approx(np.mean(said == SIGN))


def test_a_pydataset_is_a_stream_of_the_same() -> None:
    plain = Stream(make=lambda _: Batches())
    for got, expected in zip(weights_of(streamed(plain)), weights_of(streamed(JUDGED)), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.thorough
def test_the_steps_of_a_stream_are_the_first_batches_of_each_epoch() -> None:
    for make in (lambda _: batches(), lambda _: Batches()):
        seen = Seen()
        streamed(Stream(make=make, steps=2), more={"callbacks": (seen,), "schedule": OneCycle()})
        np.testing.assert_allclose(seen.rates, OneCycle().rates(0.01, 6), rtol=1e-6)


def test_normalization_is_adapted_on_the_training_stream() -> None:
    def normalized(**more: Any) -> Recipe:
        return one(model=keras.Sequential([keras.Input((4,)), L.Normalization(), L.Dense(2, "softmax")]), **more)

    run = streamed(Stream(make=lambda _: batches(scale=3.0)), recipe=normalized, epochs=1)
    np.testing.assert_allclose(np.asarray(run.model().layers[0].mean)[0], LEFT.mean(axis=0) * 3, atol=1e-4)


@pytest.mark.thorough
def test_batches_may_differ_in_length_and_padding_is_ignored() -> None:
    def padded(width: int) -> Iterator[Any]:
        for length in (3, 5):
            words = np.zeros((8, length + width), np.int32)
            words[:, :length] = np.arange(8)[:, None] % 3 + 1
            yield words, np.arange(8) % 2

    def stream(width: int) -> Stream:
        spec = (tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None,), tf.int64))
        made = lambda _: tf.data.Dataset.from_generator(lambda: padded(width), output_signature=spec)  # noqa: E731
        return Stream(make=made)

    def recurrent(**more: Any) -> Recipe:
        layers = [L.Embedding(4, 3, mask_zero=True), L.LSTM(4), L.Dense(2, "softmax")]
        return one(model=keras.Sequential([keras.Input((None,), dtype="int32"), *layers]), **more)

    for got, expected in zip(
        weights_of(streamed(stream(0), stream(0), recipe=recurrent)),
        weights_of(streamed(stream(4), stream(4), recipe=recurrent)),
        strict=True,
    ):
        np.testing.assert_allclose(got, expected, atol=1e-5)


WORDS = [[1, 2, 3], [1], [2, 2], [3, 1, 1, 2], [2, 1], [3], [1, 3, 3], [2]]
SPOKEN = np.arange(8) % 2


class Padded(L.Layer):
    """A layer of somebody's own that takes ragged batches."""

    def call(self, x: Any) -> Any:
        return x.to_tensor() if isinstance(x, tf.RaggedTensor) else x

    def compute_output_shape(self, shape: Any) -> Any:
        return shape


def of_words(*layers: keras.layers.Layer) -> Callable[..., Recipe]:
    def made(**more: Any) -> Recipe:
        its = [keras.Input((None,), dtype="int32"), *(type(each).from_config(each.get_config()) for each in layers)]
        return one(model=keras.Sequential([*its, L.Dense(2, "softmax")]), **more)

    return made


MASKED = of_words(Padded(), L.Embedding(4, 3, mask_zero=True), L.LSTM(4))


def said(batch: Callable[[Any], Any]) -> Stream:
    """The words a batch at a time; `batch` says how they are put together."""
    ragged = tf.data.Dataset.from_tensor_slices((tf.ragged.constant(WORDS, dtype="int32"), SPOKEN))
    return Stream(make=lambda _: batch(ragged))


def plain(ragged: Any) -> Any:
    return ragged.map(lambda words, label: (words.to_tensor() if hasattr(words, "to_tensor") else words, label))


RAGGED = said(lambda ragged: ragged.batch(4))
OF_ONE_LENGTH = said(lambda ragged: plain(ragged).padded_batch(4))


class Spoken(keras.utils.PyDataset):
    """The words as a PyDataset, each batch as long as its longest."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.widths = widths

    @property
    def num_batches(self) -> int:
        return len(self.widths)

    def __getitem__(self, index: int) -> Any:
        words = keras.utils.pad_sequences(WORDS[4 * index % 8 :][:4], self.widths[index], padding="post")
        return words, SPOKEN[4 * index % 8 :][:4]


@pytest.mark.thorough
@pytest.mark.parametrize(
    "stream", [RAGGED, Stream(make=lambda _: Spoken((4, 3)))], ids=["ragged", "a PyDataset of varying lengths"]
)
def test_ragged_sequences_give_the_result_of_padded_ones(stream: Stream) -> None:
    run, same = streamed(stream, stream, recipe=MASKED), streamed(OF_ONE_LENGTH, OF_ONE_LENGTH, recipe=MASKED)
    for got, expected in zip(weights_of(run), weights_of(same), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-6)
    assert run.outcome is not None
    assert same.outcome is not None
    assert run.outcome.validation == pytest.approx(same.outcome.validation)
    assert run.evaluate(RAGGED) == pytest.approx(run.evaluate(OF_ONE_LENGTH))


def test_ragged_batches_reach_keras_layers_that_support_them() -> None:
    run = streamed(RAGGED, RAGGED, recipe=of_words(L.Embedding(4, 3), L.GlobalAveragePooling1D()), metric=SHARE)
    assert run.outcome is not None
    means = [run.model().layers[0](np.array([words])).numpy().mean(axis=1) for words in WORDS]
    outputs = run.model().layers[-1](np.concatenate(means)).numpy()
    assert run.outcome.validation == pytest.approx(np.mean(outputs.argmax(axis=1) == SPOKEN))


def test_batches_bucketed_by_length_are_trained_on() -> None:
    def buckets(ragged: Any) -> Any:
        return plain(ragged).bucket_by_sequence_length(tf_length, [2, 4], [4, 4, 4])

    stream = said(buckets)
    assert len(list(stream.make(0))) == 3
    run = streamed(stream, stream, recipe=MASKED)
    assert run.evaluate(stream) == pytest.approx(run.evaluate(OF_ONE_LENGTH))


def tf_length(words: Any, label: Any) -> Any:
    return tf.shape(words)[0]


@pytest.mark.parametrize(
    ("stream", "recipe", "words"),
    [
        (
            RAGGED,
            of_words(L.Embedding(4, 3), L.LSTM(4)),
            r"^the batches are ragged, and \w+ does not take such \(.*\): pad them, such as by padded_batch\(\) or",
        ),
        (
            Stream(make=lambda _: RAGGED.make(0).map(lambda words, label: (words, words))),
            MASKED,
            "^y of a batch is ragged, which no loss of Keras takes: pad them",
        ),
        (
            Stream(make=lambda _: Spoken((4, 4, 3))),
            MASKED,
            r"^a batch of the stream has another shape than its first two: \(4, 3\) and not \(None, 4\), and Keras",
        ),
    ],
    ids=["layers that take none", "targets", "late"],
)
def test_unsupported_ragged_or_varying_lengths_are_refused_in_one_line(stream: Stream, recipe: Any, words: str) -> None:
    with pytest.raises((DataError, DefinitionError), match=words) as refused:
        streamed(stream, stream, recipe=recipe)
    assert "\n" not in str(refused.value)


@pytest.mark.thorough
def test_a_metric_of_all_rows_and_one_of_ones_own_are_of_a_whole_stream() -> None:
    mine = streamed(metric=SHARE).outcome
    theirs = streamed().outcome
    assert mine is not None
    assert theirs is not None
    assert mine.validation == pytest.approx(theirs.validation)


@pytest.mark.parametrize(
    ("make", "more", "words"),
    [
        (lambda _: iter([1]), {}, "a stream is a list_iterator: make a batched tf.data.Dataset"),
        (lambda _: tf.data.Dataset.from_tensor_slices(LEFT).batch(8), {}, "give .inputs, targets., or"),
        (
            lambda _: batches().filter(lambda x, y: True),
            {"schedule": OneCycle()},
            "nobody knows how many batches an epoch has, so Recipe.schedule, a OneCycle",
        ),
        (lambda _: batches(), {"watch": 0.2}, "the data are streamed, so Recipe.watch cannot be heeded"),
    ],
)
def test_an_invalid_stream_is_refused_in_one_line(make: Any, more: dict[str, Any], words: str) -> None:
    with pytest.raises((DataError, DefinitionError), match=words):
        streamed(Stream(make=make), more=more)


@pytest.mark.thorough
def test_without_a_known_length_a_stream_is_trained_to_its_end() -> None:
    run = streamed(Stream(make=lambda _: batches().filter(lambda x, y: True)))
    same = streamed(JUDGED)
    for got, expected in zip(weights_of(run), weights_of(same), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-6)


# Mixed precision


@pytest.mark.thorough
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_policy_set_in_build_is_that_of_its_model_and_of_no_other(policy: str) -> None:
    def mixed(**more: Any) -> Recipe:
        keras.mixed_precision.set_global_policy(policy)
        return one(**more)

    run = trained(mixed, ONE, "accuracy", epochs=2)
    assert run.why_fit is None
    assert keras.config.dtype_policy().name == "float32"
    assert run.model().layers[0].compute_dtype == policy.removeprefix("mixed_")
    theirs = trained(mixed, ONE, "accuracy", epochs=2, more={"callbacks": (Seen(),)})
    for got, expected in zip(weights_of(run), weights_of(theirs), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-5)
