"""How our tables come to be what they are: a revision a file, run by Alembic; `upgrades.py` calls it."""

__all__: list[str] = []
