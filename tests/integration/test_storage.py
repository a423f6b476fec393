"""Opening databases: made once, taken over, refused, and every failure said in one line."""

import contextlib
import multiprocessing
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import optuna
import pytest
from sqlalchemy import event, inspect, text

from hpo import storage
from hpo.errors import HpoError, StorageError
from hpo.storage import postgresql, schema, studies
from hpo.storage.database_errors import translated
from hpo.storage.engine import ISOLATION, KEPT, MOST, connect
from hpo.storage.postgresql import connect_args
from hpo.storage.slots import slot_trials
from hpo.storage.slots.slots import Slots
from hpo.storage.storage_url import parse
from hpo.storage.studies import StudyPlan


def refused(action: Callable[[], object]) -> str:
    """The message of the error `action` ends in: one line, no password."""
    with pytest.raises(StorageError) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    assert "s3cr" not in message
    assert caught.value.__cause__ is None
    return message


def tables(url: str) -> set[str]:
    opened = storage.open(url)
    try:
        return set(inspect(opened.engine).get_table_names())
    finally:
        opened.close()


def test_preparing_creates_the_tables_of_optuna_and_hpo_and_may_be_repeated(storage_url: str, plan: StudyPlan) -> None:
    first = storage.prepare(storage_url)
    made = studies.create_or_resume(first, plan)
    first.close()
    assert {"studies", "trials", "alembic_version", "hpo_revision", "hpo_study", "hpo_slot"} <= tables(storage_url)
    again = storage.prepare(storage_url)
    assert studies.get(again, plan.name) == made
    again.close()
    # Optuna alone finds it complete, and of its own version.
    url = again.where.sqlalchemy.render_as_string(hide_password=False)
    alone = optuna.storages.RDBStorage(url)
    assert alone.get_current_version() == alone.get_head_version()
    assert [study.study_name for study in alone.get_all_studies()] == [plan.name]
    alone.engine.dispose()


def test_a_database_of_optuna_alone_is_taken_over_with_its_trials(storage_url: str, plan: StudyPlan) -> None:
    url = parse(storage_url).sqlalchemy.render_as_string(hide_password=False)
    theirs = optuna.create_study(study_name="theirs", storage=url)
    theirs.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    theirs._storage._backend.engine.dispose()  # type: ignore[attr-defined]
    message = refused(lambda: storage.open(storage_url))  # looking changes nothing
    assert "no studies of hpo" in message
    opened = storage.prepare(storage_url)
    studies.create_or_resume(opened, plan)
    assert len(optuna.load_study(study_name="theirs", storage=opened.optuna).trials) == 2
    opened.close()


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE users (id int)", "CREATE TABLE alembic_version (version_num text)"]
)
def test_a_database_of_another_program_is_refused_untouched(storage_url: str, statement: str) -> None:
    where = parse(storage_url)
    engine = connect(where, create=True)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()
    before = where.path.read_bytes() if where.path else None
    for action in (storage.prepare, storage.open):
        message = refused(lambda action=action: action(storage_url))
        assert "another program" in message or "no studies of hpo" in message
    with engine.connect() as connection:
        assert len(inspect(connection).get_table_names()) == 1
    engine.dispose()
    if where.path:
        assert where.path.read_bytes() == before


def test_tables_of_a_newer_hpo_are_refused(storage_url: str) -> None:
    opened = storage.prepare(storage_url)
    with opened.engine.begin() as connection:
        connection.execute(schema.revision.update().values(version_num=str(schema.VERSION + 1)))
    opened.close()
    for action in (storage.prepare, storage.open):
        assert f"version {schema.VERSION + 1}" in refused(lambda action=action: action(storage_url))


def test_a_crash_while_optunas_tables_were_made_is_repaired(storage_url: str, plan: StudyPlan) -> None:
    from optuna.storages._rdb.models import BaseModel

    where = parse(storage_url)
    engine = connect(where, create=True)
    with engine.begin() as connection:
        for name in ("studies", "study_directions"):
            BaseModel.metadata.tables[name].create(connection)
    engine.dispose()
    opened = storage.prepare(storage_url)
    assert studies.create_or_resume(opened, plan).name == plan.name
    opened.close()


def test_tables_dropped_while_in_use_are_reported(storage_url: str, plan: StudyPlan) -> None:
    opened = storage.prepare(storage_url)
    studies.create_or_resume(opened, plan)
    with opened.engine.begin() as connection:
        schema.metadata.drop_all(connection)
    assert "gone" in refused(lambda: Slots(opened).claim(plan.name, "w1", 60))
    opened.close()


# SQLite


