"""Layers whose numbers a search varies, made so that varying them compiles nothing.

Each keeps such a number in a variable and tells by `compiled` what of its configuration is compiled in after all.
"""

from hpo.training.layers.activation_layers import ELU, LeakyReLU
from hpo.training.layers.alpha_dropout import AlphaDropout
from hpo.training.layers.base import VariableLayer
from hpo.training.layers.dropout import Dropout

__all__ = ["ELU", "LAYERS", "AlphaDropout", "Dropout", "LeakyReLU", "VariableLayer"]

# Every such layer; a program's signature and XLA's list of layers read it.
LAYERS: tuple[type[VariableLayer], ...] = (Dropout, AlphaDropout, LeakyReLU, ELU)
