"""What goes wrong once in a round of `rounds.py`: to a process, a file, a database, a clock, or within a trial."""

import contextlib
import random
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import poison_toy
import psutil
import psycopg
from fleets import Fleet
from servers import OwnServer

__all__ = ["Database", "End", "Scene", "SingleFault", "faults_on", "unordered_on"]

Database = Literal["sqlite", "postgresql"]

End = Literal["sound", "refused"]
"""All that was asked for is settled; or the fleet ends with one line, as what is left cannot be worked on."""

_HOUR = 3600.0


@dataclass(kw_only=True)
class Scene:
    """Where it strikes."""

    fleet: Fleet
    lease: float  # seconds
    clock: Path  # the file that the fleet's clock goes by
    file: Path  # of a SQLite database
    server: OwnServer | None
    database: str  # name of a database on the server
    random: random.Random
    seen: threading.Event = field(default_factory=threading.Event)  # set at some progress after the strike

    def worker(self) -> psutil.Process:
        """One of the fleet, once there is one."""
        while not (workers := self.fleet.workers()):
            time.sleep(0.05)
        return self.random.choice(workers)

    def supervisor(self) -> psutil.Process:
        """The fleet's supervisor process."""
        return psutil.Process(self.fleet.process.pid)

    def sql(self, *statements: str) -> None:
        """Run them on the server, each by itself."""
        assert self.server is not None
        with psycopg.connect(self.server.url(self.database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload]


@dataclass(frozen=True, kw_only=True)
class SingleFault:
    """One fault."""

    name: str
    kind: Literal["process", "trial", "file", "database", "clock"]
    strike: Callable[[Scene], None] = lambda _: None  # once the study is on its way; returns with it put right again
    poison: str | None = None  # what one trial does, of `poison_toy`
    failed: Collection[int] = (0,)  # how many trials may fail of it
    ends: Sequence[End] = ("sound",)  # what may come of it


def faults_on(database: Database) -> Sequence[SingleFault]:
    """All that can go wrong with a study on that database."""
    own = _file_faults() if database == "sqlite" else _server_faults()
    return [*_process_faults(), *_trial_faults(), *own, *_clock_faults()]


# --- processes


def _process_faults() -> list[SingleFault]:
    def to_worker(number: signal.Signals) -> Callable[[Scene], None]:
        return lambda scene: _signalled(scene.worker(), number)

    def to_supervisor(number: signal.Signals) -> Callable[[Scene], None]:
        return lambda scene: _signalled(scene.supervisor(), number)

    single = [
        SingleFault(name=f"{number.name} to a worker", kind="process", strike=to_worker(number))
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGSEGV, signal.SIGUSR1)
    ]
    single += [
        SingleFault(name=f"{number.name} to the supervisor", kind="process", strike=to_supervisor(number))
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
    ]
    return [
        *single,
        SingleFault(name="SIGTERM to supervisor and workers", kind="process", strike=_all_told),
        SingleFault(name="SIGKILL to all workers", kind="process", strike=_all_killed),
        SingleFault(name="a worker stands still for longer than its lease", kind="process", strike=_worker_stands),
        SingleFault(name="a supervisor stands still", kind="process", strike=_supervisor_stands),
    ]


