"""What hpo.training.keras_internals relies on in Keras and TensorFlow, asked of the versions that are installed.

A test that fails here says what a new version has changed; mend it in keras_internals.py, nowhere else.
"""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from hpo.training import keras_internals as internals
from hpo.training.updates import UPDATES


def network() -> keras.Sequential:
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, name="inner")], name="part")
    return keras.Sequential([keras.Input((3,)), inner, keras.layers.Dense(1, name="last")], name="whole")


def built(optimizer: keras.optimizers.Optimizer, model: keras.Model) -> keras.optimizers.Optimizer:
    optimizer.build(model.trainable_variables)
    return optimizer


def test_a_models_layers_are_listed_in_order_with_those_inside_its_layers() -> None:
    names = [layer.name for layer in internals.all_layers(network())]
    assert names[0] == "whole", "_flatten_layers no longer begins with the model itself"
    assert [name for name in names if name in ("part", "inner", "last")] == ["part", "inner", "last"]
    assert "whole" not in [layer.name for layer in internals.all_layers(network(), itself=False)]


def test_losses_added_by_layers_can_be_cleared() -> None:
    layer = keras.layers.ActivityRegularization(l2=1.0)
    model = keras.Sequential([keras.Input((3,)), layer])
    model(tf.ones((2, 3)))
    assert model.losses
    internals.clear_losses(model)
    assert not model.losses, "_clear_losses no longer forgets what layers added"


def test_keras_keeps_what_a_model_was_compiled_with() -> None:
    model, loss = network(), keras.losses.MeanSquaredError()
    assert internals.compile_config(model) == {}
    model.compile(optimizer="sgd", loss=loss, loss_weights=None)
    config = internals.compile_config(model)
    assert config["loss"] is loss
    assert config["optimizer"] is not None
    assert config["loss_weights"] is None


def test_keras_links_layers_to_input_tensors_and_tensors_to_layers() -> None:
    first, second = keras.layers.Dense(2), keras.layers.Dense(1)
    given = keras.Input((3,))
    middle = first(given)
    keras.Model(given, second(middle))
    assert internals.places(second) == 1, "_inbound_nodes no longer has an entry a place"
    assert internals.input_tensors(second) == [middle]
    assert internals.made_by(middle) is first, "_keras_history no longer names the layer"
    second(first(given))
    assert internals.places(second) == 2


def test_a_mean_metric_exposes_its_function() -> None:
    score = internals.metric_function(keras.metrics.MeanAbsoluteError())
    np.testing.assert_allclose(score(tf.constant([[1.0], [2.0]]), tf.constant([[2.0], [4.0]])), [1, 2])
    assert internals.is_raised(keras.metrics.BinaryAccuracy()), "_direction of accuracies is no longer 'up'"
    assert not internals.is_raised(keras.metrics.MeanSquaredError())
    assert internals.loss_arguments(keras.losses.CategoricalCrossentropy(label_smoothing=0.25)) is not None
    assert internals.loss_arguments(lambda y, outputs: 0) is None


def test_a_compiled_loss_and_its_masks_are_where_the_adapter_expects_them() -> None:
    y, outputs = tf.constant([[1.0], [2.0]]), tf.constant([[2.0], [4.0]])
    assert float(internals.CompileLoss("mse")(y, outputs)) == pytest.approx(2.5)
    assert float(internals.CompileLoss("mse")(y, outputs, tf.constant([[1.0], [0.0]]))) == pytest.approx(0.5)
    assert internals.get_keras_mask(outputs) is None
    masked = keras.layers.Masking()(tf.constant([[[0.0], [1.0]]]))
    assert internals.get_keras_mask(masked).numpy().tolist() == [[False, True]]
    weights = internals.apply_mask(None, tf.constant([True, False]), dtype="float32", reduction="sum")
    assert weights.numpy().tolist() == [1, 0]
    values, counted = internals.reduce_to_samplewise_values(
        tf.constant([[1.0, 3.0]]), None, reduce_fn=keras.ops.mean, dtype="float32"
    )
    assert (values.numpy().tolist(), counted) == ([2.0], None)
    assert internals.is_binary_or_sparse_categorical(tf.ones((2, 1)), tf.ones((2, 1))) == (True, False)
    assert internals.is_binary_or_sparse_categorical(tf.ones((2, 1)), tf.ones((2, 3))) == (False, True)


def test_keras_infers_output_shapes_without_computing() -> None:
    spec = internals.compute_output_spec(network(), keras.KerasTensor((None, 3)), training=False)
    assert spec.shape == (None, 1)


