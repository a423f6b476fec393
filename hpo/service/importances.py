"""Importances and interactions of a study's parameters, from what the storage holds."""

from hpo.analysis.importance import Importances
from hpo.analysis.interaction import Interaction
from hpo.service.storage import Storage

__all__ = ["importances", "interaction"]


def importances(storage: Storage, word: str, *, seed: int = 0) -> Importances:
    """Which parameters of a search matter. Raises StudyError where there is no such study, or it is no search."""
    raise NotImplementedError


def interaction(storage: Storage, word: str, found: Importances) -> Interaction | None:
    """The two most important parameters of `found` together; None where fewer than two are known."""
    raise NotImplementedError
