"""`hpo fleet` with the real kubectl, and a stand-in for the cluster whose pods are processes here."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import toy
import yaml
from fleets import until
from kubernetes_api import MISSING, KubernetesApi

from hpo import storage
from hpo.errors import UsageError
from hpo.fleet.engines.fleet_engine import EngineError, WorkerJob
from hpo.fleet.engines.kubernetes_engine import KubernetesEngine
from hpo.storage import Storage
from hpo.storage.slots.slots import Slots

pytestmark = [
    pytest.mark.skipif(MISSING is not None, reason=f"{MISSING} is missing: apt-get install kubernetes-client"),
    pytest.mark.parametrize("storage_url", ["postgresql"], indirect=True),
    pytest.mark.fresh,  # kubectl is not told of forks
]
MANIFEST = Path(__file__).resolve().parents[2] / "docs" / "clusters" / "fleet" / "job.yaml"
Hpo = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def opened(storage_url: str) -> Iterator[Storage]:
    store = storage.prepare(storage_url)
    yield store
    store.close()


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KubernetesApi]:
    made = KubernetesApi(tmp_path, places=3)
    monkeypatch.setenv("KUBECONFIG", made.environment["KUBECONFIG"])
    yield made
    made.close()


@pytest.fixture
def manifest(opened: Storage, tmp_path: Path) -> Path:
    """The one of the docs, with this test's database."""
    document = yaml.safe_load(MANIFEST.read_text())
    (container,) = document["spec"]["template"]["spec"]["containers"]
    container["env"] = [{"name": "HPO_STORAGE", "value": opened.url}]
    return written(tmp_path, document)


def written(folder: Path, document: Any) -> Path:
    file = folder / "job.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


@pytest.fixture
def hpo(opened: Storage, cluster: KubernetesApi, tmp_path: Path) -> Iterator[Hpo]:
    """Start a command of hpo; what is started is ended after the test."""
    started: list[subprocess.Popen[str]] = []

    def run(*words: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "hpo", *words]
        environment = {**cluster.environment, "HPO_STORAGE": opened.url}
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def submit(hpo: Hpo, function: str, trials: int) -> None:
    words = ("submit", f"{toy.FILE}:{function}", "--name", "toys", "--direction", "maximize", "--trials", str(trials))
    process = hpo(*words)
    error = process.communicate(timeout=120)[1]
    assert process.returncode == 0, error


def job(opened: Storage, manifest: Path, *more: str, **what: Any) -> WorkerJob:
    return WorkerJob(storage=opened.url, extra=(f"--job={manifest}", "--namespace=lab", *more), **what)


@pytest.mark.thorough
def test_a_kubernetes_fleet_drains_although_a_pods_machine_is_lost(
    hpo: Hpo,
    cluster: KubernetesApi,
    opened: Storage,
    manifest: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)  # of the pods, too
    submit(hpo, "waits", 8)
    words = ("fleet", "up", "kubernetes", "--max-workers", "4", "--idle", "2s", "--every", "1s", "--drain")
    fleet = hpo(*words, "--", f"--job={manifest}", "--namespace=lab")
    until(lambda: Slots(opened).counts("toys").running == 3 or fleet.poll() is not None)
    assert fleet.returncode is None, fleet.communicate()[1]
    seen = json.loads(
        hpo("fleet", "status", "kubernetes", "--json", "--", "--namespace=lab").communicate(timeout=60)[0]
    )
    assert sorted(each["state"] for each in seen["workers"]) == ["pending", *["running"] * 3]
    assert {each["where"] for each in seen["workers"]} == {"", "node-1"}
    cluster.kill_one()
    until(lambda: sum(slot.attempt for slot in Slots(opened).list("toys")) == 4)  # the fourth pod has its place
    (tmp_path / "go").touch()
    error = fleet.communicate(timeout=240)[1]
    assert fleet.returncode == 0, error
    assert "no worker is left" in error
    assert toy.unsound(opened.url, "toys", trials=8) == []