def test_keras_draws_from_the_given_seed_generator() -> None:
    def drawn() -> list[float]:
        with internals.drawing_from(keras.random.SeedGenerator(5)):
            return [float(keras.random.uniform(())) for _ in range(2)]

    before = float(keras.random.uniform(()))
    assert drawn() == drawn(), "random functions without a seed no longer draw from the global generator"
    assert float(keras.random.uniform(())) != before
    keras.utils.set_random_seed(3)
    internals.forget_random_generator()
    import random

    random.seed(3)
    first = float(keras.random.uniform(()))
    internals.forget_random_generator()
    random.seed(3)
    assert float(keras.random.uniform(())) == first, "the global generator is no longer seeded by Python's random"


@pytest.mark.parametrize("kind", UPDATES, ids=lambda kind: kind.__name__)
def test_an_optimizers_state_is_a_variable_a_weight_for_each_moment(kind: type) -> None:
    model = network()
    given = {keras.optimizers.SGD: {"momentum": 0.5}, keras.optimizers.RMSprop: {"momentum": 0.5, "centered": True}}
    state = internals.optimizer_state(built(kind(**given.get(kind, {})), model))
    expected = {keras.optimizers.SGD: 1, keras.optimizers.Adagrad: 1, keras.optimizers.RMSprop: 3}.get(kind, 2)
    assert [len(one) for one in state] == [expected] * len(model.trainable_variables)
    for weight, one in zip(model.trainable_variables, state, strict=True):
        assert all(isinstance(variable, tf.Variable) and variable.shape == weight.shape for variable in one)


def test_keras_creates_optional_optimizer_state_only_on_request() -> None:
    model = network()
    weights = len(model.trainable_variables)
    assert internals.optimizer_state(built(keras.optimizers.SGD(), model)) == [()] * weights
    amsgrad = internals.optimizer_state(built(keras.optimizers.Adam(amsgrad=True), model))
    assert [len(one) for one in amsgrad] == [3] * weights
    plain = internals.optimizer_state(built(keras.optimizers.RMSprop(), model))
    assert [len(one) for one in plain] == [1] * weights


def test_nadams_momentum_product_is_a_variable_that_starts_at_one() -> None:
    assert float(internals.nadam_product(built(keras.optimizers.Nadam(), network()))) == 1


def test_weight_decay_skips_excluded_variables() -> None:
    model = network()
    optimizer = keras.optimizers.AdamW(weight_decay=0.1)
    optimizer.exclude_from_weight_decay(var_list=model.trainable_variables[:1])
    optimizer.build(model.trainable_variables)
    decays = [internals.weight_decays(optimizer, variable) for variable in model.trainable_variables]
    assert decays == [False] + [True] * (len(decays) - 1)
    assert internals.decays_as_all_do(optimizer), "AdamW now decays in a way of its own"
    assert not internals.decays_as_all_do(Own(0.1)), "_apply_weight_decay is no longer the method a class overrides"


class Own(keras.optimizers.SGD):  # type: ignore[misc]
    def _apply_weight_decay(self, variables: object) -> None:
        return None


def test_muon_leaves_vectors_to_adamw() -> None:
    model = network()
    muon = built(keras.optimizers.Muon(), model)
    left = {variable.ndim: internals.muon_leaves_to_adamw(muon, variable) for variable in model.trainable_variables}
    assert left == {1: True, 2: False}
    assert not internals.muon_leaves_to_adamw(built(keras.optimizers.SGD(), model), model.trainable_variables[0])


def test_an_optimizer_clips_gradients_as_configured() -> None:
    (clipped,) = internals.clip_gradients(keras.optimizers.SGD(clipvalue=0.5), [tf.constant([2.0, -0.25])])
    assert clipped.numpy().tolist() == [0.5, -0.25]


def test_an_optimizer_keeps_moving_averages_beside_the_weights() -> None:
    model = network()
    pairs = internals.moving_averages(built(keras.optimizers.SGD(use_ema=True), model))
    assert [weight.shape for weight, _ in pairs] == [mean.shape for _, mean in pairs]
    assert len(pairs) == len(model.trainable_variables)


def test_an_optimizer_keeps_the_learning_rate_as_given() -> None:
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    assert internals.given_learning_rate(keras.optimizers.SGD(schedule)) is schedule
    assert float(internals.given_learning_rate(keras.optimizers.SGD(0.25))) == 0.25


@pytest.mark.thorough
def test_a_dismantled_function_releases_its_graph() -> None:
    @tf.function(autograph=False)
    def counts(n: tf.Tensor) -> tf.Tensor:
        return tf.while_loop(lambda i: i < n, lambda i: (i + 1,), (tf.constant(0),))[0]

    assert int(counts(tf.constant(3))) == 3
    (concrete,) = counts._function_cache.values()
    operations = [weakref.ref(operation) for operation in concrete.graph.get_operations()]
    assert operations
    internals.dismantle(counts)
    del counts, concrete
    gc.collect()
    assert not any(one() is not None for one in operations), "a function's graphs are kept in some other place now"
    internals.clear_kernel_cache()
    assert float(tf.add(1.0, 1.0)) == 2