def _signalled(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _all_told(scene: Scene) -> None:
    for process in (scene.supervisor(), *scene.fleet.workers()):
        _signalled(process, signal.SIGTERM)


def _all_killed(scene: Scene) -> None:
    for process in scene.fleet.workers():
        _signalled(process, signal.SIGKILL)


def _stand(process: psutil.Process, seconds: float) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.suspend()
        time.sleep(seconds)
        process.resume()


def _worker_stands(scene: Scene) -> None:
    _stand(scene.worker(), 2 * scene.lease)


def _supervisor_stands(scene: Scene) -> None:
    _stand(scene.supervisor(), 2 * scene.lease)


# --- trials


def _trial_faults() -> list[SingleFault]:
    # Without its files a trial may end its worker, or be broken off with the connection to the database and then do.
    may = {"closes all files": (0, 1)} | dict.fromkeys(poison_toy.HARMLESS, (0,))
    return [
        SingleFault(name=f"a trial {name}", kind="trial", poison=name, failed=may.get(name, (1,)))
        for name in poison_toy.POISONS
    ]


# --- the file of a SQLite database


def _file_faults() -> list[SingleFault]:
    return [
        SingleFault(name="the file is deleted", kind="file", strike=_deleted, ends=("refused",)),
        SingleFault(name="the file is away for two seconds", kind="file", strike=_away),
        SingleFault(name="an earlier copy takes its place", kind="file", strike=_restored),
        SingleFault(name="the -wal is deleted", kind="file", strike=_wal_deleted, ends=("sound", "refused")),
        SingleFault(name="garbage takes its place", kind="file", strike=_garbage, ends=("refused",)),
        SingleFault(name="an empty file takes its place", kind="file", strike=_emptied, ends=("refused",)),
        SingleFault(name="another program's takes its place", kind="file", strike=_another, ends=("refused",)),
        SingleFault(name="somebody writes for five seconds", kind="file", strike=_held),
        SingleFault(name="somebody reads for five seconds", kind="file", strike=_read),
        SingleFault(name="a checkpoint and a vacuum", kind="file", strike=_vacuum),
    ]


def _beside(file: Path) -> list[Path]:
    return [file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")]


def _deleted(scene: Scene) -> None:
    for path in _beside(scene.file):
        path.unlink(missing_ok=True)


def _away(scene: Scene) -> None:
    aside = scene.file.with_name("aside.db")
    pairs = list(zip(_beside(scene.file), _beside(aside), strict=True))
    for here, there in pairs:
        with contextlib.suppress(FileNotFoundError):
            here.rename(there)
    time.sleep(2)
    for here, there in pairs:
        with contextlib.suppress(FileNotFoundError):
            there.rename(here)


def _restored(scene: Scene) -> None:
    copy = scene.file.with_name("copy.db")
    with contextlib.closing(sqlite3.connect(scene.file)) as source, contextlib.closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    scene.seen.clear()
    scene.seen.wait(30)  # something is settled that the copy does not know
    for path in _beside(scene.file)[1:]:
        path.unlink(missing_ok=True)
    copy.rename(scene.file)


def _wal_deleted(scene: Scene) -> None:
    _beside(scene.file)[1].unlink(missing_ok=True)


def _replaced(scene: Scene, by: Path) -> None:
    for path in _beside(scene.file)[1:]:
        path.unlink(missing_ok=True)
    by.rename(scene.file)


def _garbage(scene: Scene) -> None:
    other = scene.file.with_name("garbage")
    other.write_bytes(scene.random.randbytes(100_000))
    _replaced(scene, other)


def _emptied(scene: Scene) -> None:
    other = scene.file.with_name("empty")
    other.touch()
    _replaced(scene, other)


def _another(scene: Scene) -> None:
    other = scene.file.with_name("another.db")
    with contextlib.closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER)")
        connection.commit()
    _replaced(scene, other)


def _held(scene: Scene) -> None:
    with contextlib.closing(sqlite3.connect(scene.file, timeout=30, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(5)
        connection.execute("ROLLBACK")


def _read(scene: Scene) -> None:
    with contextlib.closing(sqlite3.connect(scene.file, timeout=30, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM hpo_slot").fetchone()
        time.sleep(5)


def _vacuum(scene: Scene) -> None:
    with contextlib.closing(sqlite3.connect(scene.file, timeout=30, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("VACUUM")


# --- the PostgreSQL server


def _server_faults() -> list[SingleFault]:
    return [
        SingleFault(name="a restart", kind="database", strike=lambda scene: _restart(scene, "fast")),
        SingleFault(name="a crash", kind="database", strike=lambda scene: _restart(scene, "immediate")),
        SingleFault(name="the server hangs for five seconds", kind="database", strike=_hung),
        SingleFault(name="all connections are cut", kind="database", strike=_cut),
        SingleFault(name="read-only for three seconds", kind="database", strike=_read_only),
        SingleFault(name="one connection in all for four seconds", kind="database", strike=_crowded),
        SingleFault(name="no connection in all for three seconds", kind="database", strike=_refused),
        SingleFault(name="statements end after a millisecond", kind="database", strike=_hurried),
        SingleFault(name="serializable by default", kind="database", strike=_serializable),
        SingleFault(name="serializable for good", kind="database", strike=_serializable_for_good),
        SingleFault(name="statements end after 50 ms for good", kind="database", strike=_hurried_for_good),
        SingleFault(name="one connection in all for good", kind="database", strike=_crowded_for_good),
        SingleFault(name="every fifth change cannot be put in order", kind="database", strike=_unordered),
        SingleFault(name="a table is locked for five seconds", kind="database", strike=_locked),
    ]


def _restart(scene: Scene, how: Literal["fast", "immediate"]) -> None:
    assert scene.server is not None
    scene.server.stop(how)
    time.sleep(1)
    scene.server.start()


def _hung(scene: Scene) -> None:
    assert scene.server is not None
    # The sessions alone: the server itself would be missed by others than its clients.
    backends = [psutil.Process(pid) for pid in scene.server.backends()]
    for process in backends:
        process.suspend()
    time.sleep(5)
    for process in backends:
        process.resume()


def _cut(scene: Scene) -> None:
    assert scene.server is not None
    scene.server.cut()


@contextlib.contextmanager
def _setting(scene: Scene, name: str, value: str):  # type: ignore[no-untyped-def]
    """A setting of the database for new sessions, for which there are only such; and back."""
    assert scene.server is not None
    admin = scene.server
    admin.execute(f"ALTER DATABASE {scene.database} SET {name} = {value}")
    admin.cut()
    yield
    admin.execute(f"ALTER DATABASE {scene.database} RESET {name}")
    admin.cut()


def _read_only(scene: Scene) -> None:
    with _setting(scene, "default_transaction_read_only", "on"):
        time.sleep(3)


def _hurried(scene: Scene) -> None:
    with _setting(scene, "statement_timeout", "1"):
        time.sleep(3)


def _serializable(scene: Scene) -> None:
    with _setting(scene, "default_transaction_isolation", "'serializable'"):
        time.sleep(5)


def _set_for_good(scene: Scene, name: str, value: str) -> None:
    """A setting of the round's own database, for the rest of the round."""
    assert scene.server is not None
    scene.server.execute(f"ALTER DATABASE {scene.database} SET {name} = {value}")
    scene.server.cut()


def _serializable_for_good(scene: Scene) -> None:
    _set_for_good(scene, "default_transaction_isolation", "'serializable'")


def _hurried_for_good(scene: Scene) -> None:
    _set_for_good(scene, "statement_timeout", "50")


def _crowded_for_good(scene: Scene) -> None:
    assert scene.server is not None
    scene.server.execute(f"ALTER DATABASE {scene.database} CONNECTION LIMIT 1")
    scene.server.cut()


_UNORDERED = """
    CREATE FUNCTION unordered() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF nextval('changes') % 5 = 0 THEN
            RAISE EXCEPTION 'could not serialize access' USING ERRCODE = 'serialization_failure';
        END IF;
        RETURN NEW;
    END $$
"""


def _unordered(scene: Scene) -> None:
    assert scene.server is not None
    unordered_on(scene.server.url(scene.database))


def unordered_on(url: str) -> None:
    """Refuse every fifth change, as of two of a serializable server's transactions; a sequence counts those undone."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SEQUENCE changes")
        connection.execute("GRANT USAGE ON SEQUENCE changes TO PUBLIC")
        connection.execute(_UNORDERED)
        for table in ("hpo_slot", "trials", "trial_params", "trial_intermediate_values", "trial_system_attributes"):
            when = f"BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW"
            connection.execute(f"CREATE TRIGGER unordered {when} EXECUTE FUNCTION unordered()")  # type: ignore[call-overload]


@contextlib.contextmanager
def _most(scene: Scene, connections: int):  # type: ignore[no-untyped-def]
    """So many connections at once; for others than the superuser, so the fleet must be such a one."""
    assert scene.server is not None
    admin = scene.server
    admin.execute(f"ALTER ROLE fleet CONNECTION LIMIT {connections}")
    admin.cut()
    yield
    admin.execute("ALTER ROLE fleet CONNECTION LIMIT -1")


def _crowded(scene: Scene) -> None:
    with _most(scene, 1):
        time.sleep(4)


def _refused(scene: Scene) -> None:
    with _most(scene, 0):
        time.sleep(3)


def _locked(scene: Scene) -> None:
    assert scene.server is not None
    with psycopg.connect(scene.server.url(scene.database)) as connection:
        connection.execute("LOCK TABLE hpo_slot IN ACCESS EXCLUSIVE MODE")
        time.sleep(5)


# --- the clock


def _clock_faults() -> list[SingleFault]:
    def jump(seconds: float) -> Callable[[Scene], None]:
        return lambda scene: _set(scene, seconds)

    def there_and_back(scene: Scene) -> None:
        _set(scene, _HOUR)
        time.sleep(1)
        _set(scene, 0)

    return [
        SingleFault(name="the clock jumps an hour ahead", kind="clock", strike=jump(_HOUR)),
        SingleFault(name="the clock jumps an hour back", kind="clock", strike=jump(-_HOUR)),
        SingleFault(name="the clock jumps a year ahead", kind="clock", strike=jump(365 * 24 * _HOUR)),
        SingleFault(name="the clock jumps ahead and back", kind="clock", strike=there_and_back),
    ]


def _set(scene: Scene, seconds: float) -> None:
    whole = scene.clock.with_suffix(".new")
    whole.write_text(str(seconds))
    whole.replace(scene.clock)


def cleared(folder: Path) -> None:
    """Nothing of an earlier round is left in the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
