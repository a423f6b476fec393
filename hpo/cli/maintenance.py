"""`hpo data`, `db`, `doctor`: whether what the work needs is there, and fetching or making it."""

import time
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.options import AsJson, Storage, examples
from hpo.cli.printing.console import document, say, tell
from hpo.errors import DataError, HpoError, StorageError

if TYPE_CHECKING:
    from hpo.data import FetchProgress, Located
    from hpo.experiments.doctor import Check
    from hpo.storage.upgrades import Upgrade

__all__ = ["data", "db", "doctor", "register"]


class DataAction(StrEnum):
    """DataAction to do with the data sets."""

    fetch = "fetch"
    check = "check"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    epilog = examples("hpo data", "hpo data check", "HPO_DATA_DIR=/mnt/sets hpo data check --json")
    app.command(short_help="Fetch the data sets ahead of time, and check them.", epilog=epilog)(data)
    epilog = examples("hpo db upgrade", "hpo db check --storage postgresql://hpo@db/hpo --json")
    app.command(short_help="Make the tables in a database, or bring them up to date.", epilog=epilog)(db)
    epilog = examples("hpo doctor", "hpo doctor --storage postgresql://hpo@db/hpo --json")
    app.command(short_help="Check this machine, the storage and the fleet.", epilog=epilog)(doctor)


def data(
    what: Annotated[
        DataAction, typer.Argument(help="fetch: fetch what is missing; check: only look.")
    ] = DataAction.fetch,
    as_json: AsJson = False,
) -> None:
    """Fetch the data sets ahead of time, check every file, say where each lies; exit 1 where one is missing."""
    from hpo.data import DATASETS, locate

    found: list[Located] = []
    errors: list[HpoError] = []
    for name in DATASETS:
        located = locate(name)
        if not located.ok and what is DataAction.fetch:
            try:
                located = _fetch(name)
            except DataError as error:
                errors.append(error)
        found.append(located)
        if not as_json:
            _data_line(located, DATASETS[located.name])
    if as_json:
        document([_data_json(located) for located in found])
    missing = [located.name for located in found if not located.ok]
    if errors:
        raise errors[0]
    if missing:
        raise DataError(f"{', '.join(missing)}: not here or damaged; `hpo data` fetches what is missing")


def _fetch(name: str) -> "Located":
    from hpo.data import fetch

    said = 0.0

    def progress(state: "FetchProgress") -> None:
        nonlocal said
        if time.monotonic() - said >= 1:  # a line a second at most
            said = time.monotonic()
            total = f" of {state.total / 1e6:.1f}" if state.total else ""
            say(f"{name}: {state.what}, {state.done / 1e6:.1f}{total} MB")

    say(f"{name}: not here, fetching it")
    return fetch(name, progress)


def _data_line(located: "Located", title: str) -> None:
    tell(title)
    if located.ok:
        tell(f"  ok: {located.path} ({located.source}), every file as published")
    else:
        tell("  missing")
    for problem in located.problems:
        tell(f"  damaged: {problem}")


def _data_json(located: "Located") -> dict[str, object]:
    return {
        "name": located.name,
        "ok": located.ok,
        "source": located.source,
        "path": located.path,
        "problems": located.problems,
    }


class DbAction(StrEnum):
    """DbAction to do with the tables."""

    upgrade = "upgrade"
    check = "check"


def db(
    what: Annotated[
        DbAction,
        typer.Argument(help="upgrade: make them, or bring them up to date; check: only look.", show_default=False),
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
    call = storages.upgrade if what is DbAction.upgrade else storages.examine
    done = call(url, on_away=lambda error: say(f"{error}; waiting for it"))
    if as_json:
        document({"storage": where, **asdict(done), "changed": done.before != done.after})
    else:
        tell(_db_line(where, done))
    if what is DbAction.check and done.before != done.needed:
        raise StorageError(f"storage {where} needs tables of version {done.needed}: hpo db upgrade")


def _db_line(where: str, done: "Upgrade") -> str:
    """DbAction was done, or found."""
    if done.before == done.after:
        has = "no tables of hpo" if done.after is None else f"tables of version {done.after}"
        latest = ", the latest" if done.after == done.needed else ""
        return f"{where}: {has}{latest}; nothing was changed"
    if done.before is None:
        return f"{where}: made the tables, version {done.after}"
    return f"{where}: brought the tables from version {done.before} up to {done.after}; what they hold stayed"


def doctor(storage: Storage = None, as_json: AsJson = False) -> None:
    """Check this machine, the storage, the workers and what they serve; exit 1 where something fails.

    Here: Python, packages, cores, memory, disks, data sets, TensorFlow, GPUs. The storage: whether it can be written,
    how quick it is, its clock, connections and transactions. The fleet: workers that are at work or silent, versions
    that differ, who leases which GPU. The studies: who serves them, whether this machine has their definitions, and
    trials left over by workers that died.
    """
    from hpo.experiments.doctor import examine
    from hpo.settings import storage_url

    checks = []
    for check in examine(storage or storage_url()):
        checks.append(check)
        if not as_json:
            _check_line(check)
    failed = sum(check.state == "fail" for check in checks)
    if as_json:
        document({"ok": not failed, "checks": [asdict(check) for check in checks]})
    if failed:
        raise typer.Exit(1)


def _check_line(check: "Check") -> None:
    tell(f"{check.state:<4}  {check.name:<14}  {check.found}")
    if check.remedy:
        tell(f"{'':<22}→ {check.remedy}")
