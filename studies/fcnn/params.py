"""What is searched: the report's own values, and what an expert would search instead."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hpo.study import Categorical, Float, Int, Space
from hpo.training import Constant, CosineDecay, OneCycle, Schedule, Triangular

__all__ = ["REPORT", "REPORT_OPTIMIZERS", "SCHEDULES", "WIDE", "FcnnParams"]

REPORT_OPTIMIZERS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "adam": {},
        "rmsprop": {},
        "sgd": {"learning_rate": 0.01, "momentum": 0.8},
        "adadelta": {"learning_rate": 1.0},
        "adamax": {},
    }
)
"""The report's setting of each optimizer where a configuration gives no rate; empty: Keras's defaults."""

SCHEDULES: Mapping[str, Schedule] = MappingProxyType(
    {"constant": Constant(), "cosine": CosineDecay(), "one-cycle": OneCycle(), "triangular": Triangular()}
)
"""The schedules with no numbers of their own; "exponential" has decay_steps and decay_rate."""


@dataclass(frozen=True, kw_only=True)
class FcnnParams:
    """One configuration of either space, typed; what a space does not ask for is as the report has it."""

    hidden_layers: int
    hidden_units: int  # of each hidden layer
    activation: str  # of the hidden layers: one for all, or two joined by "-" for the first half and the rest
    optimizer: str  # Keras's name
    loss: str  # Keras's name
    dropout: float  # share of units dropped behind each hidden layer
    output_activation: str = "linear"
    adaptive_rate: float | None = None  # decoupled from the batch size, of what is not SGD; see hpo.training.coupled
    sgd_rate: float | None = None  # decoupled from batch size and momentum, of SGD; without either the report's setting
    momentum: float | None = None  # of SGD; None: the report's setting
    nesterov: bool = False  # of SGD
    decay: float | None = None  # of weights, decoupled from rate and batch size, of AdamW and SGD
    average: float = 0.0  # share of the steps over which the weights are averaged, the last ones
    initializer: str = "glorot_uniform"  # of the hidden layers; Keras's name
    schedule: str = "constant"  # a key of SCHEDULES, or "exponential" with the two numbers below
    decay_steps: int | None = None  # optimizer steps
    decay_rate: float | None = None  # factor over decay_steps
    batch_size: int = 32  # rows


REPORT = Space(
    name="report",
    params={
        "hidden_layers": Categorical(choices=(1, 2, 3, 4, 5, 6)),
        "hidden_units": Categorical(choices=(4, 8, 16, 32, 64, 128, 256)),
        "activation": Categorical(choices=("relu", "sigmoid", "tanh", "selu", "sigmoid-relu", "tanh-relu")),
        "output_activation": Categorical(choices=("linear", "relu")),
        "optimizer": Categorical(choices=tuple(REPORT_OPTIMIZERS)),
        "loss": Categorical(
            choices=(
                "mean_squared_error",
                "mean_absolute_error",
                "mean_absolute_percentage_error",
                "mean_squared_logarithmic_error",
                "huber",
                "log_cosh",
            )
        ),
        "dropout": Categorical(choices=(0.0, 0.1, 0.2, 0.3, 0.4)),
    },
)

ADAPTIVE = ("adam", "adamw", "nadam", "rmsprop")  # optimizers that scale their steps

WIDE = Space(
    name="wide",
    params={
        "hidden_layers": Int(low=1, high=8),
        "hidden_units": Int(low=16, high=512, log=True),
        "activation": Categorical(choices=("relu", "selu", "elu", "gelu", "silu", "tanh")),
        "initializer": Categorical(choices=("glorot_uniform", "he_normal", "lecun_normal")),
        "optimizer": Categorical(choices=(*ADAPTIVE, "sgd")),
        "momentum": Float(low=0.0, high=0.99, when={"optimizer": ("sgd",)}),
        "nesterov": Categorical(choices=(False, True), when={"optimizer": ("sgd",)}),
        "decay": Float(low=1e-6, high=3e-2, log=True, when={"optimizer": ("adamw", "sgd")}),
        "adaptive_rate": Float(low=3e-4, high=3e-1, log=True, when={"optimizer": ADAPTIVE}),
        "sgd_rate": Float(low=1e-3, high=1e1, log=True, when={"optimizer": ("sgd",)}),
        "schedule": Categorical(choices=("constant", "exponential", "cosine", "one-cycle", "triangular")),
        "decay_steps": Int(low=100, high=10_000, log=True, when={"schedule": ("exponential",)}),
        "decay_rate": Float(low=0.5, high=0.99, when={"schedule": ("exponential",)}),
        "batch_size": Categorical(choices=(16, 32, 64, 128)),
        "average": Categorical(choices=(0.0, 0.1, 0.25, 0.5)),
        "dropout": Float(low=0.0, high=0.5),
        "loss": Categorical(choices=("mean_squared_error", "mean_absolute_error", "huber")),
    },
)
