"""Optimizer steps as single kernels.

Keras writes an optimizer as a dozen elementwise passes over every variable. TensorFlow has kernels that do the same
arithmetic in one or two. `UPDATES` maps an optimizer class to its step; a class that is not there, and what is
configured with anything a step does not know (EMA, gradient accumulation, loss scaling), takes Keras' own way. That
way goes through tf.distribute, whose AutoGraph keeps each graph it has met, about 4 MB, for the life of the process.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

__all__ = ["UPDATES", "Slots", "fused", "prepare"]

raw = tf.raw_ops
Slots = list[tuple[Any, ...]]  # for each trainable variable, the state its kernel keeps
Update = Callable[[Any, Slots, Sequence[Any], Sequence[Any], Any], None]


def fused(optimizer: Any) -> bool:
    """Whether a kernel computes exactly what this optimizer does."""
    plain = not (optimizer.use_ema or optimizer.gradient_accumulation_steps or optimizer.loss_scale_factor)
    return plain and type(optimizer) in UPDATES


def prepare(optimizer: Any) -> Slots:
    """The state of each trainable variable of a built optimizer, in the order its kernel takes it.

    Adagrad's kernel adds no epsilon under the root, so epsilon is put into its accumulators here, once. RMSprop's
    kernels need a momentum also where it is 0.
    """
    slots = _SLOTS[type(optimizer)](optimizer)
    if isinstance(optimizer, keras.optimizers.Adagrad):
        for (accumulator,) in slots:
            accumulator.assign_add(tf.fill(accumulator.shape, optimizer.epsilon))
    return slots


def _variables(*lists: Sequence[Any]) -> Slots:
    return [tuple(variable.value for variable in state) for state in zip(*lists, strict=True)]


def _rmsprop_slots(optimizer: Any) -> Slots:
    slots = _variables(*([optimizer._average_gradients] if optimizer.centered else []), optimizer._velocities)
    if optimizer.momentum:
        momentums = [momentum.value for momentum in optimizer._momentums]
    else:
        momentums = [tf.Variable(tf.zeros_like(state[0]), trainable=False) for state in slots]
    return [(*state, momentum) for state, momentum in zip(slots, momentums, strict=True)]


_SLOTS: dict[type, Callable[[Any], Slots]] = {
    keras.optimizers.Adam: lambda o: _variables(
        o._momentums, o._velocities, *([o._velocity_hats] if o.amsgrad else [])
    ),
    keras.optimizers.RMSprop: _rmsprop_slots,
    keras.optimizers.SGD: lambda o: _variables(o.momentums) if o.momentum else [() for _ in o._trainable_variables],
    keras.optimizers.Adamax: lambda o: _variables(o._m, o._u),
    keras.optimizers.Adadelta: lambda o: _variables(o._accumulated_grads, o._accumulated_delta_vars),
    keras.optimizers.Adagrad: lambda o: _variables(o._accumulators),
}
_SLOTS[keras.optimizers.Nadam] = lambda o: _variables(o._momentums, o._velocities)
_SLOTS[keras.optimizers.AdamW] = _SLOTS[keras.optimizers.Adam]


def _step(optimizer: Any) -> Any:
    """Number of this step, from 1, as float32."""
    return tf.cast(optimizer.iterations.value + 1, tf.float32)


def _adam(o: Any, slots: Slots, variables: Sequence[Any], gradients: Sequence[Any], rate: Any) -> None:
    step = _step(o)
    common = {
        "beta1_power": tf.pow(o.beta_1, step),
        "beta2_power": tf.pow(o.beta_2, step),
        "lr": rate,
        "beta1": o.beta_1,
        "beta2": o.beta_2,
        "epsilon": o.epsilon,
    }
    for state, variable, gradient in zip(slots, variables, gradients, strict=True):
        handles = dict(zip(("m", "v", "vhat"), (s.handle for s in state), strict=False))
        kernel = raw.ResourceApplyAdamWithAmsgrad if o.amsgrad else raw.ResourceApplyAdam
        kernel(var=variable.handle, **handles, **common, grad=gradient)


def _rmsprop(o: Any, slots: Slots, variables: Sequence[Any], gradients: Sequence[Any], rate: Any) -> None:
    common = {"lr": rate, "rho": o.rho, "momentum": float(o.momentum), "epsilon": o.epsilon}
    for state, variable, gradient in zip(slots, variables, gradients, strict=True):
        names = ("mg", "ms", "mom") if o.centered else ("ms", "mom")
        handles = dict(zip(names, (s.handle for s in state), strict=True))
        kernel = raw.ResourceApplyCenteredRMSProp if o.centered else raw.ResourceApplyRMSProp
        kernel(var=variable.handle, **handles, **common, grad=gradient)


def _sgd(o: Any, slots: Slots, variables: Sequence[Any], gradients: Sequence[Any], rate: Any) -> None:
    for state, variable, gradient in zip(slots, variables, gradients, strict=True):
        if state:
            raw.ResourceApplyKerasMomentum(
                var=variable.handle,
                accum=state[0].handle,
                lr=rate,
                grad=gradient,
                momentum=o.momentum,
                use_nesterov=o.nesterov,
            )
        else:
            raw.ResourceApplyGradientDescent(var=variable.handle, alpha=rate, delta=gradient)


def _adamax(o: Any, slots: Slots, variables: Sequence[Any], gradients: Sequence[Any], rate: Any) -> None:
    power = tf.pow(o.beta_1, _step(o))
    for (m, u), variable, gradient in zip(slots, variables, gradients, strict=True):
        raw.ResourceApplyAdaMax(
            var=variable.handle,
            m=m.handle,
            v=u.handle,
            beta1_power=power,
            lr=rate,
            beta1=o.beta_1,
            beta2=o.beta_2,
            epsilon=o.epsilon,
            grad=gradient,
        )


def _adadelta(o: Any, slots: Slots, variables: Sequence[Any], gradients: Sequence[Any], rate: Any) -> None:
    for (accum, update), variable, gradient in zip(slots, variables, gradients, strict=True):
        raw.ResourceApplyAdadelta(
            var=variable.handle,
            accum=accum.handle,
            accum_update=update.handle,
            lr=rate,
            rho=o.rho,
            epsilon=o.epsilon,
            grad=gradient,
        )


def _adagrad(o: Any, slots: Slots, variables: Sequence[Any], gradients: Sequence[Any], rate: Any) -> None:  # noqa: ARG001 - one signature
    for (accum,), variable, gradient in zip(slots, variables, gradients, strict=True):
        raw.ResourceApplyAdagrad(var=variable.handle, accum=accum.handle, lr=rate, grad=gradient)


def _nadam(o: Any, slots: Slots, variables: Sequence[Any], gradients: Sequence[Any], rate: Any) -> None:
    """No kernel does this one: Keras' arithmetic in plain operations, its scalars computed once for all variables."""
    step = _step(o)
    momentum = o.beta_1 * (1 - 0.5 * tf.pow(0.96, step))
    coming = o.beta_1 * (1 - 0.5 * tf.pow(0.96, step + 1))
    product = o._u_product.value * momentum
    o._u_product.value.assign(product)
    of_average = rate * coming / (1 - product * coming)
    of_gradient = rate * (1 - momentum) / (1 - product)
    correction = 1 - tf.pow(o.beta_2, step)
    for (m, v), variable, gradient in zip(slots, variables, gradients, strict=True):
        average = m.assign_add((gradient - m) * (1 - o.beta_1), read_value=True)
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
