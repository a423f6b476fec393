"""`hpo fleet` with a Ray cluster of two nodes here: from none to six workers and back, and a node that dies."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nvidia
import pytest
import toy
from fleets import until

from hpo import storage
from hpo.errors import UsageError
from hpo.fleet.engines.fleet_engine import WorkerJob
from hpo.fleet.engines.ray_engine import RayEngine
from hpo.storage import Storage
from hpo.storage.slots.slots import Slots
from hpo.storage.worker_registry import Roster

pytest.importorskip("ray", reason="ray is not here: pip install 'hpo-service[ray]'")
pytestmark = [pytest.mark.slow, pytest.mark.fresh]  # what is handed to Ray must be known to its processes, too
Hpo = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Three cores a node, and one GPU, as far as `nvidia-smi` and Ray are concerned."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_worker_niceness", "0")  # else whatever runs beside them starves them
        patch.setenv("PATH", nvidia.install(tmp_path_factory.mktemp("bin"), gpus=1))
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 3, "num_gpus": 1})
        made.add_node(num_cpus=3, num_gpus=0)
        yield made
        made.shutdown()


@pytest.fixture
def hpo(cluster: Any, tmp_path: Path) -> Iterator[Hpo]:
    """Start a command of hpo; the fleet is ended after the test."""
    started: list[subprocess.Popen[str]] = []

    def run(*words: str) -> "subprocess.Popen[str]":
        database = f"sqlite:///{tmp_path}/hpo.db"
        environment = {**os.environ, "RAY_ADDRESS": cluster.address, "HPO_STORAGE": database}
        command = [sys.executable, "-m", "hpo", *words]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()
    run("fleet", "down", "ray").communicate(timeout=60)


def submitted(hpo: Hpo, tmp_path: Path, trials: int) -> Storage:
    """Trials that end once there is a file `go`."""
    words = ("submit", f"{toy.FILE}:waits", "--name", "waits", "--direction", "maximize", "--trials", str(trials))
    submit = hpo(*words)
    error = submit.communicate(timeout=120)[1]
    assert submit.returncode == 0, error
    return storage.open(f"sqlite:///{tmp_path}/hpo.db")


def workers(hpo: Hpo) -> list[dict[str, Any]]:
    out, error = hpo("fleet", "status", "ray", "--json").communicate(timeout=60)
    assert out, error
    found: list[dict[str, Any]] = json.loads(out)["workers"]
    return found


def running(opened: Storage) -> int:
    return Slots(opened).counts("waits").running


def test_a_fleet_scales_from_none_to_six_and_back_although_a_node_is_killed(
    hpo: Hpo, cluster: Any, tmp_path: Path
) -> None:
    opened = submitted(hpo, tmp_path, 24)
    words = ("fleet", "up", "ray", "--max-workers", "6", "--idle", "2s", "--every", "1s", "--drain")
    fleet = hpo(*words)
    until(lambda: running(opened) == 6 or fleet.poll() is not None)
    assert fleet.returncode is None, fleet.communicate()[1]
    assert [each["state"] for each in workers(hpo)] == ["running"] * 6
    node = cluster.add_node(num_cpus=3)
    cluster.remove_node(next(iter(cluster.worker_nodes - {node})), allow_graceful=False)
    # Three lost what they had; as many others have begun something else on the third node.
    until(lambda: sum(slot.attempt for slot in Slots(opened).list("waits")) == 9 and running(opened) == 6)
    (tmp_path / "go").touch()
    error = fleet.communicate(timeout=240)[1]
    assert fleet.returncode == 0, error
    assert workers(hpo) == []
    assert toy.unsound(opened.url, "waits", trials=24) == []
    cluster.remove_node(node)
    cluster.add_node(num_cpus=3)


def test_workers_without_a_place_are_pending_and_end_with_the_rest(hpo: Hpo, tmp_path: Path) -> None:
    opened = submitted(hpo, tmp_path, 5)
    started = hpo("fleet", "up", "ray", "--max-workers", "5", "--once", "--cpus", "2", "--", "max_task_retries=0")
    out, error = started.communicate(timeout=120)
    assert not started.returncode, error
    assert "workers wanted: 5, there: 0; 5 started" in out, error
    until(lambda: running(opened) == 2)
    assert {each["state"] for each in workers(hpo)} == {"running", "pending"}
    assert "ended 5 workers" in hpo("fleet", "down", "ray").communicate(timeout=60)[0]
    until(lambda: not running(opened))
    assert [slot.tries for slot in Slots(opened).list("waits")] == [0] * 5
    assert workers(hpo) == []


def test_two_workers_share_a_gpu_by_halves(hpo: Hpo, tmp_path: Path) -> None:
    opened = submitted(hpo, tmp_path, 3)
    hpo("fleet", "up", "ray", "--max-workers", "3", "--once", "--gpus-per-worker", "0.5").wait(120)
    until(lambda: running(opened) == 2)
    assert sorted(each["state"] for each in workers(hpo)) == ["pending", "running", "running"]
    assert [each.gpu for each in Roster(opened).present()] == [nvidia.uuid(0)] * 2


def test_an_argument_that_is_no_option_of_an_actor_is_refused() -> None:
    with pytest.raises(UsageError, match="'--partition' is no option of Ray's actors"):
        RayEngine(WorkerJob(storage="sqlite:///x.db", extra=("--partition",)))


def test_an_option_that_ray_does_not_know_is_refused_in_one_line(hpo: Hpo, tmp_path: Path) -> None:
    submitted(hpo, tmp_path, 1)
    refused = hpo("fleet", "up", "ray", "--max-workers", "1", "--once", "--", "nonsense=1")
    _, error = refused.communicate(timeout=60)
    assert refused.returncode == 2
    assert "Ray refuses an option of its actors, nonsense=1" in error
    assert "Traceback" not in error
