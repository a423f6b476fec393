"""What is said of the models that a search kept: which one was found, and which were removed with their study."""

import warnings
from typing import TYPE_CHECKING

from hpo.cli.printing.console import count, figure, say, tell
from hpo.errors import HpoWarning

if TYPE_CHECKING:
    from pathlib import Path

    from hpo.storage.kept_models import KeptModel, Removed

__all__ = ["tell_model", "tell_removed"]


def tell_model(kept: "KeptModel", written: "Path | None", metric: str) -> None:
    """Which model was kept of the best configuration, and where it is."""
    fold = f", on the first of {kept.folds} folds" if kept.folds > 1 else ""
    where = f"kept ({kept.size:,} bytes)" if written is None else f"written to {written} ({kept.size:,} bytes)"
    tell(f"its model, of trial {kept.trial} as the search trained it, is {where}: {metric} {figure(kept.value)}{fold}")
    if written is None:
        tell("--model FILE.keras writes it; it knows the training rows of the search alone")


def tell_removed(models: "Removed") -> None:
    """What became of the models that were kept of a study that is deleted."""
    if models.models:
        say(f"and {count(models.models, 'kept model')} of it ({models.size:,} bytes) in {models.folder}")
    if models.left is not None:
        warnings.warn(f"{models.folder} is left: {models.left}; remove it yourself", HpoWarning, stacklevel=2)
