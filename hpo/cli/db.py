"""`hpo db`: the tables in the database."""

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.arguments.options import AsJson, Storage, examples
from hpo.cli.printing.console import document, say, tell
from hpo.errors import StorageError

if TYPE_CHECKING:
    from hpo.storage.upgrades import Upgrade

__all__ = ["db", "register"]


class What(StrEnum):
    """What to do with the tables."""

    upgrade = "upgrade"
    check = "check"


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples("hpo db upgrade", "hpo db check --storage postgresql://hpo@db/hpo --json")
    app.command(short_help="Make the tables in a database, or bring them up to date.", epilog=epilog)(db)


def db(
    what: Annotated[
        What, typer.Argument(help="upgrade: make them, or bring them up to date; check: only look.", show_default=False)
    ],
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Make the tables in a database, or bring those of an earlier version up to date; again: nothing is to be done.

    Any number of programs may do so at once. A database that is not there yet is waited for, a minute at most. One of
    another program or of a newer hpo is refused and stays as it is. `check` exits with 1 where an upgrade is needed.
    """
    from hpo import storage as storages
    from hpo.settings import storage_url
    from hpo.storage.storage_url import parse

    url = storage or storage_url()
    where = parse(url).safe
    call = storages.upgrade if what is What.upgrade else storages.examine
    done = call(url, on_away=lambda error: say(f"{error}; waiting for it"))
    if as_json:
        document({"storage": where, **asdict(done), "changed": done.before != done.after})
    else:
        tell(_line(where, done))
    if what is What.check and done.before != done.needed:
        raise StorageError(f"storage {where} needs tables of version {done.needed}: hpo db upgrade")


def _line(where: str, done: "Upgrade") -> str:
    """What was done, or found."""
    if done.before == done.after:
        has = "no tables of hpo" if done.after is None else f"tables of version {done.after}"
        latest = ", the latest" if done.after == done.needed else ""
        return f"{where}: {has}{latest}; nothing was changed"
    if done.before is None:
        return f"{where}: made the tables, version {done.after}"
    return f"{where}: brought the tables from version {done.before} up to {done.after}; what they hold stayed"
