"""The chapter's two guidelines as configurations, and a table for each technique: it alone varied, all else held.

The chapter prints no figures, so no row has a reported one. Each technique is varied from both guidelines, at 4 and at
20 hidden layers, wherever the guideline leaves the choice: a self-normalizing network takes no batch normalization.
Two tables more have the networks by which the chapter explains vanishing and exploding gradients.
"""

from collections.abc import Sequence

from hpo.study import Baseline, Params, Row, Sweep
from studies.dnn.params import written
from studies.dnn.spaces import CHAPTER, WIDE

__all__ = ["BASELINES", "DEEP", "DEPTHS", "LAYERED", "SWEEPS", "guideline", "self_normalizing"]

DEPTHS = (4, 20)  # hidden layers
DEEP = 10  # hidden layers from which a network counts as deep, and the guideline normalizes its batches


def guideline(hidden_layers: int) -> Params:
    """He, ELU, momentum, 1cycle, early stopping, and batch normalization if deep: the chapter's general guideline."""
    return written(
        CHAPTER,
        {
            "hidden_layers": hidden_layers,
            "activation": "elu",
            "initializer": "he_normal",
            "batch_norm": "before" if hidden_layers >= DEEP else "none",
            "optimizer": "momentum",
            "learning_rate": 0.01,
            "schedule": "one-cycle",
            "early_stopping": True,
        },
    )


def self_normalizing(hidden_layers: int) -> Params:
    """LeCun, SELU, alpha dropout, momentum, 1cycle: the chapter's guideline for self-normalizing networks."""
    return written(
        CHAPTER,
        {
            "hidden_layers": hidden_layers,
            "activation": "selu",
            "lecun": "normal",
            "dropout": 0.1,  # "if needed", so little of it
            "optimizer": "momentum",
            "learning_rate": 0.01,
            "schedule": "one-cycle",
        },
    )


BASELINES = tuple(
    Baseline(
        name=name,
        title=title,
        params=params,
        elsewhere={WIDE.name: written(WIDE, params)},
    )
    for name, title, params in (
        ("guideline", "The chapter's guideline, for its network of 300 and 100 units", guideline(2)),
        ("self-normalizing", "The chapter's guideline for self-normalizing networks", self_normalizing(2)),
    )
)

_SATURATING = {"initializer": "glorot_normal"}  # what the chapter pairs sigmoid and tanh with
_RECTIFYING = {"initializer": "he_normal"}  # and ReLU and its kin
_ADAPTIVE = {"learning_rate": 0.001}  # the chapter's rate for optimizers that find their own pace

_TECHNIQUES: dict[str, tuple[str, Sequence[Params]]] = {
    "batch-norm": ("Batch normalization", [{"batch_norm": kind} for kind in ("none", "before", "after")]),
    "inputs": ("Inputs", [{"inputs": kind} for kind in ("scaled", "standardized", "batch_norm")]),
    "activation": (
        "Activation, with the initializer that goes with it",
        [
            {"activation": "sigmoid", **_SATURATING},
            {"activation": "tanh", **_SATURATING},
            {"activation": "relu", **_RECTIFYING},
            {"activation": "leaky_relu", "slope": 0.01, **_RECTIFYING},
            {"activation": "leaky_relu", "slope": 0.2, **_RECTIFYING},
            {"activation": "prelu", **_RECTIFYING},
            {"activation": "elu", **_RECTIFYING},
            {"activation": "selu", "lecun": "normal"},
        ],
    ),
    "clipping": ("Gradient clipping, to 1", [{"clipping": kind} for kind in ("none", "value", "norm")]),
    "optimizer": (
        "Optimizer, at its usual rate",
        [
            {"optimizer": "sgd"},
            {"optimizer": "momentum"},
            {"optimizer": "nesterov"},
            {"optimizer": "adagrad", **_ADAPTIVE},
            {"optimizer": "rmsprop", **_ADAPTIVE},
            {"optimizer": "adam", **_ADAPTIVE},
            {"optimizer": "nadam", **_ADAPTIVE},
        ],
    ),
    "schedule": (
        "Learning-rate schedule",
        [{"schedule": kind} for kind in ("constant", "power", "exponential", "piecewise", "performance", "one-cycle")],
    ),
    "penalty": (
        "L1 and L2",
        [
            {"penalty": "none"},
            {"penalty": "l1", "l1": 0.01},
            {"penalty": "l1", "l1": 0.0001},
            {"penalty": "l2", "l2": 0.01},
            {"penalty": "l2", "l2": 0.0001},
            {"penalty": "l1_l2", "l1": 0.0001, "l2": 0.0001},
        ],
    ),
    "dropout": (
        "Dropout, of the inputs too",
        [
            {"dropout": 0.0},
            {"dropout": 0.1},
            {"dropout": 0.2},
            {"dropout": 0.2, "input_dropout": 0.2},
            {"dropout": 0.5},
        ],
    ),
    "max-norm": ("Max-norm, of 1", [{"constraint": kind} for kind in ("none", "max_norm")]),
    "early-stopping": ("Early stopping", [{"early_stopping": on} for on in (False, True)]),
}
"""Technique -> title, and what each row changes in a guideline."""