@pytest.mark.thorough
def test_a_fleet_that_is_taken_down_gives_its_trials_back(
    hpo: Hpo,
    cluster: KubernetesApi,
    opened: Storage,
    manifest: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    submit(hpo, "waits", 5)
    up = hpo("fleet", "up", "kubernetes", "--max-workers", "5", "--once", "--", f"--job={manifest}")
    out, error = up.communicate(timeout=120)
    assert up.returncode == 0, error
    assert "workers wanted: 5, there: 0; 5 started" in out
    until(lambda: Slots(opened).counts("toys").running == 3)
    assert "ended 5 workers" in hpo("fleet", "down", "kubernetes").communicate(timeout=60)[0]
    until(lambda: not Slots(opened).counts("toys").running)
    assert [slot.tries for slot in Slots(opened).list("toys")] == [0] * 5
    assert cluster.jobs() == []


def test_jobs_have_what_was_asked_for_and_the_rest_of_the_manifest(
    cluster: KubernetesApi, opened: Storage, manifest: Path
) -> None:
    cluster.places = 0
    asked = job(opened, manifest, gpus=1, cpus=4, walltime=3600, setup="module load cuda", name="Lab")
    KubernetesEngine(asked).start(2)
    made = cluster.jobs()
    assert len({each["metadata"]["name"] for each in made}) == 2
    assert {each["metadata"]["labels"]["hpo-fleet"] for each in made} == {asked.label}
    assert made[0]["metadata"]["labels"]["app.kubernetes.io/part-of"] == "hpo"
    assert made[0]["spec"]["backoffLimit"] == 0
    pod = made[0]["spec"]["template"]["spec"]
    assert pod["activeDeadlineSeconds"] == 3600
    assert pod["securityContext"]["runAsNonRoot"]
    (container,) = pod["containers"]
    assert container["command"][:2] == ["bash", "-c"]
    assert container["command"][2].startswith("module load cuda\n")
    assert container["command"][4:] == ["hpo", *asked.arguments]
    assert container["resources"] == {
        "requests": {"cpu": "4", "memory": "4Gi"},
        "limits": {"cpu": "4", "memory": "8Gi", "nvidia.com/gpu": 1},
    }


def test_a_fleet_sees_and_ends_its_own_jobs_alone(cluster: KubernetesApi, opened: Storage, manifest: Path) -> None:
    cluster.places = 0
    mine, other = (KubernetesEngine(job(opened, manifest, name=name)) for name in ("mine", "other"))
    mine.start(2)
    other.start(1)
    assert [each.state for each in mine.jobs()] == ["pending"] * 2
    mine.end(mine.jobs())
    assert mine.jobs() == []
    assert len(other.jobs()) == 1


def test_jobs_are_made_and_seen_in_the_namespace_of_the_manifest(
    cluster: KubernetesApi, opened: Storage, manifest: Path, tmp_path: Path
) -> None:
    cluster.places = 0
    document = yaml.safe_load(manifest.read_text())
    document["metadata"]["namespace"] = "own"
    file = written(tmp_path, document)
    engine = KubernetesEngine(WorkerJob(storage=opened.url, extra=(f"--job={file}",)))
    engine.start(1)
    assert [each["metadata"]["namespace"] for each in cluster.jobs()] == ["own"]
    assert len(engine.jobs()) == 1
    elsewhere = WorkerJob(storage=opened.url, extra=("--namespace=default",))
    assert KubernetesEngine(elsewhere).jobs() == []


def test_what_the_cluster_refuses_is_told_in_its_own_words(
    cluster: KubernetesApi, opened: Storage, manifest: Path, tmp_path: Path
) -> None:
    document = yaml.safe_load(manifest.read_text())
    document["spec"]["template"]["spec"]["tolerations"] = "all"
    with pytest.raises(EngineError, match=r"^kubectl says: .*(tolerations|not of type)"):
        KubernetesEngine(job(opened, written(tmp_path, document))).start(1)
    assert cluster.jobs() == []


def test_a_cluster_that_does_not_answer_is_told_in_one_short_line(
    cluster: KubernetesApi, opened: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Path(cluster.environment["KUBECONFIG"]).read_text()
    (tmp_path / "elsewhere").write_text(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:9", config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "elsewhere"))
    with pytest.raises(EngineError, match=r"^kubectl says: (The connection to the server|Unable to connect)"):
        KubernetesEngine(WorkerJob(storage=opened.url)).jobs()


def test_what_is_no_manifest_of_a_job_is_refused_before_anything_starts(
    cluster: KubernetesApi, opened: Storage, manifest: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="-- --job=FILE"):
        KubernetesEngine(WorkerJob(storage=opened.url)).start(0)
    with pytest.raises(UsageError, match="one manifest, and these are 2"):
        KubernetesEngine(job(opened, manifest, "--job=other.yaml"))
    with pytest.raises(UsageError, match="a SQLite file of this machine, which no pod sees"):
        KubernetesEngine(WorkerJob(storage="sqlite:///x.db", extra=(f"--job={manifest}",))).start(0)
    with pytest.raises(EngineError, match=r"kubectl says: .*none\.yaml"):
        KubernetesEngine(WorkerJob(storage=opened.url, extra=("--job=none.yaml",))).start(0)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": []}}
    with pytest.raises(UsageError, match="no manifest of one Job: it has Pod"):
        KubernetesEngine(job(opened, written(tmp_path, pod))).start(0)
    assert cluster.jobs() == []
