"""Tables as earlier versions made them."""

from sqlalchemy import text

from hpo.service.storage import Storage

__all__ = ["take_back"]

_BACK_TO = {
    6: (
        "DROP TABLE hpo_dashboard_key",
        "DROP TABLE hpo_dashboard_logout",
        "UPDATE hpo_revision SET version_num = '6'",
        "UPDATE hpo_version SET version = 6",
    ),
    5: (
        "DROP INDEX hpo_slot_unsettled",
        "ALTER TABLE hpo_slot DROP COLUMN turn",
        "CREATE INDEX hpo_slot_unsettled ON hpo_slot (study, position) WHERE state <> 'settled'",
        "UPDATE hpo_revision SET version_num = '5'",
        "UPDATE hpo_version SET version = 5",
    ),
    4: (
        "ALTER TABLE hpo_study DROP COLUMN data",
        "ALTER TABLE hpo_slot DROP COLUMN output",
        "UPDATE hpo_revision SET version_num = '4'",
        "UPDATE hpo_version SET version = 4",
    ),
    3: (
        "ALTER TABLE hpo_study DROP COLUMN objectives",
        "ALTER TABLE hpo_slot DROP COLUMN further",
        "UPDATE hpo_revision SET version_num = '3'",
        "UPDATE hpo_version SET version = 3",
    ),
    2: (
        "DROP TABLE hpo_revision",  # it came with Alembic, in version 3
        "DROP INDEX hpo_slot_leased",
        "DROP INDEX hpo_slot_complete",
        "DROP TABLE hpo_gpu",
        "DROP TABLE hpo_worker",
        *(
            f"ALTER TABLE hpo_study DROP COLUMN {name}"
            for name in ("version", "trial_timeout", "until", "stopped_at", "stopped_by", "stopped_why")
        ),
        "UPDATE hpo_version SET version = 2",
    ),
    1: (
        "DROP TABLE hpo_look",
        "ALTER TABLE hpo_study DROP COLUMN kind",
        "ALTER TABLE hpo_study DROP COLUMN parent",
        "UPDATE hpo_version SET version = 1",
    ),
}


def take_back(opened: Storage, version: int) -> None:
    """Make a database one of an earlier version, with the searches it has."""
    with opened.engine.begin() as connection:
        for step, statements in _BACK_TO.items():
            if step >= version:
                for statement in statements:
                    connection.execute(text(statement))
