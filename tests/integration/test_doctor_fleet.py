"""What `hpo doctor` finds in a storage that a fleet shares, on both databases."""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nvidia
import optuna
import psutil
import psycopg
import pytest
import toy
from sqlalchemy import delete, select

from hpo import storage
from hpo.experiments.doctor import Check, fleet_checks
from hpo.experiments.doctor import database_checks as databases
from hpo.experiments.doctor.examination import examine_storage
from hpo.fleet.gpu_leases import Seats
from hpo.fleet.gpus import Gpu
from hpo.storage import Storage, process_identity, schema, studies
from hpo.storage.slots import slot_trials
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan, StudyRecord, halting
from hpo.storage.worker_registry import Roster, Worker

HOUR = 3600.0  # seconds


@pytest.fixture(autouse=True)
def _nobody(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No GPUs but those a test installs, and no workers left after it."""
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    for name in ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "HPO_MACHINE"):
        monkeypatch.delenv(name, raising=False)
    shared: Storage | None = request.getfixturevalue("store") if "store" in request.fixturenames else None
    yield
    if shared is not None:
        with shared.engine.begin() as connection:
            connection.execute(delete(schema.workers))
            connection.execute(delete(schema.gpus))


@pytest.fixture
def on_server(database: Callable[[Any], str], postgres: Any) -> Iterator[Storage]:
    """An empty database of a server's own."""
    opened = storage.prepare(database(postgres))
    yield opened
    opened.close()


@pytest.fixture
def on_file(tmp_path: Path) -> Iterator[Storage]:
    """An empty file."""
    opened = storage.prepare(f"sqlite:///{tmp_path}/hpo.db")
    yield opened
    opened.close()


def sign_on(store: Storage, name: str, *, silent: bool = False, **said: Any) -> None:
    Roster(store).sign_on(Worker(name=name, pid=7, **said), -1 if silent else HOUR)


def named(checks: Iterator[Check], name: str) -> Check:
    (found,) = [check for check in checks if check.name == name]
    assert bool(found.remedy) == (found.state != "ok")
    assert "\n" not in found.found + found.remedy
    return found


def test_a_sound_storage_passes_every_check(store: Storage, study: StudyRecord) -> None:
    found = {check.name: check for check in databases.database_checks(store)}
    assert {check.state for check in found.values()} == {"ok"}
    assert f"1 study, tables of version {schema.VERSION}" in found["storage"].found
    if store.where.path is None:
        assert list(found) == ["storage", "latency", "clock", "connections", "transactions"]
        assert "PostgreSQL 1" in found["storage"].found
    else:
        assert list(found) == ["storage", "latency", "file"]
        assert "SQLite 3." in found["storage"].found


def test_all_storage_checks_run_in_order_and_change_nothing(storage_url: str) -> None:
    (nothing,) = examine_storage(storage_url)
    assert (nothing.name, nothing.state) == ("storage", "ok")
    assert "not there yet" in nothing.found
    store = storage.prepare(storage_url)
    sign_on(store, "w0")
    with store.engine.begin() as connection:
        before = [connection.execute(select(table)).all() for table in (schema.workers, schema.revision)]
    names = [check.name for check in examine_storage(storage_url)]
    assert names[:2] == ["storage", "latency"]
    assert names[-2:] == ["workers", "versions"]
    with store.engine.begin() as connection:
        assert [connection.execute(select(table)).all() for table in (schema.workers, schema.revision)] == before
        connection.execute(schema.revision.update().values(version_num=str(schema.VERSION + 1)))
    store.close()
    (newer,) = examine_storage(storage_url)
    assert (newer.name, newer.state) == ("storage", "fail")
    assert "made by a newer hpo" in newer.found


def test_a_long_open_transaction_is_reported(on_server: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "LONG", 0.0)  # seconds
    url = on_server.where.sqlalchemy.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, application_name="forgotten") as connection:
        connection.execute("SELECT 1")  # which begins one
        found, pid = named(databases.database_checks(on_server), "transactions"), connection.info.backend_pid
    assert found.state == "warn"
    assert "forgotten" in found.found
    assert f"pid {pid}" in found.remedy


