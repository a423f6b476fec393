"""What is searched: the report's own values, and what an expert would search instead."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hpo.study import Categorical, Float, Int, Params, Space
from hpo.training import AUGMENTATIONS, Constant, CosineDecay, ExponentialDecay, OneCycle, Schedule, Triangular

__all__ = ["REPORT", "SCHEDULES", "WIDE", "CnnParams", "infeasible"]

SCHEDULES: Mapping[str, Schedule] = MappingProxyType(
    {
        "constant": Constant(),
        "exponential-10000-0.9": ExponentialDecay(decay_steps=10_000, decay_rate=0.9),
        "exponential-1000-0.9": ExponentialDecay(decay_steps=1_000, decay_rate=0.9),
        "exponential-100-0.9": ExponentialDecay(decay_steps=100, decay_rate=0.9),
        "exponential-1000-0.8": ExponentialDecay(decay_steps=1_000, decay_rate=0.8),
        "cosine": CosineDecay(),
        "one-cycle": OneCycle(),
        "triangular": Triangular(),
    }
)
"""The schedules that have a name of their own; `wide` spells an exponential decay out in decay_steps and decay_rate."""


@dataclass(frozen=True, kw_only=True)
class CnnParams:
    """One configuration of either space, typed; what a space does not ask for is as the report has it."""

    conv_layers: int  # blocks of convolution and pooling
    kernel_size: int  # pixels a side
    filters: int  # of the first block
    hidden_units: int  # of the dense layer before the output
    optimizer: str  # Keras's name
    schedule: str  # a key of SCHEDULES, or "exponential" with the two numbers below
    learning_rate: float | None = None  # initial, or the peak of a schedule that has one; None: the next two say it
    adaptive_rate: float | None = None  # the same decoupled from the batch size, of what is not SGD
    sgd_rate: float | None = None  # the same decoupled from batch size and momentum, of SGD; see hpo.training.coupled
    decay_steps: int | None = None  # optimizer steps
    decay_rate: float | None = None  # factor over decay_steps
    loss: str = "categorical_crossentropy"  # Keras's name
    batch_size: int = 32  # images
    padding: str = "valid"  # or "same"
    filters_2: int | None = None  # of the second block; None: as the block before
    filters_3: int | None = None  # of the third block; None: as the block before
    batch_norm: bool = False  # between convolution and pooling
    dropout: float = 0.0  # share of units dropped before and behind the dense layer
    convolutions: int = 1  # of each block
    momentum: float | None = None  # of SGD
    nesterov: bool = False  # of SGD
    decay: float | None = None  # of weights, decoupled from rate and batch size, of AdamW and SGD
    average: float = 0.0  # share of the steps over which the weights are averaged, the last ones
    label_smoothing: float = 0.0  # probability spread over all classes
    augmentation: str = "none"  # a key of hpo.training.AUGMENTATIONS


REPORT = Space(
    name="report",
    params={
        "conv_layers": Categorical(choices=(1, 2, 3)),
        "kernel_size": Categorical(choices=(2, 3, 4, 5, 6, 9)),
        "filters": Categorical(choices=(4, 8, 16, 32, 64, 128, 256)),
        "hidden_units": Categorical(choices=(32, 64, 128, 256, 512)),
        "optimizer": Categorical(choices=("adam", "rmsprop", "sgd", "adamax", "nadam", "adadelta", "adagrad")),
        "learning_rate": Categorical(choices=(0.001, 0.01, 0.1)),
        "schedule": Categorical(
            choices=(
                "constant",
                "exponential-10000-0.9",
                "exponential-1000-0.9",
                "exponential-100-0.9",
                "exponential-1000-0.8",
            )
        ),
        "loss": Categorical(choices=("categorical_crossentropy", "poisson", "kl_divergence")),
    },
)

WIDE = Space(
    name="wide",
    relative_time=2.0,
    params={
        "conv_layers": Int(low=1, high=3),
        "convolutions": Categorical(choices=(1, 2)),
        "kernel_size": Int(low=2, high=6),
        "padding": Categorical(choices=("valid", "same")),
        "filters": Int(low=8, high=128, log=True),  # of the first block
        "filters_2": Int(low=8, high=128, log=True, when={"conv_layers": (2, 3)}),
        "filters_3": Int(low=8, high=128, log=True, when={"conv_layers": (3,)}),
        "batch_norm": Categorical(choices=(False, True)),
        "hidden_units": Int(low=32, high=512, log=True),
        "dropout": Float(low=0.0, high=0.6),
        "optimizer": Categorical(choices=("adam", "adamw", "nadam", "sgd")),
        "momentum": Float(low=0.0, high=0.99, when={"optimizer": ("sgd",)}),
        "nesterov": Categorical(choices=(False, True), when={"optimizer": ("sgd",)}),
        "decay": Float(low=1e-6, high=3e-2, log=True, when={"optimizer": ("adamw", "sgd")}),
        "adaptive_rate": Float(low=2e-4, high=2e-1, log=True, when={"optimizer": ("adam", "adamw", "nadam")}),
        "sgd_rate": Float(low=3e-2, high=3e1, log=True, when={"optimizer": ("sgd",)}),
        "schedule": Categorical(choices=("constant", "exponential", "cosine", "one-cycle", "triangular")),
        "decay_steps": Int(low=100, high=10_000, log=True, when={"schedule": ("exponential",)}),
        "decay_rate": Float(low=0.5, high=0.99, when={"schedule": ("exponential",)}),
        "batch_size": Categorical(choices=(32, 64, 128, 256, 512)),
        "average": Categorical(choices=(0.0, 0.1, 0.25, 0.5)),
        "label_smoothing": Categorical(choices=(0.0, 0.05, 0.1, 0.2)),
        "augmentation": Categorical(choices=tuple(AUGMENTATIONS)),
    },
)

IMAGE_SIZE = 28  # pixels a side
POOL_SIZE = 2  # every block ends with 2x2 max pooling


def infeasible(params: Params) -> str | None:
    """Why the image does not survive the convolutions: unpadded kernels and pooling shrink it until nothing is left."""
    wanted = CnnParams(**params)
    size = IMAGE_SIZE
    for layer in range(1, wanted.conv_layers + 1):
        convolved = size if wanted.padding == "same" else size - wanted.convolutions * (wanted.kernel_size - 1)
        pooled = max(convolved, 0) // POOL_SIZE
        if pooled < 1:
            return (
                f"a {wanted.kernel_size}x{wanted.kernel_size} kernel leaves nothing of the {size}x{size} image that "
                f"reaches convolutional layer {layer} of {wanted.conv_layers}"
            )
        size = pooled
    return None
