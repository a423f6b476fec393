"""Which rows a study is of: its trials can be compared, and its test rows are unseen, only if all have the same."""

import shlex

from sqlalchemy import select, update

from hpo.errors import DataError
from hpo.storage import Storage, schema
from hpo.storage.studies.study_record import StudyRecord
from hpo.storage.waiting import repeatable

__all__ = ["agree_on_rows", "refuse_other_rows"]

_study = schema.studies


@repeatable
def agree_on_rows(storage: Storage, record: StudyRecord, found: str) -> None:
    """Have the study keep which rows it is of, where it keeps none yet; a measurement is of its search's rows.

    Of several processes the first to have loaded them decides.

    Args:
        storage: where the study is.
        record: the study.
        found: the rows loaded here, as `hpo.data.digest` says.

    Raises:
        DataError: the study is of other rows.
        StorageError: the database failed.

    """
    name = record.parent or record.name
    mine = _study.c.name == name
    with storage.write() as connection:
        connection.execute(update(_study).where(mine, _study.c.data.is_(None)).values(data=found))
        kept = connection.execute(select(_study.c.data).where(mine)).scalar_one_or_none()
    refuse_other_rows(name, kept, found)


def refuse_other_rows(study: str, kept: str | None, found: str) -> None:
    """Refuse rows that are not those of the study; None: it keeps none yet, or is gone. Raises DataError."""
    if kept not in (None, found):
        raise DataError(
            f"the rows that data() gives here ({found[:8]}) are not those study {study!r} was begun with ({kept[:8]}): "
            "give each random split in data() a seed; where the rows have changed, begin another study (--name OTHER) "
            f"or this one anew (hpo delete {shlex.quote(study)})"
        )