def test_more_workers_than_server_connections_is_a_warning(on_server: Storage) -> None:
    for number in range(60):
        sign_on(on_server, f"w{number}", host=f"h{number % 3}")
    found = named(databases.database_checks(on_server), "connections")
    assert found.state == "warn"
    assert "60 workers on 3 hosts keep up to 126" in found.found


def test_a_clock_off_from_the_servers_is_a_warning(on_server: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - HOUR)
    found = named(databases.database_checks(on_server), "clock")
    assert (found.state, found.found) == ("warn", "this machine's is 3600 s behind the server's")


def test_a_sqlite_file_shared_by_two_machines_fails_the_check(on_file: Storage) -> None:
    sign_on(on_file, "w0", machine="one")
    assert named(databases.database_checks(on_file), "file").state == "ok"
    sign_on(on_file, "w1", machine="two")
    found = named(databases.database_checks(on_file), "file")
    assert (found.state, found.found) == ("fail", "workers of 2 machines share this file")


@pytest.mark.parametrize(
    ("mounts", "state"),
    [
        ("/dev/sda / ext4 rw 0 0\nserver:/home {} nfs4 rw 0 0\n", "fail"),
        ("/dev/sda / ext4 rw 0 0\nshare {} cifs rw 0 0\n", "fail"),
        ("server:/ / nfs rw 0 0\n/dev/sda {} xfs rw 0 0\n", "ok"),  # the innermost counts
        ("", "ok"),
    ],
)
def test_a_sqlite_file_on_a_network_disk_fails_the_check(
    on_file: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mounts: str, state: str
) -> None:
    table = tmp_path / "proc" / "self" / "mounts"
    table.parent.mkdir(parents=True)
    table.write_text(mounts.format(on_file.where.path.resolve().parent))
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path / "proc"))
    assert named(databases.database_checks(on_file), "file").state == state


def test_silent_workers_are_a_warning(store: Storage) -> None:
    assert named(fleet_checks.fleet_checks(store), "workers").found == "none at work"
    sign_on(store, "w0", machine="a")
    sign_on(store, "w1", machine="b", doing="waiting for a GPU")
    found = named(fleet_checks.fleet_checks(store), "workers")
    assert (found.state, found.found) == ("ok", "2 workers on 2 machines: 1 between trials, 1 waiting for a GPU")
    sign_on(store, "w2", host="c", silent=True)
    found = named(fleet_checks.fleet_checks(store), "workers")
    assert found.state == "warn"
    assert "silent: process 7 of c" in found.found


def test_workers_of_different_versions_are_a_warning(store: Storage) -> None:
    sign_on(store, "w0")
    assert named(fleet_checks.fleet_checks(store), "versions").state == "ok"
    sign_on(store, "w1", program="9.9")
    found = named(fleet_checks.fleet_checks(store), "versions")
    assert found.state == "warn"
    assert "1 worker hpo 9.9" in found.found
    assert f"1 worker hpo {process_identity.program()}" in found.found


