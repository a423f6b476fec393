"""Does the automated optimum beat the hand-picked configuration, and by how much?"""

from hpo.service.compare_report import CompareReport
from hpo.service.storage import Storage

__all__ = ["read"]


def read(storage: Storage, study: str) -> CompareReport | None:
    """What the last look at a search's comparison found; None where there was none. Nothing is trained.

    Args:
        storage: where the study is.
        study: the search's name.

    """
    raise NotImplementedError