def test_opening_a_missing_database_does_not_create_it(tmp_path: Path) -> None:
    assert "there is no database" in refused(lambda: storage.open("sqlite:///none.db"))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_a_missing_folder_and_a_device_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for action in (storage.prepare, storage.open):
        assert "is a folder" in refused(lambda action=action: action("sqlite:///folder"))
        assert "no folder" in refused(lambda action=action: action("sqlite:///missing/hpo.db"))
        assert "no ordinary file" in refused(lambda action=action: action("sqlite:////dev/null"))
        assert refused(lambda action=action: action("sqlite:///" + "x" * 300 + ".db"))


def test_an_empty_file_is_made_ready(tmp_path: Path) -> None:
    (tmp_path / "hpo.db").touch()
    storage.prepare("hpo.db").close()
    assert "hpo_slot" in tables("hpo.db")


def test_a_file_that_is_no_database_is_refused_untouched(tmp_path: Path) -> None:
    file = tmp_path / "hpo.db"
    file.write_bytes(b"Dear diary, " * 1000)
    for action in (storage.prepare, storage.open):
        assert "not a SQLite database" in refused(lambda action=action: action("hpo.db"))
    assert file.read_bytes() == b"Dear diary, " * 1000


def test_a_damaged_database_is_named(tmp_path: Path, plan: StudyPlan) -> None:
    opened = storage.prepare("hpo.db")
    studies.create_or_resume(opened, plan)
    Slots(opened).open(plan.name, 50)
    opened.close()
    file = tmp_path / "hpo.db"
    content = file.read_bytes()
    file.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))

    def use() -> None:
        again = storage.prepare("hpo.db")
        Slots(again).claim(plan.name, "w1", 60)

    assert "damaged" in refused(use)


def _as_nobody(url: str, results: "multiprocessing.Queue[str]") -> None:
    if os.geteuid() == 0:  # root may write anything
        os.setgid(65534)
        os.setuid(65534)
    try:
        storage.prepare(url)
        results.put("opened")
    except HpoError as error:
        results.put(str(error))


@pytest.mark.parametrize("mode", ["file", "folder"])
def test_a_database_one_may_not_write_is_refused(mode: str) -> None:
    folder = Path(tempfile.mkdtemp())  # tmp_path lies in a folder only its owner may enter
    try:
        file = folder / "hpo.db"
        if mode == "file":
            storage.prepare(str(file)).close()
            file.chmod(0o444)
        folder.chmod(0o555)
        context = multiprocessing.get_context("fork")
        results: multiprocessing.Queue[str] = context.Queue()
        child = context.Process(target=_as_nobody, args=(str(file), results))
        child.start()
        said = results.get(timeout=60)
        child.join(60)
        assert "written" in said
        assert "permissions" in said or "folder" in said
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_a_full_disk_is_reported_and_loses_nothing(plan: StudyPlan) -> None:
    full = storage.prepare("hpo.db")
    studies.create_or_resume(full, plan)
    slots = Slots(full)
    slots.open(plan.name, 2)
    full.close()

    @event.listens_for(full.engine, "connect")
    def no_more_pages(connection: sqlite3.Connection, record: object) -> None:
        connection.execute("PRAGMA max_page_count=1")

    assert "disk is full" in refused(lambda: slots.open(plan.name, 10_000))
    optunas = studies.load(full, plan.name)
    slot = slots.claim(plan.name, "w1", 60)
    assert slot is not None

    def report_without_end() -> None:
        with translated(full.where):
            trial = slot_trials.create(full, optunas, slot)
            for number in range(1000):
                trial.set_user_attr(f"note {number}", "x" * 10_000)

    assert "disk is full" in refused(report_without_end)
    full.close()
    freed = storage.prepare("hpo.db")
    assert Slots(freed).counts(plan.name).target == 2
    assert Slots(freed).settle(slot, "complete", 1.0)
    freed.close()


def test_a_database_locked_for_too_long_is_reported(plan: StudyPlan) -> None:
    opened = storage.prepare("hpo.db")
    studies.create_or_resume(opened, plan)
    opened.close()

    @event.listens_for(opened.engine, "connect")
    def impatient(connection: sqlite3.Connection, record: object) -> None:
        connection.execute("PRAGMA busy_timeout=1")

    other = sqlite3.connect("hpo.db")
    other.execute("BEGIN IMMEDIATE")
    assert "locked" in refused(lambda: Slots(opened).open(plan.name, 1))
    other.close()
    assert Slots(opened).open(plan.name, 1) == 1


def test_the_database_is_in_wal_mode_with_a_patient_timeout() -> None:
    opened = storage.prepare("hpo.db")
    with opened.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 60_000
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1  # NORMAL
    opened.close()


# PostgreSQL


def test_a_server_that_cannot_be_reached_is_named_without_the_password() -> None:
    assert "no server answers" in refused(lambda: storage.prepare("postgresql://ada:s3cret@127.0.0.1:1/studies"))
    assert "no server answers" in refused(lambda: storage.open("postgresql:///studies?host=/nowhere&password=s3cret"))


