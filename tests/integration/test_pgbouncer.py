"""Through PgBouncer, where each transaction may have another session of the server: nothing outlasts a transaction."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import toy
from asking import asked
from fleets import Fleet
from invariants import check_budget
from poolers import MISSING, PROGRAM, PgBouncer, pooled

from hpo import storage
from hpo.experiments.search_run import submit
from hpo.storage import studies
from hpo.storage.postgresql import IDLE_SECONDS
from hpo.storage.queries import stored_trials
from hpo.storage.slots.slots import Slots
from hpo.storage.storage_url import parse
from hpo.storage.studies import StudyPlan

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=MISSING)

SESSIONS = 2  # of the server, for all


@pytest.fixture
def pooler(postgres: Any) -> Iterator[PgBouncer]:
    with pooled(postgres.socket, sessions=SESSIONS, port=postgres.port) as started:
        yield started


@pytest.fixture
def direct(postgres: Any, database: Callable[[Any], str]) -> str:
    """An empty database, past the pooler."""
    return database(postgres)


def name_of(url: str) -> str:
    name = parse(url).sqlalchemy.database
    assert name is not None
    return name


def test_many_clients_share_two_pooled_sessions_and_leave_no_state(
    pooler: PgBouncer, direct: str, plan: StudyPlan
) -> None:
    url = pooler.url(name_of(direct))
    first = storage.prepare(url)
    studies.create_or_resume(first, plan)
    Slots(first).open(plan.name, 60)
    failed: list[Exception] = []

    def serve(number: int) -> None:
        mine = storage.open(url)
        try:
            slots = Slots(mine)
            while (slot := slots.claim(plan.name, f"w{number}", 60)) is not None:
                assert slots.renew(slot, 60)
                assert slots.settle(slot, "complete", 0.5)
        except Exception as error:
            failed.append(error)
        finally:
            mine.close()

    workers = [threading.Thread(target=serve, args=(number,)) for number in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert failed == []
    assert [slot.attempt for slot in Slots(first).list(plan.name)] == [1] * 60
    assert stored_trials.read(first, plan.name) == []  # which is read as of one moment
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
        for _ in range(10):  # whichever session it is given
            row = connection.execute(
                "SELECT (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_locks "
                "WHERE locktype = 'advisory'), current_setting('idle_in_transaction_session_timeout'), "
                "current_setting('default_transaction_isolation')"
            ).fetchone()
            assert row == (0, 0, "0", "read committed")
    with first.write() as begun:
        query = "SELECT current_setting('idle_in_transaction_session_timeout')"
        assert begun.exec_driver_sql(query).scalar() == f"{IDLE_SECONDS}s"
    first.close()


def test_a_search_loses_nothing_when_workers_and_the_pooler_are_killed(
    pooler: PgBouncer, direct: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_SECONDS", "0.2")
    url = pooler.url(name_of(direct))
    storage.prepare(url).close()
    wanted: dict[str, Any] = {"sampler": "tpe", "pruner": "none", "fidelity": "quick", "seed": 1}
    submit(asked(definition=f"{toy.FILE}:study", storage=url, name="pooled", trials=12, **wanted))
    arguments = ["--drain", "--processes", "3", "--lease", "3s", "--objective", f"{toy.FILE}:naps"]
    fleet = Fleet(url, *arguments, "--max-attempts", "100", folder=tmp_path)
    watching = storage.open(direct)

    def kill_one() -> None:
        for worker in fleet.workers()[:1]:
            worker.kill()

    todo = [kill_one, pooler.kill, kill_one]
    deadline = time.monotonic() + 120
    try:
        while (code := fleet.exit_code) is None:
            assert time.monotonic() < deadline, fleet.said()
            if todo and Slots(watching).counts("pooled").settled >= 3 * (4 - len(todo)) - 1:
                todo.pop(0)()
                if len(todo) == 1:
                    pooler.start()
            time.sleep(0.02)
    finally:
        fleet.kill()
        fleet.process.wait()
    assert (code, todo) == (0, []), fleet.said()
    assert toy.unsound(direct, "pooled", trials=12) == []
    check_budget(watching, "pooled", 12)
    assert "Traceback" not in fleet.said()
    watching.close()
