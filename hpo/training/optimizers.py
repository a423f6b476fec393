"""Optimizers by their names, made by Keras; `hpo.training.updates` makes their steps in the compiled loop.

Learning rate and weight decay have a decoupled form, in which the best values hardly depend on batch size and momentum,
so that a search need not learn how they hang together. With b the batch size by 1024, m the momentum of gradient
descent:

    gradient descent        r = rate b (1 - m)    rate: how far 1024 examples of a mean gradient of 1 carry a weight;
                                                  momentum carries it 1 / (1 - m) times as far
    Adam, RMSprop, others   r = rate sqrt(b)      of a step that is scaled by its size, noise counts and not its mean
    that scale their steps                        (Malladi et al., arXiv 2205.10287)
    weight decay            w = decay b / r       decay: the share of a weight that 1024 examples take off it where the
                                                  rate is r; Keras takes off r w in each step

The first and the third are those of Jordan, arXiv 2404.00498.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hpo.errors import DefinitionError

if TYPE_CHECKING:
    import keras

__all__ = ["OPTIMIZERS", "coupled", "decoupled", "optimizer"]

_EXAMPLES = 1024  # that decoupled rates and decays are for

OPTIMIZERS: Mapping[str, str] = MappingProxyType(
    {
        "sgd": "w -= r g; r 0.01; Robbins and Monro 1951",
        "momentum": "m = momentum m - r g, w += m; r 0.01, momentum 0.9; Polyak 1964",
        "nesterov": "m = momentum m - r g, w += momentum m - r g; r 0.01, momentum 0.9; Nesterov 1983",
        "adagrad": "s += g², w -= r g / sqrt(s + e), s 0.1 at first; r 0.001; Duchi et al. 2011",
        "rmsprop": "s = rho s + (1 - rho) g², w -= r g / sqrt(s + e); r 0.001, rho 0.9; Tieleman and Hinton 2012",
        "adam": "m = beta_1 m + (1 - beta_1) g, s = beta_2 s + (1 - beta_2) g²,"
        " w -= r sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(s) + e); r 0.001, beta_1 0.9, beta_2 0.999;"
        " Kingma and Ba 2015",
        "nadam": "Adam's m and s with u(t) = beta_1 (1 - 0.96^t / 2) for a momentum, U its product up to t,"
        " w -= r (u(t+1) m / (1 - U u(t+1)) + (1 - u(t)) g / (1 - U)) / (sqrt(s / (1 - beta_2^t)) + e);"
        " Adam's defaults; Dozat 2016",
        "adamax": "Adam's m and u = max(beta_2 u, |g|), w -= r m / ((1 - beta_1^t) (u + e)); Adam's defaults;"
        " Kingma and Ba 2015, section 7",
        "adadelta": "s = rho s + (1 - rho) g², v = g sqrt(d + e) / sqrt(s + e), d = rho d + (1 - rho) v², w -= r v;"
        " r 0.001, rho 0.95; Zeiler 2012, where r is 1",
        "adamw": "w -= r weight_decay w, then Adam; Adam's defaults, weight_decay 0.004; Loshchilov and Hutter 2019",
    }
)
"""Name of each optimizer -> the formula of a step, its defaults and source; all are Keras' own. g is the gradient, r
the rate, t the number of the step from 1, e = 1e-7 against division by 0; what a step keeps begins at 0, but for
AdaGrad's s."""

_CLASSES: Mapping[str, tuple[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "sgd": ("SGD", {}),
        "momentum": ("SGD", {"momentum": 0.9}),
        "nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
        "adagrad": ("Adagrad", {}),
        "rmsprop": ("RMSprop", {}),
        "adam": ("Adam", {}),
        "nadam": ("Nadam", {}),
        "adamax": ("Adamax", {}),
        "adadelta": ("Adadelta", {}),
        "adamw": ("AdamW", {}),
    }
)
"""Name -> Keras' class, and in which of its arguments ours differs from its defaults."""


def optimizer(name: str, **numbers: float) -> "keras.optimizers.Optimizer":
    """A fresh optimizer.

    Args:
        name: of `OPTIMIZERS`.
        numbers: learning_rate, and what else the optimizer has (momentum, rho, beta_1, beta_2, weight_decay); those
            not given are its defaults.

    Raises:
        DefinitionError: the name is unknown, or a number is not one of that optimizer's or out of its range.

    """
    import keras

    if name not in OPTIMIZERS:
        raise DefinitionError(f"there is no optimizer {name!r}: take one of {', '.join(OPTIMIZERS)}")
    kind, own = _CLASSES[name]
    try:
        return getattr(keras.optimizers, kind)(**{**own, **numbers})
    except (TypeError, ValueError) as error:
        raise DefinitionError(f"optimizer {name}: {error}") from None


def coupled(rate: float, decay: float | None = None, *, batch_size: int, momentum: float | None) -> dict[str, float]:
    """`learning_rate`, and `weight_decay` with a decay, as an optimizer of Keras takes them, of the decoupled ones.

    Args:
        rate: decoupled, above 0; r = rate b (1 - m), or rate sqrt(b) where momentum is None; b = batch_size / 1024.
        decay: decoupled; w = decay b / r.
        batch_size: rows of a step.
        momentum: m of gradient descent, below 1, 0 for a plain one; None: an optimizer that scales its steps, as Adam.

    """
    b = batch_size / _EXAMPLES
    learning_rate = rate * (math.sqrt(b) if momentum is None else b * (1 - momentum))
    return {"learning_rate": learning_rate} | ({} if decay is None else {"weight_decay": decay * b / learning_rate})


def decoupled(
    learning_rate: float, weight_decay: float | None = None, *, batch_size: int, momentum: float | None
) -> tuple[float, float | None]:
    """(rate, decay) of an optimizer's learning rate and weight decay, what `coupled` takes back to these.

    Args:
        learning_rate: r, above 0.
        weight_decay: w; None: it has none.
        batch_size: rows of a step.
        momentum: as `coupled` takes it.

    """
    b = batch_size / _EXAMPLES
    rate = learning_rate / (math.sqrt(b) if momentum is None else b * (1 - momentum))
    return rate, None if weight_decay is None else weight_decay * learning_rate / b
