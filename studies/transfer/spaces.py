"""What is searched: what the chapter says, and what an expert would search instead."""

from hpo.study import Categorical, Float, Int, Space, When
from studies.transfer.model import DEPTH, INITIALIZERS
from studies.transfer.pretraining import SOURCES

__all__ = ["CHAPTER", "WIDE"]

_SOURCES = ("none", *SOURCES)
_PRETRAINED: When = {"source": tuple(SOURCES)}
_EPOCHS = 16  # frozen, at most: a run has 20
_UNFREEZE = ("all", "top", "none")

CHAPTER = Space(
    name="chapter",
    params={
        "source": Categorical(choices=_SOURCES),
        "reused": Int(low=1, high=DEPTH),
        "head_layers": Categorical(choices=(0, 1)),
        "frozen_epochs": Categorical(choices=(0, 4, 8), when=_PRETRAINED),
        "frozen_rate": Categorical(choices=(0.001, 0.01), when={"frozen_epochs": (4, 8)}),
        "unfreeze": Categorical(choices=_UNFREEZE, when={"frozen_epochs": (4, 8)}),
        "learning_rate": Categorical(choices=(0.0001, 0.001, 0.01)),
    },
)

_FROZEN: When = {"frozen_epochs": tuple(range(1, _EPOCHS + 1))}

WIDE = Space(
    name="wide",
    params={
        "source": Categorical(choices=_SOURCES),
        "pretrain_epochs": Categorical(choices=(1, 5, 10), when=_PRETRAINED),
        "activation": Categorical(choices=tuple(INITIALIZERS)),
        "reused": Int(low=1, high=DEPTH),
        "head_layers": Int(low=0, high=2),
        "head_units": Categorical(choices=(32, 100, 300), when={"head_layers": (1, 2)}),
        "dropout": Float(low=0.0, high=0.6),
        "optimizer": Categorical(choices=("sgd", "momentum", "adam", "nadam")),
        "batch_size": Categorical(choices=(8, 16, 32)),
        "frozen_epochs": Int(low=0, high=_EPOCHS, when=_PRETRAINED),
        "frozen_rate": Float(low=1e-4, high=0.3, log=True, when=_FROZEN),
        "unfreeze": Categorical(choices=_UNFREEZE, when=_FROZEN),
        "learning_rate": Float(low=1e-5, high=0.3, log=True),
    },
)
