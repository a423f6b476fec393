"""Kubernetes: a fleet is Jobs of one label, each with one pod, which is a worker."""

import json
import shutil
from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from hpo.errors import UsageError
from hpo.fleet.engines.engine_command import output
from hpo.fleet.engines.fleet_engine import EngineError, Job, WorkerJob
from hpo.storage.storage_url import parse

__all__ = ["KubernetesEngine"]

_LABEL = "hpo-fleet"
_MANIFEST = "--job="
_AT_ONCE = 100  # Jobs made, or ended, by one command
_KEPT = 600  # seconds that a Job which is over stays to be looked at, unless the manifest says otherwise
_OVER = ("Complete", "Failed")


class KubernetesEngine:
    """`kubectl`, with the options that are passed on to it: cluster, user and namespace are its own."""

    stays = True

    def __init__(self, job: WorkerJob) -> None:
        """Nothing is submitted yet.

        Raises:
            UsageError: Kubernetes has no such thing as is asked for.
            EngineError: there is no kubectl here.

        """
        if 0 < job.gpus < 1:
            raise UsageError(
                f"Kubernetes gives whole GPUs, not {job.gpus:g} of one; where the cluster shares them, the manifest "
                "asks for parts in its own words, such as nvidia.com/gpu.shared"
            )
        if shutil.which("kubectl") is None:
            raise EngineError("there is no kubectl here: run this where the cluster is looked after from")
        manifests = [word.removeprefix(_MANIFEST) for word in job.extra if word.startswith(_MANIFEST)]
        if len(manifests) > 1:
            raise UsageError(f"workers have one manifest, and these are {len(manifests)}: {', '.join(manifests)}")
        self._job = job
        self._options = [word for word in job.extra if not word.startswith(_MANIFEST)]
        self._file = manifests[0] if manifests else None
        self._manifest: dict[str, Any] | None = None

    def jobs(self) -> Sequence[Job]:
        """Its Jobs that are not over; without a node, or not admitted yet, they wait."""
        told = json.loads(self._run("get", "jobs,pods", f"--selector={_LABEL}={self._job.label}", "--output=json"))
        pods = {
            each["metadata"]["labels"].get("job-name"): each
            for each in told["items"]
            if each["kind"] == "Pod" and each.get("status", {}).get("phase") == "Running"
        }
        alive = [each for each in told["items"] if each["kind"] == "Job" and not _over(each)]
        alive.sort(key=lambda each: str(each["metadata"].get("creationTimestamp")))
        return [_job(each, pods.get(each["metadata"]["name"])) for each in alive]

    def start(self, number: int) -> None:
        """Make them out of the manifest. Raises UsageError where it is none of a Job."""
        made = self._made()
        for first in range(0, number, _AT_ONCE):
            several = [made] * min(_AT_ONCE, number - first)
            document = {"apiVersion": "v1", "kind": "List", "items": several}
            self._run("create", "--filename=-", stdin=json.dumps(document))

    def end(self, jobs: Sequence[Job]) -> None:
        """Delete them: their pods get SIGTERM, and SIGKILL after the manifest's grace period."""
        for first in range(0, len(jobs), _AT_ONCE):
            names = [job.id for job in jobs[first : first + _AT_ONCE]]
            self._run("delete", "jobs", *names, "--ignore-not-found", "--wait=false")

    def _made(self) -> dict[str, Any]:
        """The Job of one worker."""
        if self._manifest is None:
            self._manifest = self._read()
        job, made = self._job, deepcopy(self._manifest)
        labels = {_LABEL: job.label}
        metadata = made["metadata"]
        made["metadata"] = {
            "generateName": "hpo-worker-",
            "labels": {**metadata.get("labels", {}), **labels},
            "annotations": metadata.get("annotations", {}),
        }
        made.pop("status", None)
        spec = made["spec"]
        spec.setdefault("ttlSecondsAfterFinished", _KEPT)
        spec |= {"parallelism": 1, "completions": 1, "backoffLimit": 0}  # another Job will do
        template = spec["template"]
        if job.walltime is not None:  # of the pod: to wait for a node is not counted; a worker ends by itself before it
            template["spec"]["activeDeadlineSeconds"] = job.walltime
        template["metadata"] = {**template.get("metadata", {})}
        template["metadata"]["labels"] = {**template["metadata"].get("labels", {}), **labels}
        template["spec"]["restartPolicy"] = "Never"
        self._fill(_container(template["spec"]))
        return made

    def _fill(self, container: dict[str, Any]) -> None:
        """What its worker does and needs; the rest, the database's address included, is the manifest's."""
        job = self._job
        if job.setup is None:
            container["args"] = job.arguments
        else:
            container.pop("args", None)
            container["command"] = job.set_up(["hpo", *job.arguments])
        asked = {name: dict(amounts) for name, amounts in (container.get("resources") or {}).items()}
        limits = asked.setdefault("limits", {})
        if job.cpus is not None:
            asked.setdefault("requests", {})["cpu"] = limits["cpu"] = str(job.cpus)
        if job.gpus:
            limits["nvidia.com/gpu"] = 1
        container["resources"] = asked

    def _read(self) -> dict[str, Any]:
        """The manifest, as kubectl understands it. Raises UsageError, EngineError."""
        if self._file is None:
            raise UsageError(
                "the manifest of a Job says which image and which database workers have: -- --job=FILE; "
                "docs/clusters/fleet/job.yaml is one"
            )
        if parse(self._job.storage).path is not None:
            raise UsageError(
                f"{parse(self._job.storage).safe} is a SQLite file of this machine, which no pod sees: --storage of a "
                "PostgreSQL that both reach"
            )
        words = ("create", "--dry-run=client", "--output=json", f"--filename={self._file}")
        try:
            found = json.loads(self._run(*words))
        except ValueError:
            found = {}
        if found.get("kind") != "Job":
            raise UsageError(f"{self._file} is no manifest of one Job: it has {found.get('kind', 'several documents')}")
        if not _container(found["spec"]["template"]["spec"]):
            raise UsageError(f"{self._file} has no container for the worker")
        if namespace := found["metadata"].get("namespace"):  # the manifest's, or the one that kubectl is set to
            self._options.append(f"--namespace={namespace}")
        return dict(found)

    def _run(self, *words: str, stdin: str = "") -> str:
        return output(["kubectl", *words, *self._options], stdin=stdin)


def _container(pod: Mapping[str, Any]) -> dict[str, Any]:
    """The worker's: named so, or the first; empty where there is none."""
    there: list[dict[str, Any]] = pod.get("containers") or []
    return next((each for each in there if each.get("name") == "worker"), there[0] if there else {})


def _over(job: Mapping[str, Any]) -> bool:
    conditions = job.get("status", {}).get("conditions") or []
    ended = any(each["type"] in _OVER and each["status"] == "True" for each in conditions)
    return ended or "deletionTimestamp" in job["metadata"]


def _job(job: Mapping[str, Any], pod: Mapping[str, Any] | None) -> Job:
    """One of its Jobs, with its pod where that runs."""
    name = job["metadata"]["name"]
    if pod is None:
        return Job(id=name, state="pending")
    began = pod["status"].get("startTime")
    seconds = None  # the cluster's clock may be ahead of this one
    if began is not None:
        seconds = max(0.0, (datetime.now(UTC) - datetime.fromisoformat(began)).total_seconds())
    return Job(id=name, state="running", where=pod["spec"].get("nodeName", ""), seconds=seconds)
