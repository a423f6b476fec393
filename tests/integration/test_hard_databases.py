"""Databases as administrators, small machines and full disks have them: nothing is lost, all is settled, one line."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import toy
from asking import asked
from fleets import Fleet
from invariants import check_budget
from servers import OwnServer, own_server
from single_faults import unordered_on

from hpo import storage
from hpo.experiments.search_run import submit
from hpo.storage.slots.slots import Slots
from hpo.storage.storage_url import parse

TRIALS, STUDY = 12, "hard"
_SECONDS = 120.0  # for a search, on a busy machine


def submitted(url: str, trials: int = TRIALS) -> None:
    wanted: dict[str, Any] = {"sampler": "tpe", "pruner": "none", "fidelity": "quick", "seed": 1, "prior": "none"}
    submit(asked(definition=f"{toy.FILE}:study", storage=url, name=STUDY, trials=trials, **wanted))


@contextlib.contextmanager
def serving(url: str, folder: Path, *, processes: int, objective: str = "naps") -> Iterator[Fleet]:
    """A fleet that ends when all is settled."""
    arguments = ["--drain", "--processes", str(processes), "--objective", f"{toy.FILE}:{objective}"]
    fleet = Fleet(url, *arguments, folder=folder)
    try:
        yield fleet
    finally:
        fleet.kill()
        fleet.process.wait()


def until(fleet: Fleet, what: Callable[[], object]) -> None:
    """Wait for it, while the fleet works."""
    deadline = time.monotonic() + _SECONDS
    while not what():
        assert time.monotonic() < deadline, fleet.said()
        time.sleep(0.02)


def ended_well(fleet: Fleet, url: str, trials: int = TRIALS) -> None:
    """It served all of the study, which is sound."""
    until(fleet, lambda: fleet.exit_code is not None)
    assert fleet.exit_code == 0, fleet.said()
    assert "Traceback" not in fleet.said()
    assert toy.unsound(url, STUDY, trials=trials) == []
    opened = storage.open(url)
    check_budget(opened, STUDY, trials)
    opened.close()


def lines(fleet: Fleet, words: str) -> list[str]:
    return [line for line in fleet.said().splitlines() if words in line]


def test_transactions_are_read_committed_whatever_the_server_default(
    postgres: Any, database: Callable[[Any], str]
) -> None:
    url = database(postgres)
    storage.prepare(url).close()
    name = parse(url).sqlalchemy.database
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    opened = storage.open(url)
    for begun in (opened.write, opened.exclusive):
        with begun() as connection:
            assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "read committed"
    opened.close()


@pytest.mark.parametrize(
    ("setting", "remedy"),
    [
        ("SET default_transaction_isolation = 'serializable'", "SET default_transaction_isolation = 'read committed'"),
        ("SET statement_timeout = 50", "SET statement_timeout = 0"),
    ],
    ids=["serializable", "statements of 50 ms"],
)
def test_a_fleet_completes_despite_restrictive_server_settings(
    postgres: Any,
    database: Callable[[Any], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    remedy: str,
) -> None:
    monkeypatch.setenv("TOY_SECONDS", "0.1")
    url = database(postgres)
    name = parse(url).sqlalchemy.database
    storage.prepare(url).close()
    postgres.execute(f"ALTER DATABASE {name} {setting}")
    submitted(url)
    with serving(url, tmp_path, processes=3) as fleet:
        until(fleet, lambda: fleet.exit_code is not None)
        postgres.execute(f"ALTER DATABASE {name} {remedy}")  # for those who look at what came of it
        ended_well(fleet, url)


def test_serialization_failures_are_retried(
    postgres: Any, database: Callable[[Any], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_SECONDS", "0.1")
    url = database(postgres)
    storage.prepare(url).close()
    submitted(url)
    unordered_on(url)
    with serving(url, tmp_path, processes=2) as fleet:
        ended_well(fleet, url)
    assert len(lines(fleet, "cannot serve")) == 0, fleet.said()


def test_workers_take_turns_with_too_few_connections(
    postgres: Any, database: Callable[[Any], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_SECONDS", "0.1")
    admin = database(postgres)
    storage.prepare(admin).close()
    name = parse(admin).sqlalchemy.database
    postgres.execute("CREATE ROLE narrow LOGIN CONNECTION LIMIT 2")
    try:
        postgres.execute("GRANT pg_read_all_data, pg_write_all_data TO narrow")
        postgres.execute(f"ALTER DATABASE {name} OWNER TO narrow")
        submitted(admin)
        with serving(postgres.url(name, user="narrow"), tmp_path, processes=4) as fleet:
            ended_well(fleet, admin)
        assert len(lines(fleet, "take turns")) == 1, fleet.said()
    finally:
        postgres.execute(f"ALTER DATABASE {name} OWNER TO postgres")
        postgres.execute("DROP ROLE narrow")


@pytest.fixture
def guarded() -> Iterator[OwnServer]:
    """A server that asks one role for its password."""
    # Not in pytest's folder, which the server's user may not enter.
    with TemporaryDirectory(prefix="hpo-postgres-") as folder, own_server(Path(folder) / "data") as server:
        server.execute("CREATE ROLE ada LOGIN PASSWORD 'first'")
        rules = server.folder / "pg_hba.conf"
        rules.write_text("local all ada scram-sha-256\n" + rules.read_text())
        server.execute("SELECT pg_reload_conf()")
        yield server


@pytest.mark.parametrize("told", ["by a file", "by nobody"])
def test_a_fleet_survives_a_changed_database_password(
    guarded: OwnServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    """Who reads it from a file finds the new one there; else it is waited for until the old one is back."""
    monkeypatch.setenv("TOY_SECONDS", "0.2")
    admin = guarded.create("secret")
    guarded.execute("ALTER DATABASE secret OWNER TO ada")
    guarded.execute("GRANT pg_read_all_data, pg_write_all_data TO ada")
    storage.prepare(admin).close()
    submitted(admin)
    file = tmp_path / "password"
    file.write_text("first\n")
    url = f"postgresql://ada@/secret?host={guarded.socket}"
    monkeypatch.setenv("HPO_STORAGE_PASSWORD_FILE", str(file))
    watching = storage.open(admin)

    def settled() -> int:
        return Slots(watching).counts(STUDY).settled

    with serving(url, tmp_path, processes=2) as fleet:
        until(fleet, lambda: settled() >= 2)
        if told == "by a file":
            file.write_text("second\n")
        guarded.execute("ALTER ROLE ada PASSWORD 'second'")
        guarded.end("ada")
        if told == "by nobody":
            until(fleet, lambda: lines(fleet, "refuses this user and password"))
            fleet.workers()[0].kill()  # another one starts without the database
            guarded.execute("ALTER ROLE ada PASSWORD 'first'")
        ended_well(fleet, admin)
    refused = lines(fleet, "refuses this user and password")
    assert len(refused) == (told == "by nobody"), fleet.said()
    watching.close()


@contextlib.contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A file system of so many megabytes."""
    with TemporaryDirectory(prefix="hpo-disk-") as folder:
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", folder]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("a small disk is a tmpfs, which only root can mount")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path) -> Path:
    """A file that leaves nothing of it."""
    path = disk / "filler"
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    return path


