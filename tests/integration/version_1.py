"""Tables as the first version made them."""

from sqlalchemy import text

from hpo.service.storage import Storage

__all__ = ["take_back"]

_STATEMENTS = (
    "DROP TABLE hpo_look",
    "ALTER TABLE hpo_study DROP COLUMN kind",
    "ALTER TABLE hpo_study DROP COLUMN parent",
    "UPDATE hpo_version SET version = 1",
)


def take_back(opened: Storage) -> None:
    """Make a database one of version 1, with the searches it has."""
    with opened.engine.begin() as connection:
        for statement in _STATEMENTS:
            connection.execute(text(statement))
