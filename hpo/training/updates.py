"""Optimizer steps as single kernels.

Keras writes an optimizer as a dozen elementwise passes over every variable. TensorFlow has kernels that do the same
arithmetic in one or two. `UPDATES` maps an optimizer class to its step; a class that is not there, what is configured
with anything a step does not know (an average of the weights, gradient accumulation, dynamic loss scaling), and weights
that are no 32-bit floats take Keras' own way. That way goes through tf.distribute, whose AutoGraph keeps each graph it
has met, about 4 MB, for the life of the process.

A step takes its rate and its momentum as scalars, so that neither is compiled in: schedules cycle them, searches vary
them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from hpo.training.keras_internals import nadam_product, optimizer_state
from hpo.training.schedules import StepSchedules

__all__ = [
    "MOMENTA",
    "UPDATES",
    "Slots",
    "fused",
    "is_of_some_rows",
    "momentum",
    "of_some_rows",
    "prepare",
    "scales_dynamically",
]

raw = tf.raw_ops
Slots = list[tuple[Any, ...]]  # for each trainable variable, the state its kernel keeps
Update = Callable[[Any, Slots, Sequence[Any], Sequence[Any], StepSchedules], None]

MOMENTA: dict[type, str] = {
    keras.optimizers.SGD: "momentum",
    keras.optimizers.RMSprop: "momentum",
    keras.optimizers.Adam: "beta_1",
    keras.optimizers.AdamW: "beta_1",
    keras.optimizers.Adamax: "beta_1",
    keras.optimizers.Nadam: "beta_1",
}
"""What each optimizer calls its momentum."""


def fused(optimizer: Any, model: Any) -> bool:
    """Whether a kernel computes exactly what this optimizer does to the weights of a built model."""
    plain = not (optimizer.use_ema or optimizer.gradient_accumulation_steps or scales_dynamically(optimizer, model))
    return plain and type(optimizer) in UPDATES and all(_is_common(weight) for weight in model.trainable_variables)


def scales_dynamically(optimizer: Any, model: Any) -> bool:
    """Whether Keras trains this model with a loss scale that follows the gradients: of itself in half precision."""
    scaling = isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer)
    return scaling or model.dtype_policy.name == "mixed_float16"


def momentum(optimizer: Any, model: Any) -> float | None:
    """The optimizer's momentum where its step takes one; None where it has none, or Keras' own way is taken."""
    name = MOMENTA.get(type(optimizer))
    if name is None or not fused(optimizer, model):
        return None
    value = float(getattr(optimizer, name))
    return None if name == "momentum" and value == 0 else value


def prepare(optimizer: Any) -> Slots:
    """The state of each trainable variable of a built optimizer, in the order its kernel takes it.

    Adagrad's kernel adds no epsilon under the root, so epsilon is put into its accumulators here, once. RMSprop's
    kernels need a momentum also where it is 0.
    """
    slots = optimizer_state(optimizer)
    if isinstance(optimizer, keras.optimizers.RMSprop) and not optimizer.momentum:
        slots = [(*state, tf.Variable(tf.zeros_like(state[0]), trainable=False)) for state in slots]
    if isinstance(optimizer, keras.optimizers.Adagrad):
        for (accumulator,) in slots:
            accumulator.assign_add(tf.fill(accumulator.shape, optimizer.epsilon))
    return slots


def _is_common(weight: Any) -> bool:
    """Whether a weight is changed by a step in the usual way: some of 8-bit floats are replaced by their gradient."""
    return weight.dtype == "float32" and not getattr(weight, "overwrite_with_gradient", False)


def is_of_some_rows(optimizer: Any, gradient: Any) -> bool:
    """Whether the step of a weight with such a gradient differs from that of its kernel; SGD's does not."""
    return isinstance(gradient, tf.IndexedSlices) and not isinstance(optimizer, keras.optimizers.SGD)


def of_some_rows(optimizer: Any, variable: Any, gradient: Any, given: StepSchedules) -> None:
    """The step of a weight whose gradient is of some of its rows, an embedding's, in Keras' own way: that of no other.

    Keras leaves the state of all other rows as it is, where a kernel would let it decay. Of an optimizer whose kernel
    takes the other weights; what is set here is of this step alone.

    Args:
        optimizer: a built one.
        variable: the weight, a tf.Variable.
        gradient: tf.IndexedSlices.
        given: the rate and the momentum.

    """
    settings: dict[str, Any] = {}
    if given.momentum is not None and not isinstance(optimizer, keras.optimizers.RMSprop):  # it asks if there is any
        settings[MOMENTA[type(optimizer)]] = _beta(given)
    if isinstance(optimizer, keras.optimizers.Adagrad):
        settings["epsilon"] = 0.0  # it is in the accumulators
    before = {name: getattr(optimizer, name) for name in settings}
    try:
        vars(optimizer).update(settings)
        optimizer.update_step(gradient, variable, given.rate)
    finally:
        vars(optimizer).update(before)


def _beta(given: StepSchedules) -> Any:
    """The momentum as the kernels take it."""
    return 0.0 if given.momentum is None else tf.cast(given.momentum, tf.float32)


def _step(optimizer: Any) -> Any:
    """Number of this step, from 1, as float32."""
    return tf.cast(optimizer.iterations.value + 1, tf.float32)


