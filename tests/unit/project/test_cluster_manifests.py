"""What docs/clusters has for Kubernetes: overlays that Kustomize builds, of what its schemas and ours know."""

import functools
import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
OVERLAYS = ["kubernetes", "clusters/keda", "clusters/kueue"]
_POD_OF = {"ScaledJob": ("jobTargetRef", "template"), "Job": ("template",), "Deployment": ("template",)}


def built(overlay: str) -> list[dict]:
    """Every object of an overlay, as `kubectl apply -k` would send it."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not here, which has Kustomize in it: apt-get install kubernetes-client")
    if _kustomize_is_too_old():
        pytest.skip("the Kustomize of this kubectl is too old: kubectl 1.21 or later")
    done = subprocess.run(
        ["kubectl", "kustomize", f"docs/{overlay}"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@functools.cache
def _kustomize_is_too_old() -> bool:
    told = subprocess.run(["kubectl", "version", "--client", "--output=json"], capture_output=True, timeout=60).stdout
    version = json.loads(told)["clientVersion"]
    return (int(version["major"]), int(version["minor"].rstrip("+"))) < (1, 21)


def pod(document: dict) -> dict:
    """The pod it makes."""
    inner = document["spec"]
    for key in _POD_OF[document["kind"]]:
        inner = inner[key]
    return inner["spec"]


def workers(documents: list[dict]) -> list[dict]:
    return [each for each in documents if each["metadata"]["name"] == "hpo-worker"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_overlay_has_all_of_hpo_with_one_kind_of_worker(overlay):
    documents = built(overlay)
    assert {each["metadata"]["namespace"] for each in documents} == {"hpo"}
    names = {each["metadata"]["name"] for each in documents}
    assert {"hpo-postgres", "hpo-init", "hpo-dashboard", "hpo-worker"} <= names
    kinds = {"kubernetes": "Deployment", "clusters/keda": "ScaledJob", "clusters/kueue": "Job"}
    assert [each["kind"] for each in workers(documents)] == [kinds[overlay]]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_overlay_is_valid_for_kubernetes(overlay):
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not here")
    for document in built(overlay):
        if document["apiVersion"].startswith("keda.sh/"):
            job = document["spec"].get("jobTargetRef")
            if job is None:
                continue
            document = {"apiVersion": "batch/v1", "kind": "Job", "metadata": document["metadata"], "spec": job}
        validate.validate(document, validate.latest_version(), strict=True)


def test_the_job_of_a_fleet_is_valid_for_kubernetes_and_has_the_pod_of_the_deployment():
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not here")
    job = yaml.safe_load((ROOT / "docs" / "clusters" / "fleet" / "job.yaml").read_text())
    validate.validate(job, validate.latest_version(), strict=True)
    (deployment,) = workers(built("kubernetes"))
    theirs, ours = pod(deployment), pod(job)
    assert ours.pop("restartPolicy") == "Never"
    theirs["containers"][0].pop("args")
    assert theirs["containers"][0]["resources"]["limits"].pop("nvidia.com/gpu") == 1  # --gpus-per-worker asks for it
    assert ours == theirs


@pytest.mark.parametrize("overlay", OVERLAYS[1:])
def test_worker_pods_of_each_overlay_equal_those_of_the_deployment(overlay):
    (deployment,), (other,) = workers(built("kubernetes")), workers(built(overlay))
    theirs, ours = pod(deployment), pod(other)
    assert ours.pop("restartPolicy") == "Never"  # as a Job's must be
    for each in (theirs, ours):
        each["containers"][0].pop("args")
    assert ours == theirs


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_worker_arguments_of_each_overlay_parse(overlay):
    from typer.main import get_command

    from hpo.cli.app import app

    (worker,) = workers(built(overlay))
    (container,) = pod(worker)["containers"]
    name, *words = container["args"]
    command = get_command(app).commands[name]
    command.make_context(name, list(words))
    told = shlex.join(words)
    assert ("--idle" in told, "--drain" in told) == (overlay.endswith("keda"), overlay.endswith("kueue"))


def test_keda_asks_the_database_it_may_reach():
    documents = built("clusters/keda")
    by_kind = {(each["kind"], each["metadata"]["name"]): each for each in documents}
    (trigger,) = by_kind["ScaledJob", "hpo-worker"]["spec"]["triggers"]
    service = by_kind["Service", "hpo-postgres"]
    where = trigger["metadata"]
    assert where["host"] == f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc.cluster.local"
    assert where["port"] == str(service["spec"]["ports"][0]["port"])
    user = f"{where['userName']}@hpo-postgres:{where['port']}/{where['dbName']}"
    variables = {each["name"]: each.get("value") for each in pod(*workers(documents))["containers"][0]["env"]}
    assert variables["HPO_STORAGE"] == f"postgresql://{user}"
    secret = by_kind["TriggerAuthentication", trigger["authenticationRef"]["name"]]["spec"]["secretTargetRef"]
    assert secret == [{"parameter": "password", "name": "hpo", "key": "postgres-password"}]


def test_a_worker_preempted_by_kueue_is_neither_complete_nor_failed():
    (job,) = workers(built("clusters/kueue"))
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "hpo"
    assert job["spec"]["suspend"] is True
    rules = job["spec"]["podFailurePolicy"]["rules"]
    codes = [rule["onExitCodes"]["values"] for rule in rules if "onExitCodes" in rule]
    assert codes == [[130]]  # of a worker that was to drain and was stopped
