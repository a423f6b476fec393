"""What a server ends or refuses has its remedy; no transaction is open while anything is imported; missing tables."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
import toy
from sqlalchemy import text

from hpo import storage
from hpo.errors import StorageError
from hpo.experiments.doctor.examination import examine_storage
from hpo.storage import Storage, studies
from hpo.storage.database_errors import translated
from hpo.storage.engine import ISOLATION
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan

_IMPORTS = """
import sys
from sqlalchemy import event
from sqlalchemy.pool import Pool
held = 0
def took(*_): global held; held += 1
def gave(*_): global held; held -= 1
event.listen(Pool, "checkout", took)
event.listen(Pool, "checkin", gave)
event.listen(Pool, "close_detached", gave)
class Finder:
    def find_spec(self, name, path=None, target=None):
        if held and name.split(".")[0] in {"optuna", "alembic", "keras", "tensorflow", "numpy", "toy"}:
            print("imported within a transaction:", name)
sys.meta_path.insert(0, Finder())
from hpo import storage
from hpo.experiments.search_plan import Request
from hpo.experiments.search_run import submit
url, definition, what = sys.argv[1:]
if what == "upgrade":
    storage.upgrade(url)
else:
    submit(Request(definition=definition, storage=url, fidelity="quick", trials=3))
print("done")
"""


@pytest.mark.thorough
@pytest.mark.parametrize("what", ["upgrade", "submit"])
def test_no_transaction_is_open_while_anything_is_imported(storage_url: str, what: str) -> None:
    if what == "submit":
        storage.prepare(storage_url).close()
    command = [sys.executable, "-c", _IMPORTS, storage_url, f"{toy.FILE}:study", what]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert said.stdout.splitlines() == ["done"], said


@pytest.mark.parametrize("table", ["hpo_look", "trial_values"])
def test_a_dropped_table_is_reported(storage_url: str, plan: StudyPlan, table: str) -> None:
    opened = storage.prepare(storage_url)
    studies.create_or_resume(opened, plan)
    with opened.engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {table}"))
    opened.close()
    with pytest.raises(StorageError, match=f"lacks the table {table}, which somebody has dropped: restore"):
        storage.examine(storage_url)
    failed = [check.found for check in examine_storage(storage_url) if check.state == "fail"]
    assert len(failed) == 1
    assert table in failed[0]


@pytest.fixture
def server(postgres: Any, database: Callable[[Any], str]) -> Any:
    opened = storage.prepare(database(postgres))
    yield opened
    opened.close()


def refused(opened: Storage, *statements: str, setting: str = "") -> StorageError:
    def ask() -> None:
        with translated(opened.where), opened.engine.connect() as connection:
            if setting:
                connection.execute(text(f"SET {setting}"))
            for statement in statements:
                connection.execute(text(statement))

    with pytest.raises(StorageError) as caught:
        ask()
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("setting", "statement", "remedy"),
    [
        ("statement_timeout = 20", "SELECT pg_sleep(60)", "raise its statement_timeout"),
        ("idle_in_transaction_session_timeout = 20", "SELECT 1", "silent for too long"),
        ("lc_messages = 'C'", "DO $$ BEGIN RAISE SQLSTATE '40001'; END $$", "run the same command again"),
        ("lc_messages = 'C'", "DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$", "waited for each other"),
        ("lc_messages = 'C'", "DO $$ BEGIN RAISE SQLSTATE '53300'; END $$", "use fewer workers"),
    ],
)
def test_transactions_ended_by_the_server_are_transient_errors_with_a_remedy(
    server: Storage, setting: str, statement: str, remedy: str
) -> None:
    if setting.startswith("idle"):
        with translated(server.where), server.engine.connect() as connection:
            connection.execute(text(f"SET {setting}"))
            driver = connection.connection.dbapi_connection
            assert isinstance(driver, psycopg.Connection)
            with pytest.raises(psycopg.OperationalError):  # the server says so while nobody asks
                next(driver.notifies(timeout=30))
            with pytest.raises(StorageError, match=r"went away|silent") as caught, translated(server.where):
                connection.execute(text("SELECT 1"))
            error = caught.value
    else:
        error = refused(server, statement, setting=setting)
        assert remedy in str(error)
    assert error.transient


def test_a_serialization_conflict_of_two_workers_is_a_transient_error(
    postgres: Any, server: Storage, plan: StudyPlan
) -> None:
    """As where an administrator has set every transaction to serializable."""
    studies.create_or_resume(server, plan)
    slots = Slots(server)
    slots.open(plan.name, 1)
    slot = slots.claim(plan.name, "w1", 60)
    assert slot is not None
    strict = server.engine.execution_options(**{ISOLATION: "SERIALIZABLE"})
    with translated(server.where), strict.connect() as connection:
        connection.execute(text("SELECT * FROM hpo_slot")).all()
        assert slots.renew(slot, 120)
        with pytest.raises(StorageError, match="others changed the same rows") as caught, translated(server.where):
            connection.execute(text("UPDATE hpo_slot SET attempt = attempt + 1"))
    assert caught.value.transient