def _adam(o: Any, slots: Slots, variables: Sequence[Any], gradients: Sequence[Any], given: StepSchedules) -> None:
    step = _step(o)
    beta_1 = _beta(given)
    common = {
        "beta1_power": tf.pow(beta_1, step),
        "beta2_power": tf.pow(o.beta_2, step),
        "lr": given.rate,
        "beta1": beta_1,
        "beta2": o.beta_2,
        "epsilon": o.epsilon,
    }
    for state, variable, gradient in zip(slots, variables, gradients, strict=True):
        handles = dict(zip(("m", "v", "vhat"), (s.handle for s in state), strict=False))
        kernel = raw.ResourceApplyAdamWithAmsgrad if o.amsgrad else raw.ResourceApplyAdam
        kernel(var=variable.handle, **handles, **common, grad=gradient)


def _rmsprop(o: Any, slots: Slots, variables: Sequence[Any], gradients: Sequence[Any], given: StepSchedules) -> None:
    common = {"lr": given.rate, "rho": o.rho, "momentum": _beta(given), "epsilon": o.epsilon}
    for state, variable, gradient in zip(slots, variables, gradients, strict=True):
        names = ("mg", "ms", "mom") if o.centered else ("ms", "mom")
        handles = dict(zip(names, (s.handle for s in state), strict=True))
        kernel = raw.ResourceApplyCenteredRMSProp if o.centered else raw.ResourceApplyRMSProp
        kernel(var=variable.handle, **handles, **common, grad=gradient)


def _sgd(o: Any, slots: Slots, variables: Sequence[Any], gradients: Sequence[Any], given: StepSchedules) -> None:
    beta = _beta(given)
    for state, variable, gradient in zip(slots, variables, gradients, strict=True):
        if state:
            raw.ResourceApplyKerasMomentum(
                var=variable.handle,
                accum=state[0].handle,
                lr=given.rate,
                grad=gradient,
                momentum=beta,
                use_nesterov=o.nesterov,
            )
        else:
            raw.ResourceApplyGradientDescent(var=variable.handle, alpha=given.rate, delta=gradient)


def _adamax(o: Any, slots: Slots, variables: Sequence[Any], gradients: Sequence[Any], given: StepSchedules) -> None:
    beta_1 = _beta(given)
    power = tf.pow(beta_1, _step(o))
    for (m, u), variable, gradient in zip(slots, variables, gradients, strict=True):
        raw.ResourceApplyAdaMax(
            var=variable.handle,
            m=m.handle,
            v=u.handle,
            beta1_power=power,
            lr=given.rate,
            beta1=beta_1,
            beta2=o.beta_2,
            epsilon=o.epsilon,
            grad=gradient,
        )


def _adadelta(o: Any, slots: Slots, variables: Sequence[Any], gradients: Sequence[Any], given: StepSchedules) -> None:
    for (accum, update), variable, gradient in zip(slots, variables, gradients, strict=True):
        raw.ResourceApplyAdadelta(
            var=variable.handle,
            accum=accum.handle,
            accum_update=update.handle,
            lr=given.rate,
            rho=o.rho,
            epsilon=o.epsilon,
            grad=gradient,
        )


def _adagrad(o: Any, slots: Slots, variables: Sequence[Any], gradients: Sequence[Any], given: StepSchedules) -> None:  # noqa: ARG001 - one signature
    for (accum,), variable, gradient in zip(slots, variables, gradients, strict=True):
        raw.ResourceApplyAdagrad(var=variable.handle, accum=accum.handle, lr=given.rate, grad=gradient)


def _nadam(o: Any, slots: Slots, variables: Sequence[Any], gradients: Sequence[Any], given: StepSchedules) -> None:
    """No kernel does this one: Keras' arithmetic in plain operations, its scalars computed once for all variables."""
    step = _step(o)
    rate, beta_1, of_new = given.rate, _beta(given), tf.cast(1 - given.momentum, tf.float32)
    now = beta_1 * (1 - 0.5 * tf.pow(0.96, step))
    coming = beta_1 * (1 - 0.5 * tf.pow(0.96, step + 1))
    so_far = nadam_product(o)
    product = so_far * now
    so_far.assign(product)
    of_average = rate * coming / (1 - product * coming)
    of_gradient = rate * (1 - now) / (1 - product)
    correction = 1 - tf.pow(o.beta_2, step)
    for (m, v), variable, gradient in zip(slots, variables, gradients, strict=True):
        average = m.assign_add((gradient - m) * of_new, read_value=True)
        square = v.assign_add((tf.square(gradient) - v) * (1 - o.beta_2), read_value=True)
        change = of_average * average + of_gradient * gradient
        variable.assign_sub(change / (tf.sqrt(square / correction) + o.epsilon))


UPDATES: dict[type, Update] = {
    keras.optimizers.Adam: _adam,
    keras.optimizers.AdamW: _adam,
    keras.optimizers.RMSprop: _rmsprop,
    keras.optimizers.SGD: _sgd,
    keras.optimizers.Adamax: _adamax,
    keras.optimizers.Adadelta: _adadelta,
    keras.optimizers.Adagrad: _adagrad,
    keras.optimizers.Nadam: _nadam,
}
