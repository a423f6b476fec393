"""Deleting a study with what lies outside the database: checkpoints of its trials, where this machine sees them."""

from hpo.settings import checkpoints_folder
from hpo.storage import Storage, checkpoint_files, studies

__all__ = ["delete"]


def delete(storage: Storage, name: str, *, force: bool = False) -> None:
    """Delete a study and what was measured of it, with the checkpoints that their trials left.

    Raises:
        StudyError: there is none of that name, or workers hold leases on it and `force` is not set.

    """
    doomed = [studies.lookup(storage, each) for each in (name, *studies.measured(storage, name))]
    studies.delete(storage, name, force=force)
    root = checkpoints_folder()
    for record in doomed:
        if root is not None and record is not None:
            checkpoint_files.remove_study(root, record)
