"""The model that a search kept of its best trial: found again, and written where a person wants it."""

import shlex
import shutil
from pathlib import Path

from hpo.errors import HpoError, UsageError
from hpo.files import refuse_unwritable, replacing
from hpo.settings import models_folder
from hpo.storage import Storage, kept_models, studies
from hpo.storage.kept_models import KeptModel
from hpo.storage.queries.study_results import BestTrial
from hpo.storage.slots.slots import Slots
from hpo.storage.storage_url import parse

__all__ = ["kept_model", "models_kept", "write_model"]

SUFFIX = ".keras"


def models_kept(asked: str | None, storage: str) -> str | None:
    """The folder in which a run keeps models; None: nowhere.

    Args:
        asked: as `settings.models_folder` takes it.
        storage: URL of the database.

    Raises:
        UsageError: `storage` is no URL, or a file is in the folder's place.

    """
    folder = models_folder(asked, parse(storage).path)
    if folder is not None and folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file, and models are kept in a folder: name another, --keep-models FOLDER")
    return None if folder is None else str(folder)


def kept_model(storage: Storage, found: BestTrial, root: Path | None) -> KeptModel | None:
    """The kept model of the best trial's configuration; None where there is none on this machine.

    Args:
        storage: where the study is.
        found: its best trial.
        root: folder in which models are kept; None: nowhere.

    Raises:
        StudyError: the study was deleted.
        StorageError: the database failed.

    """
    record = studies.get(storage, found.study)
    if root is None or record.by_objective or not root.is_dir():
        return None
    return kept_models.find(root, record, Slots(storage).ranked(record.name), found.number)


def write_model(storage: Storage, found: BestTrial, kept: KeptModel | None, output: Path) -> None:
    """Copy the kept model to a file, whole or not at all.

    Raises:
        UsageError: no model can be written there.
        HpoError: there is none, or the file cannot be written.

    """
    if output.suffix != SUFFIX:
        raise UsageError(f"{output}: a model is kept in a file ending in {SUFFIX}, such as {output.stem}{SUFFIX}")
    if kept is None:
        raise HpoError(_remedy(storage, found, output))
    refuse_unwritable(output)
    try:
        with replacing(output) as path:
            shutil.copyfile(kept.file, path)
    except OSError as error:
        raise HpoError(f"the model could not be written to {output}: {error.strerror or error}") from None


def _remedy(storage: Storage, found: BestTrial, output: Path) -> str:
    record = studies.get(storage, found.study)
    if record.by_objective:
        return f"{found.study} is of an Optuna objective, which trains its models itself: hpo has none to write"
    command = f"hpo train {shlex.quote(record.reference)} --config best --study {shlex.quote(found.study)}"
    return (
        f"no model of the best trial of {found.study} is kept on this machine (--keep-models FOLDER names another "
        f"folder): {command} -o {shlex.quote(str(output))} trains it"
    )
