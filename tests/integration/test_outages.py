"""The database away, slow to answer or cut off while a fleet works: it costs a wait, never a trial, never a result."""

import itertools
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import optuna
import pytest
import toy
from fleets import Fleet
from proxy import Proxy
from servers import OwnServer, own_server

from hpo import storage
from hpo.experiments.search_plan import Request
from hpo.experiments.search_run import submit
from hpo.fleet.run_limits import Limits
from hpo.storage import Storage
from hpo.storage.slots.slots import Slots

LEASE = 1.5  # seconds
STUDY = "toy"
_numbers = itertools.count()

Start = Callable[..., Fleet]


def until(condition: Callable[[], object], seconds: float = 120) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def let_leases_run_out(leases: float = 1.5) -> None:
    """Sleep past the lease: the database's own clock ends it, which no test can set."""
    time.sleep(leases * LEASE)


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    # Not in pytest's folder, which the server's user may not enter.
    with TemporaryDirectory(prefix="hpo-postgres-") as folder, own_server(Path(folder) / "data") as server:
        yield server


@pytest.fixture
def url(server: OwnServer) -> Iterator[str]:
    """An empty database on a server that runs when the test begins and when it ends."""
    name = f"outage_{next(_numbers)}"
    yield server.create(name)
    if not server.running:
        server.start()
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def proxy(server: OwnServer) -> Iterator[Proxy]:
    """The way to that server for those that shall be cut off from it."""
    proxy = Proxy(server.socket / ".s.PGSQL.5432")
    yield proxy
    proxy.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a fleet of one worker, on a host of its own."""
    fleets: list[Fleet] = []

    def start(url: str, objective: str, *arguments: str) -> Fleet:
        name = f"host-{len(fleets)}"
        options = ["--processes", "1", "--lease", str(LEASE), "--objective", f"{toy.FILE}:{objective}", *arguments]
        fleets.append(Fleet(url, *options, folder=tmp_path, name=name, host=name))
        return fleets[-1]

    yield start
    for fleet in fleets:
        fleet.kill()


def submitted(url: str, trials: int, trial_timeout: float | None = None) -> Storage:
    """Leave that many trials to whoever comes; the storage."""
    submit(
        Request(
            definition=f"{toy.FILE}:study",
            storage=url,
            fidelity="quick",
            name=STUDY,
            trials=trials,
            sampler="random",
            seed=1,
            limits=Limits(trial_timeout=trial_timeout),
        )
    )
    return storage.open(url)


def through(proxy: Proxy, url: str) -> str:
    """The same database by way of the proxy."""
    return re.sub(r"@/(\w+)\?.*", rf"@127.0.0.1:{proxy.port}/\1", url)


def settled(found: Storage) -> int:
    return Slots(found).counts(STUDY).settled


def states(found: Storage) -> list[str]:
    """Of all trials there ever were."""
    trials = optuna.load_study(study_name=STUDY, storage=found.optuna).get_trials(deepcopy=False)
    return [trial.state.name for trial in trials]


def begun() -> list[Path]:
    """A file for each trial in training."""
    return list(Path().glob("began-*"))


@pytest.mark.thorough
@pytest.mark.parametrize(("objective", "how"), [("held", "immediate"), ("reports", "fast")])
def test_a_training_survives_an_outage_longer_than_its_lease(
    server: OwnServer, url: str, start: Start, objective: str, how: str
) -> None:
    """And for longer than it may take itself, whether it has something to say meanwhile or is done before the end.

    Whoever waits for it, in however many processes, it is told once.
    """
    found = submitted(url, 2, trial_timeout=4 * LEASE)
    fleet = start(url, objective, "--processes", "2")
    until(begun)
    server.stop(how)  # type: ignore[arg-type]
    if objective == "held":
        Path("go").touch()
        until(Path("ended").exists)
    let_leases_run_out(5)
    Path("go").touch()
    server.start()
    until(lambda: settled(found) == 2)
    assert [slot.attempt for slot in Slots(found).list(STUDY)] == [1, 1]
    until(lambda: states(found) == ["COMPLETE", "COMPLETE"])
    assert toy.unsound(url, STUDY, trials=2) == []
    found.close()
    until(lambda: "the database is back" in fleet.said())
    assert [fleet.said().count(what) for what in ("waiting for the database", "the database is back")] == [1, 1]


@pytest.mark.thorough
def test_a_host_cut_off_past_its_lease_loses_the_slot_and_continues_with_others(
    url: str, proxy: Proxy, start: Start
) -> None:
    found = submitted(url, 3)
    cut_off = start(through(proxy, url), "held")
    until(begun)
    proxy.silence()
    other = start(url, "instant")
    until(lambda: settled(found) == 3)  # the lease of the silent one ran out, so its slot is among them
    assert other.stop() == 0
    taken = Slots(found).list(STUDY)[0]
    assert taken.attempt == 2
    proxy.speak()
    Path("go").touch()
    until(lambda: "FAIL" in states(found))
    assert toy.unsound(url, STUDY, trials=3) == []
    assert Slots(found).list(STUDY)[0] == taken  # its late result counts for nothing
    submitted(url, 4).close()
    until(lambda: settled(found) == 4)
    assert cut_off.exit_code is None
    until(lambda: "RUNNING" not in states(found))
    assert toy.unsound(url, STUDY, trials=4) == []
    found.close()


def test_broken_connections_cost_no_trial(server: OwnServer, url: str, proxy: Proxy, start: Start) -> None:
    """By a network that swallows what was sent and then breaks; and by the server, which ends them."""
    found = submitted(url, 1)
    start(through(proxy, url), "reports")
    until(begun)
    proxy.silence()
    let_leases_run_out()
    proxy.sever()
    proxy.speak()
    assert server.cut() >= 0
    Path("go").touch()
    until(lambda: settled(found) == 1)
    assert Slots(found).list(STUDY)[0].attempt == 1
    until(lambda: states(found) == ["COMPLETE"])
    found.close()


@pytest.mark.parametrize("how", ["away", pytest.param("silent", marks=pytest.mark.slow)])
def test_a_fleet_without_its_database_still_stops_on_a_signal(
    server: OwnServer, url: str, proxy: Proxy, start: Start, how: str
) -> None:
    found = submitted(url, 1)
    fleet = start(through(proxy, url), "held")
    until(begun)
    if how == "away":
        server.stop()
    else:
        proxy.silence()
    assert fleet.stop(60) == 0
    if how == "away":
        server.start()
    proxy.speak()
    Path("go").touch()
    start(url, "instant")
    until(lambda: settled(found) == 1)  # the lease runs out
    until(lambda: sorted(states(found)) == ["COMPLETE", "FAIL"])
    assert toy.unsound(url, STUDY, trials=1) == []
    found.close()


@pytest.mark.thorough
def test_a_fleet_waits_for_a_missing_server_and_schema(server: OwnServer, url: str, start: Start) -> None:
    server.stop()
    fleet = start(url, "instant")
    until(lambda: "waiting for the database" in fleet.said())
    server.start()
    found = submitted(url, 3)
    until(lambda: settled(found) == 3)
    said = fleet.said()
    assert said.count("waiting for the database") == 1
    assert "Traceback" not in said
    found.close()
