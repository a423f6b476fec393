"""What the chapter's guideline is made of, taken apart: each technique alone and each one missing.

The plain network is that of before 2010: weights from a normal distribution with variance 1, sigmoid, steps of plain
gradient descent at a constant rate. The guideline replaces all of it. SELU's network is not taken apart: its parts are
not techniques that stand alone.
"""

from hpo.study import Ablation, Params, Technique
from studies.dnn.params import written
from studies.dnn.spaces import CHAPTER
from studies.dnn.sweeps import DEPTHS, guideline

__all__ = ["ABLATIONS"]

_PLAIN: Params = {
    "activation": "sigmoid",
    "initializer": "naive",
    "batch_norm": "none",
    "optimizer": "sgd",
    "schedule": "constant",
    "early_stopping": False,
}
_NAMES = {
    "activation": "ELU",
    "initializer": "He's initializer",
    "batch_norm": "batch normalization",
    "optimizer": "momentum",
    "schedule": "1cycle",
    "early_stopping": "early stopping",
}


def _ablation(layers: int) -> Ablation:
    """The guideline's techniques at that depth: those in which it differs from the plain network."""
    full = guideline(layers)
    plain = written(CHAPTER, {**full, **_PLAIN})
    return Ablation(
        id=f"ablation-{layers}",
        title=f"What the guideline's techniques add, {layers} hidden layers",
        plain=plain,
        full=full,
        techniques=tuple(
            Technique(
                name=said,
                alone=written(CHAPTER, {**plain, name: full[name]}),
                without=written(CHAPTER, {**full, name: _PLAIN[name]}),
            )
            for name, said in _NAMES.items()
            if full[name] != _PLAIN[name]
        ),
    )


ABLATIONS = tuple(_ablation(layers) for layers in DEPTHS)