_INITIALIZERS: dict[str, tuple[str, Sequence[Params]]] = {
    "guideline": (
        "Initializer",
        [
            {"initializer": name}
            for name in ("naive", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "variance_scaling")
        ],
    ),
    "self-normalizing": ("Initializer, all LeCun's", [{"lecun": kind} for kind in ("normal", "uniform")]),
}
_PLAIN_DEPTH = {"batch_norm": "none"}  # whatever the depth: what it mends is to be seen
_PASSING: dict[str, Params] = {
    "sigmoid, naive": {"activation": "sigmoid", "initializer": "naive", **_PLAIN_DEPTH},
    "sigmoid, Glorot": {"activation": "sigmoid", **_SATURATING, **_PLAIN_DEPTH},
    "sigmoid, Glorot, batch normalization": {"activation": "sigmoid", **_SATURATING, "batch_norm": "before"},
    "ReLU, naive": {"activation": "relu", "initializer": "naive", **_PLAIN_DEPTH},
    "ReLU, naive, clipping": {"activation": "relu", "initializer": "naive", "clipping": "norm", **_PLAIN_DEPTH},
    "ReLU, naive, batch normalization": {"activation": "relu", "initializer": "naive", "batch_norm": "before"},
    "ReLU, He": {"activation": "relu", **_RECTIFYING, **_PLAIN_DEPTH},
    "SELU, LeCun": {"activation": "selu", "lecun": "normal"},
    "the guideline": {},
}
"""Label -> what a network changes in the guideline: how gradients pass through it, and what mends them."""

_GUIDELINES = {"guideline": guideline, "self-normalizing": self_normalizing}
_NORMALIZED = ("batch-norm", "inputs")  # by SELU itself


def _table(
    name: str, title: str, configurations: Sequence[Params], base: Params, labels: Sequence[str] | None = None
) -> Sweep:
    """One table. Its base is the guideline without what some row does not have: SELU's have no batch normalization."""
    varied = {
        key
        for params in configurations
        for key in (*params, *base)
        if any(other.get(key, ...) != base.get(key, ...) for other in configurations)
    }
    return Sweep(
        id=name,
        title=title,
        base={key: value for key, value in base.items() if all(key in params for params in configurations)},
        rows=tuple(
            Row(setting={key: value for key, value in params.items() if key in varied}, label=label)
            for params, label in zip(configurations, labels or [""] * len(configurations), strict=True)
        ),
        chosen=configurations.index(base),
    )


def _tables() -> tuple[Sweep, ...]:
    tables = []
    for name, start in _GUIDELINES.items():
        title = f"Hidden layers, from {name}"
        tables.append(_table(f"layers-{name}", title, [start(layers) for layers in (2, *DEPTHS)], start(2)))
        for layers in DEPTHS:
            base = start(layers)
            techniques = {"initializer": _INITIALIZERS[name], **_TECHNIQUES}
            for technique, (what, changes) in techniques.items():
                if name == "self-normalizing" and technique in _NORMALIZED:
                    continue
                rows = [written(CHAPTER, {**base, **change}) for change in changes]
                title = f"{what}; from {name}, {layers} hidden layers"
                tables.append(_table(f"{technique}-{name}-{layers}", title, rows, base))
    for layers in DEPTHS:
        base = guideline(layers)
        rows = [written(CHAPTER, {**base, **change}) for change in _PASSING.values()]
        title = f"How gradients pass, {layers} hidden layers"
        tables.append(_table(f"gradients-{layers}", title, rows, base, labels=list(_PASSING)))
    return tuple(tables)


SWEEPS = _tables()
LAYERED = tuple(f"gradients-{layers}" for layers in reversed(DEPTHS))  # what a report draws layer by layer
