"""An hpo that knows one version of the tables more."""

import shutil
from pathlib import Path

import pytest

from hpo.storage import schema, upgrades

__all__ = ["know_a_later_version"]

_REVISION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "2", "1"


def upgrade():
    op.create_table("hpo_later", sa.Column("id", sa.Integer, primary_key=True))
    op.add_column("hpo_slot", sa.Column("weight", sa.Integer, nullable=False, server_default="0"))
"""


def know_a_later_version(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Have the program work with version 2; its revisions lie in `folder`."""
    shutil.copytree(upgrades._SCRIPTS, folder)
    (folder / "versions" / "v2.py").write_text(_REVISION)
    monkeypatch.setattr(upgrades, "_SCRIPTS", folder)
    monkeypatch.setattr(schema, "VERSION", 2)