def test_gpus_are_listed_with_the_workers_that_lease_them(
    store: Storage, study: StudyRecord, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "gpus" not in {check.name for check in fleet_checks.fleet_checks(store)}  # nobody has any: nothing to say
    monkeypatch.setenv("PATH", nvidia.install(tmp_path / "bin", 2))
    gpus = [Gpu(uuid=nvidia.uuid(number), name=nvidia.NAME, memory_bytes=None) for number in range(2)]
    sign_on(store, "w0", gpu=nvidia.uuid(0))
    Seats(store).take(gpus, "w0", lease_seconds=HOUR)
    found = named(fleet_checks.fleet_checks(store), "gpus")
    assert found.state == "ok"
    assert f"{nvidia.uuid(0)[:12]}: w0;" in found.found
    assert f"{nvidia.uuid(1)[:12]}: free" in found.found
    sign_on(store, "w1")
    assert named(fleet_checks.fleet_checks(store), "gpus").state == "ok"
    Slots(store).open(study.name, 1)
    Slots(store).claim(study.name, "w1", HOUR)
    found = named(fleet_checks.fleet_checks(store), "gpus")
    assert found.state == "warn"
    assert "1 worker here on cores while 1 GPU is free" in found.found
    monkeypatch.setenv("HPO_MACHINE", "another")
    assert "on other machines: 1 leased" in named(fleet_checks.fleet_checks(store), "gpus").found


def test_a_broken_gpu_driver_is_a_warning(store: Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", nvidia.install_broken(tmp_path / "bin", "NVIDIA-SMI has failed", 9))
    found = named(fleet_checks.fleet_checks(store), "gpus")
    assert found.state == "warn"
    assert "NVIDIA-SMI has failed" in found.found


def test_open_studies_without_a_worker_to_serve_them_are_a_warning(store: Storage, study: StudyRecord) -> None:
    assert named(fleet_checks.study_checks(store), "studies").found == "nothing is open"
    Slots(store).open(study.name, 2)
    found = named(fleet_checks.study_checks(store), "studies")
    assert (found.state, found.found) == ("warn", f"open, and no worker there for it: {study.name}")
    sign_on(store, "elsewhere", study="another")  # serves that one alone
    sign_on(store, "asleep", silent=True)
    assert named(fleet_checks.study_checks(store), "studies").state == "warn"
    sign_on(store, "w0", refuses={study.name: "no module 'toys'"})
    found = named(fleet_checks.study_checks(store), "studies")
    assert found.state == "fail"
    assert "every worker refuses it (no module 'toys')" in found.found
    sign_on(store, "w1", refuses={"another": "no data"})
    assert named(fleet_checks.study_checks(store), "studies").found == "1 study is open and served"
    halting.stop(store, study.name, by="a test")
    assert named(fleet_checks.study_checks(store), "studies").found == "nothing is open"


def test_a_study_whose_trials_all_run_needs_no_other_worker(store: Storage, study: StudyRecord) -> None:
    Slots(store).open(study.name, 1)
    Slots(store).claim(study.name, "w0", HOUR)
    assert named(fleet_checks.study_checks(store), "studies").found == "nothing is open"


def test_a_missing_or_changed_definition_is_a_warning(store: Storage, plan: StudyPlan, study: StudyRecord) -> None:
    Slots(store).open(study.name, 1)
    found = named(fleet_checks.study_checks(store), "definitions")
    assert found.state == "warn"
    assert "there is no definition 'toy'" in found.found


def test_an_orphaned_trial_is_reported(store: Storage, study: StudyRecord) -> None:
    slots, optunas = Slots(store), studies.load(store, study.name)
    slots.open(study.name, 3)
    slot = slots.claim(study.name, "w0", HOUR)
    assert slot is not None
    optunas.ask()  # not ours
    slot_trials.create(store, optunas, slot)
    assert named(fleet_checks.study_checks(store), "orphans").state == "ok"
    slots.release(slot, "a test")
    found = named(fleet_checks.study_checks(store), "orphans")
    assert (found.state, found.found) == ("warn", f"1 trial left RUNNING by workers that are gone: {study.name}")
    states = [trial.state for trial in optunas.get_trials(deepcopy=False)]
    assert states == [optuna.trial.TrialState.RUNNING] * 2  # looking changes nothing


def test_a_definition_that_needs_its_own_process_is_no_problem(
    store: Storage, plan: StudyPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two definitions with helpers of one name beside them: workers serve each in a process of its own."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    fingerprint = toy.study.space().fingerprint
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        own = tmp_path / name / "own.py"
        own.write_text("import helpers_of_the_doctor\n" + Path(toy.FILE).read_text())
        own.with_name("helpers_of_the_doctor.py").write_text(f"NAME = {name!r}\n")
        studies.create_or_resume(store, replace(plan, name=name, reference=f"{own}:study", fingerprint=fingerprint))
        Slots(store).open(name, 1)
    try:
        assert named(fleet_checks.study_checks(store), "definitions").state == "ok"
    finally:
        sys.modules.pop("helpers_of_the_doctor", None)
