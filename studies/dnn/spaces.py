"""What is searched: the values the chapter names, and what an expert would search instead."""

from hpo.study import Categorical, Float, Int, Space, When
from hpo.training import ACTIVATIONS, INITIALIZERS, NORMALIZATIONS
from studies.dnn.optimizers import ADAMS, DESCENT, MOMENTUM, OPTIMIZERS
from studies.dnn.schedules import SCHEDULES

__all__ = ["CHAPTER", "WIDE"]

_OTHERS = tuple(name for name in INITIALIZERS if not name.startswith("lecun"))
_NOT_SELU: When = {"activation": tuple(name for name in ACTIVATIONS if name != "selu")}
_SELU: When = {"activation": ("selu",)}
_INPUTS = ("scaled", "standardized", "batch_norm")
_PENALTIES = ("none", "l1", "l2", "l1_l2")
_STEADY = tuple(name for name in SCHEDULES if name != "one-cycle")  # 1cycle drives the momentum itself
_ADAPTIVE = tuple(name for name in OPTIMIZERS if name not in DESCENT)
_NEWER = ("adamax", "adadelta", "adamw")  # optimizers the chapter does not name
_DECADES = (0.0001, 0.001, 0.01)  # the chapter's penalty, and two decades below it

CHAPTER = Space(
    name="chapter",
    params={
        "hidden_layers": Categorical(choices=(2, 4, 20)),
        "activation": Categorical(choices=tuple(ACTIVATIONS)),
        "slope": Categorical(choices=(0.01, 0.2), when={"activation": ("leaky_relu",)}),
        "initializer": Categorical(choices=_OTHERS, when=_NOT_SELU),
        "lecun": Categorical(choices=("normal", "uniform"), when=_SELU),
        "inputs": Categorical(choices=_INPUTS, when=_NOT_SELU),
        "batch_norm": Categorical(choices=tuple(NORMALIZATIONS), when=_NOT_SELU),
        "optimizer": Categorical(choices=tuple(name for name in OPTIMIZERS if name not in _NEWER)),
        "learning_rate": Categorical(choices=(0.001, 0.01)),
        "schedule": Categorical(choices=tuple(name for name in SCHEDULES if name not in ("cosine", "triangular"))),
        "clipping": Categorical(choices=("none", "value", "norm")),
        "penalty": Categorical(choices=_PENALTIES),
        "l1": Categorical(choices=_DECADES, when={"penalty": ("l1", "l1_l2")}),
        "l2": Categorical(choices=_DECADES, when={"penalty": ("l2", "l1_l2")}),
        "dropout": Categorical(choices=(0.0, 0.1, 0.2, 0.3, 0.4, 0.5)),
        "input_dropout": Categorical(choices=(0.0, 0.2)),
        "constraint": Categorical(choices=("none", "max_norm")),
        "early_stopping": Categorical(choices=(False, True)),
    },
)

WIDE = Space(
    name="wide",
    params={
        "hidden_layers": Int(low=2, high=20),
        "first_units": Int(low=64, high=512, log=True),
        "hidden_units": Int(low=32, high=256, log=True),
        "activation": Categorical(choices=tuple(ACTIVATIONS)),
        "slope": Float(low=0.001, high=0.3, log=True, when={"activation": ("leaky_relu",)}),
        "alpha": Float(low=0.1, high=2.0, when={"activation": ("elu",)}),
        "initializer": Categorical(choices=_OTHERS, when=_NOT_SELU),
        "lecun": Categorical(choices=("normal", "uniform"), when=_SELU),
        "inputs": Categorical(choices=_INPUTS, when=_NOT_SELU),
        "batch_norm": Categorical(choices=tuple(NORMALIZATIONS), when=_NOT_SELU),
        "batch_size": Categorical(choices=(32, 64, 128, 256, 512)),
        "schedule": Categorical(choices=tuple(SCHEDULES)),
        "power_share": Float(low=0.02, high=1.0, log=True, when={"schedule": ("power",)}),
        "exponential_share": Float(low=0.2, high=2.0, log=True, when={"schedule": ("exponential",)}),
        "drops": Int(low=1, high=4, when={"schedule": ("piecewise",)}),
        "drop_factor": Float(low=0.05, high=0.5, log=True, when={"schedule": ("piecewise",)}),
        "plateau_patience": Int(low=1, high=5, when={"schedule": ("performance",)}),
        "plateau_factor": Float(low=0.1, high=0.7, when={"schedule": ("performance",)}),
        "optimizer": Categorical(choices=tuple(OPTIMIZERS)),
        "adaptive_rate": Float(low=2e-4, high=1.0, log=True, when={"optimizer": _ADAPTIVE}),
        "sgd_rate": Float(low=1e-2, high=3e1, log=True, when={"optimizer": DESCENT}),
        "momentum": Float(low=0.5, high=0.99, when={"optimizer": MOMENTUM, "schedule": _STEADY}),
        "beta_1": Float(low=0.5, high=0.99, when={"optimizer": ADAMS, "schedule": _STEADY}),
        # Two values and no range: these are compiled in, and every new one would be another program.
        "beta_2": Categorical(choices=(0.99, 0.999), when={"optimizer": ADAMS}),
        "rho": Categorical(choices=(0.9, 0.99), when={"optimizer": ("rmsprop", "adadelta")}),
        "decay": Float(low=1e-6, high=3e-2, log=True, when={"optimizer": ("adamw",)}),
        "average": Categorical(choices=(0.0, 0.1, 0.25, 0.5)),
        "label_smoothing": Categorical(choices=(0.0, 0.05, 0.1, 0.2)),
        "augmentation": Categorical(choices=("none", "flip", "alternating-flip")),
        "clipping": Categorical(choices=("none", "value", "norm", "global_norm")),
        "clip_threshold": Float(low=0.01, high=10.0, log=True, when={"clipping": ("value", "norm", "global_norm")}),
        "penalty": Categorical(choices=_PENALTIES),
        "l1": Float(low=1e-7, high=1e-2, log=True, when={"penalty": ("l1", "l1_l2")}),
        "l2": Float(low=1e-7, high=1e-2, log=True, when={"penalty": ("l2", "l1_l2")}),
        "dropout": Float(low=0.0, high=0.6),
        "input_dropout": Float(low=0.0, high=0.3),
        "constraint": Categorical(choices=("none", "max_norm")),
        "max_norm": Float(low=0.5, high=5.0, log=True, when={"constraint": ("max_norm",)}),
        "early_stopping": Categorical(choices=(False, True)),
        "patience": Int(low=1, high=10, when={"early_stopping": (True,)}),
    },
)