def test_a_fleet_survives_a_full_disk_of_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_SECONDS", "0.05")
    trials = 60
    with small_disk(192) as disk, own_server(disk / "data") as server:
        url = server.create("small")
        storage.prepare(url).close()
        submitted(url, trials)
        with serving(url, tmp_path, processes=2) as fleet:
            until(fleet, lambda: lines(fleet, "settled"))
            filler = fill(disk)
            until(fleet, lambda: lines(fleet, "disk is full") or fleet.exit_code is not None)
            filler.unlink()
            server.revive()  # it ends itself where its log had no room
            ended_well(fleet, url, trials)
        assert 1 <= len(lines(fleet, "disk is full")) <= 2, fleet.said()


def test_a_fleet_survives_a_full_disk_under_a_sqlite_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_SECONDS", "0.05")
    trials = 40
    with small_disk(16) as disk:
        url = f"sqlite:///{disk}/hpo.db"
        storage.prepare(url).close()
        submitted(url, trials)
        with serving(url, tmp_path, processes=2) as fleet:
            until(fleet, lambda: lines(fleet, "settled"))
            filler = fill(disk)
            until(fleet, lambda: lines(fleet, "disk is full") or fleet.exit_code is not None)
            filler.unlink()
            ended_well(fleet, url, trials)
        assert 1 <= len(lines(fleet, "disk is full")) <= 2, fleet.said()