def test_a_host_that_does_not_exist_is_named() -> None:
    message = refused(lambda: storage.prepare("postgresql://ada:s3cret@nowhere.invalid/studies"))
    assert "no such host" in message
    assert "nowhere.invalid" in message


def test_a_wrong_password_and_a_missing_database_are_named(postgres, database) -> None:  # type: ignore[no-untyped-def]
    rules = postgres.data / "pg_hba.conf"
    before = rules.read_text()
    try:
        postgres.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
        rules.write_text(f"local all guarded scram-sha-256\n{before}")
        postgres.execute("SELECT pg_reload_conf()")
        name = parse(database(postgres)).sqlalchemy.database
        message = refused(lambda: storage.prepare(postgres.url(name, user="guarded", password="s3cret")))
        assert "refuses this user and password" in message
        assert "wants a password" in refused(lambda: storage.prepare(postgres.url(name, user="guarded")))
        # The right password opens it, but without the right to make tables there.
        message = refused(lambda: storage.prepare(postgres.url(name, user="guarded", password="right")))
        assert "no right" in message
        for password in ("S3cr@/?#:[]%+ &='\"\\é\u2028tW0rd", "S3cr%40tW0rd", "e"):
            # The right one is let in, and nothing that is refused with it tells it.
            literal = password.replace("'", "''")
            postgres.execute(f"ALTER ROLE guarded PASSWORD '{literal}'")
            for extra, why in (
                ("", "no right"),
                ("&sslmode=odd", "sslmode"),
                ("&connect_timeout=soon", "connect_timeout"),
            ):
                url = postgres.url(name, user="guarded", password=quote(password, safe="")) + extra
                message = refused(lambda url=url: storage.prepare(url))
                assert why in message
                assert "S3cr" not in message
                assert "tW0rd" not in message
        assert "does not know it" in refused(lambda: storage.prepare(postgres.url("missing")))
    finally:
        rules.write_text(before)
        postgres.execute("SELECT pg_reload_conf()")
        postgres.execute("DROP ROLE IF EXISTS guarded")


def test_a_connection_the_server_ended_is_replaced(postgres, database, plan: StudyPlan) -> None:  # type: ignore[no-untyped-def]
    opened = storage.prepare(database(postgres))
    studies.create_or_resume(opened, plan)
    # And is gone: what is used again within a moment is not asked first, so a statement would find out.
    postgres.execute("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name = 'hpo'")
    assert Slots(opened).open(plan.name, 1) == 1
    opened.close()


def test_a_silent_server_counts_as_unreachable(postgres, database, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    opened = storage.prepare(database(postgres))
    monkeypatch.setattr(postgresql, "ANSWER_SECONDS", 0.5)

    def ask() -> None:
        with translated(opened.where), opened.engine.connect() as connection:
            connection.execute(text("SELECT pg_sleep(60)"))

    with pytest.raises(StorageError, match="has not answered for a minute") as caught:
        ask()
    assert caught.value.transient
    monkeypatch.undo()
    with opened.engine.connect() as connection:  # not the connection whose answer is still to come
        assert connection.execute(text("SELECT 1")).scalar() == 1
    opened.close()


def test_connections_never_exceed_the_configured_limit(postgres, database) -> None:  # type: ignore[no-untyped-def]
    opened = storage.prepare(database(postgres))
    with contextlib.ExitStack() as held:
        several = [held.enter_context(opened.engine.connect()) for _ in range(MOST)]
        name = several[0].execute(text("SELECT current_database()")).scalar()
        count = text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hpo' AND datname = :name")
        assert several[0].execute(count, {"name": name}).scalar() == MOST
        opened.engine.pool._timeout = 0  # type: ignore[attr-defined] # seconds to wait for one
        assert "no connection became free" in refused(lambda: studies.list_all(opened))
    deadline = time.monotonic() + 60  # a server takes a moment to let a closed connection go
    with opened.engine.connect().execution_options(**{ISOLATION: None}) as connection:
        while (left := connection.execute(count, {"name": name}).scalar()) != KEPT:
            assert time.monotonic() < deadline, left
    opened.close()


def test_tcp_keepalives_notice_a_cut_network_within_30_seconds() -> None:
    given = connect_args(parse("postgresql://ada@db/studies?tcp_user_timeout=5000"))
    noticed = given["keepalives_idle"] + given["keepalives_interval"] * given["keepalives_count"]
    assert noticed <= 30  # seconds: half a lease
    assert "tcp_user_timeout" not in given  # whoever says so in the URL knows better


def test_a_process_stopped_in_a_transaction_does_not_block_the_others_for_a_lease(postgres, database) -> None:  # type: ignore[no-untyped-def]
    opened = storage.prepare(database(postgres))
    with opened.engine.connect() as connection:
        assert connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar() == "20s"
        assert connection.execute(text("SHOW application_name")).scalar() == "hpo"
    opened.close()
