"""MC dropout: many predictions with dropout switched on, and what their scatter says."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from hpo.errors import UsageError
from hpo.study.checked_records import Whole, check
from hpo.training.keras_internals import all_layers, dismantle
from hpo.training.model_graph import copied
from hpo.training.runtime import exclusive
from hpo.training.variable_layers import AlphaDropout, Dropout

if TYPE_CHECKING:
    from hpo.training.run import Run

__all__ = ["DROPOUTS", "Uncertainty", "classifies", "drops", "mc_predict"]

ROWS = 1024  # of one compiled call
DROPOUTS = (  # the layers that MC dropout keeps on
    Dropout,
    AlphaDropout,
    keras.layers.Dropout,
    keras.layers.AlphaDropout,
    keras.layers.GaussianDropout,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
)


@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """What `samples` predictions of each row came to."""

    samples: Whole  # stochastic passes
    mean: NDArray[np.float32]  # of the outputs over the passes, (rows, outputs): the prediction
    std: NDArray[np.float32]  # of the outputs over the passes, (rows, outputs), divisor `samples`
    entropy: NDArray[np.float32] | None  # of `mean`, (rows,), nats: all uncertainty; None for a regressor
    mutual_information: NDArray[np.float32] | None  # `entropy` less the passes' mean entropy, (rows,), nats: what the
    # weights are to blame for and not the rows, at least 0; None for a regressor

    def __post_init__(self) -> None:
        check(self)


@exclusive
def mc_predict(
    source: "Run | keras.Model", x: NDArray[np.generic], *, samples: int = 100, seed: int = 0
) -> Uncertainty:
    """Predict each row `samples` times with dropout on.

    Dropout is on, and nothing else: batch normalization stays in inference, with its moving averages. The passes are to
    be draws from one distribution over networks (Gal and Ghahramani 2016), and a row's draw must not depend on the rows
    that happen to be predicted with it, as the batch's own statistics would make it; nor may predicting change a model,
    as training's update of those averages would.

    Entropy and mutual information: Gal et al. 2017 (BALD: Houlsby et al. 2011). The model is a classifier where its
    outputs are those of a softmax or, for one of two classes, of a sigmoid.

    Args:
        source: a run, or a built Functional or Sequential model; it is not changed.
        x: rows as the data set stores them, (rows, ...).
        samples: passes, at least 1.
        seed: of the dropout; the same seed and rows give the same numbers.

    Raises:
        UsageError: there are no rows or passes, or the model has no dropout.
        DefinitionError: the model is a class of somebody's own.

    """
    if samples < 1 or not len(x):
        raise UsageError(f"{samples} passes over {len(x)} rows: give at least one of each")
    model = source if isinstance(source, keras.Model) else source.model()
    stochastic = copied(model, _always)
    if not drops(model):
        raise UsageError("the model has no dropout, so all its passes are one: train a configuration that has some")
    _seed(stochastic, seed)
    classifier = classifies(model)
    dtype = tf.as_dtype(model.inputs[0].dtype)
    signature = [tf.TensorSpec((None, *x.shape[1:]), dtype)]
    passes = tf.function(
        lambda rows: _passes(stochastic, rows, samples, classifier), input_signature=signature, autograph=False
    )
    parts = [passes(tf.constant(np.asarray(x[i : i + ROWS], dtype.as_numpy_dtype))) for i in range(0, len(x), ROWS)]
    dismantle(passes)
    mean, variance, entropy, expected = (np.concatenate([part[k].numpy() for part in parts]) for k in range(4))
    return Uncertainty(
        samples=samples,
        mean=mean,
        std=np.sqrt(np.maximum(variance, 0)),
        entropy=entropy if classifier else None,
        mutual_information=np.maximum(entropy - expected, 0) if classifier else None,
    )


def drops(model: keras.Model) -> bool:
    """Whether the model has dropout with a rate above 0."""
    return any(isinstance(layer, DROPOUTS) and layer.rate > 0 for layer in all_layers(model))


def classifies(model: keras.Model) -> bool:
    """Whether the outputs are probabilities: of classes by a softmax, or of one of two by a sigmoid."""
    last = [layer for layer in all_layers(model) if not hasattr(layer, "layers")][-1]
    if isinstance(last, keras.layers.Softmax):
        return True
    given = getattr(last, "activation", None)
    return given is keras.activations.softmax or (given is keras.activations.sigmoid and model.output_shape[-1] == 1)


class _Always(keras.layers.Layer):  # type: ignore[misc]
    """A layer as it is in training, whatever it is called in."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer

    def call(self, inputs: Any) -> Any:
        return self.layer(inputs, training=True)


def _always(layer: Any) -> Any:
    return _Always(layer) if isinstance(layer, DROPOUTS) else layer


def _seed(model: keras.Model, seed: int) -> None:
    """Start every layer's random numbers from `seed` and its place in the model.

    Each draw counts the second number of a state up. The place goes into the first one: were it the second, a layer
    would draw in one pass what the layer before it draws in the next.
    """
    for place, layer in enumerate(all_layers(model)):
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            first = np.random.SeedSequence((seed % 2**32, place)).generate_state(1)[0] % 2**31
            generator.state.assign(np.array([first, 0], dtype=generator.state.dtype))


def _passes(model: keras.Model, rows: Any, samples: int, classifier: bool) -> tuple[Any, Any, Any, Any]:
    """Mean and variance of the outputs, entropy of the mean, mean entropy. Welford's sums: no cancellation."""

    def one(number: Any, mean: Any, squares: Any, entropies: Any) -> tuple[Any, Any, Any, Any]:
        outputs = tf.cast(model(rows, training=False), tf.float32)
        count = tf.cast(number + 1, tf.float32)
        away = outputs - mean
        mean += away / count
        more = _entropy(outputs) if classifier else 0.0
        return number + 1, mean, squares + away * (outputs - mean), entropies + more

    shape = (tf.shape(rows)[0], model.output_shape[-1])
    start = (tf.constant(0), tf.zeros(shape), tf.zeros(shape), tf.zeros(shape[:1]))
    _, mean, squares, entropies = tf.while_loop(lambda n, *_: n < samples, one, start, parallel_iterations=1)
    total = _entropy(mean) if classifier else entropies
    return mean, squares / samples, total, entropies / samples


def _entropy(p: Any) -> Any:
    """Entropy of each row of probabilities, nats; one column is the probability of one of two classes."""
    if p.shape[-1] == 1:
        p = tf.concat([p, 1 - p], axis=-1)
    return -tf.reduce_sum(tf.math.xlogy(p, p), axis=-1)
