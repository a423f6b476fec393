"""Which parameters of a search matter, and how two act together (`interaction.py`)."""

from hpo.analysis.importance.parameter_importance import LEAST_TRIALS, Importance, Importances, importances

__all__ = [
    "LEAST_TRIALS",
    "Importance",
    "Importances",
    "importances",
]
