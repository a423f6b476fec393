"""Training of Keras models by a compiled loop."""

from hpo.training.recipe import Recipe
from hpo.training.schedules import Constant, CosineDecay, ExponentialDecay, OneCycle, Schedule

__all__ = ["Constant", "CosineDecay", "ExponentialDecay", "OneCycle", "Recipe", "Schedule"]
