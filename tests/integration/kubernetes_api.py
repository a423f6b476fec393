"""A stand-in for a cluster's API server, for the real kubectl: Jobs are taken, and their pods are processes here.

There are so many places; a pod without one waits. A pod's command is run by this Python.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["MISSING", "KubernetesApi"]

MISSING = None if shutil.which("kubectl") else "kubectl"
_BATCH, _CORE = "/apis/batch/v1", "/api/v1"
_VERBS = ["create", "delete", "get", "list"]
_DISCOVERED: Mapping[str, dict[str, Any]] = {
    "/version": {"major": "1", "minor": "32", "gitVersion": "v1.32.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [
            {
                "name": "batch",
                "versions": [{"groupVersion": "batch/v1", "version": "v1"}],
                "preferredVersion": {"groupVersion": "batch/v1", "version": "v1"},
            }
        ],
    },
    _BATCH: {
        "kind": "APIResourceList",
        "groupVersion": "batch/v1",
        "resources": [{"name": "jobs", "singularName": "job", "namespaced": True, "kind": "Job", "verbs": _VERBS}],
    },
    _CORE: {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [{"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "verbs": _VERBS}],
    },
}


class _Job:
    """A Job with its pod's process, once that has a place."""

    def __init__(self, document: dict[str, Any], namespace: str) -> None:
        name = document["metadata"].pop("generateName", "") + uuid.uuid4().hex[:5]
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        document["metadata"] |= {"name": name, "namespace": namespace, "uid": name, "creationTimestamp": now}
        self.document = document
        self.namespace = namespace
        self.process: subprocess.Popen[bytes] | None = None
        self.began = ""

    @property
    def labels(self) -> Mapping[str, str]:
        labels: dict[str, str] = self.document["metadata"].get("labels", {})
        return labels

    @property
    def over(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def start(self, environment: Mapping[str, str]) -> None:
        """The pod's command, `hpo` being this Python's."""
        (container,) = self.document["spec"]["template"]["spec"]["containers"]
        words = [*container.get("command", ["hpo"]), *container.get("args", [])]
        own = {each["name"]: each["value"] for each in container.get("env", [])}
        self.began = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.process = subprocess.Popen(words, env={**os.environ, **environment, **own}, stdin=subprocess.DEVNULL)

    def as_job(self) -> dict[str, Any]:
        status: dict[str, Any] = {}
        if self.over:
            assert self.process is not None
            kind = "Complete" if self.process.returncode == 0 else "Failed"
            status = {"conditions": [{"type": kind, "status": "True"}]}
        return {**self.document, "apiVersion": "batch/v1", "kind": "Job", "status": status}

    def as_pod(self) -> dict[str, Any]:
        name = self.document["metadata"]["name"]
        template = self.document["spec"]["template"]
        labels = {**template.get("metadata", {}).get("labels", {}), "job-name": name}
        status: dict[str, Any] = {"phase": "Pending"}
        spec = dict(template["spec"])
        if self.process is not None:
            status = {"phase": "Succeeded" if self.over else "Running", "startTime": self.began}
            spec["nodeName"] = "node-1"
        metadata = {"name": f"{name}-pod", "namespace": self.namespace, "labels": labels}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


class KubernetesApi:
    """An API server with so many places for pods."""

    def __init__(self, folder: Path, *, places: int) -> None:
        self.places = places
        self._jobs: dict[str, _Job] = {}
        self._lock = threading.Lock()
        self._ending = threading.Event()
        bin_ = folder / "bin"  # of the pods' image
        bin_.mkdir()
        (bin_ / "hpo").write_text(f'#!/bin/sh\nexec {sys.executable} -m hpo "$@"\n')
        (bin_ / "hpo").chmod(0o755)
        self._pods_environment = {"PATH": f"{bin_}:{os.environ['PATH']}"}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._threads = [threading.Thread(target=self._server.serve_forever), threading.Thread(target=self._run)]
        for each in self._threads:
            each.start()
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self._server.server_port}"}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "default"}}],
            "current-context": "c",
        }
        file = folder / "kubeconfig"
        file.write_text(json.dumps(config))
        self.environment = {**os.environ, "KUBECONFIG": str(file), "HOME": str(folder)}

    def jobs(self) -> list[dict[str, Any]]:
        """All that were made and not deleted, as the server tells them."""
        with self._lock:
            return [each.as_job() for each in self._jobs.values()]

    def kill_one(self) -> None:
        """The machine under a pod is lost: it ends without a word."""
        with self._lock:
            running = [each for each in self._jobs.values() if each.process is not None and not each.over]
            assert running[0].process is not None
            _kill(running[0].process, signal.SIGKILL)

    def close(self) -> None:
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()
        for each in self._threads:
            each.join()
        for job in self._jobs.values():
            if job.process is not None:
                _kill(job.process, signal.SIGKILL)

    def _run(self) -> None:
        while not self._ending.wait(0.1):
            with self._lock:
                taken = sum(each.process is not None and not each.over for each in self._jobs.values())
                for each in self._jobs.values():
                    if each.process is None and taken < self.places:
                        each.start(self._pods_environment)
                        taken += 1

    def _answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        where = urlsplit(path)
        if method == "GET" and where.path in _DISCOVERED:
            return 200, dict(_DISCOVERED[where.path])
        parts = where.path.strip("/").split("/")
        if "namespaces" not in parts:
            return _status(404, "NotFound", where.path)
        namespace, kind, *name = parts[parts.index("namespaces") + 1 :]
        with self._lock:
            if method == "POST" and kind == "jobs":
                return self._create(json.loads(body), namespace)
            if method == "DELETE" and kind == "jobs":
                return self._delete(name[0])
            wanted = parse_qs(where.query).get("labelSelector", [""])[0]
            label, _, value = wanted.partition("=")
            found = [
                each for each in self._jobs.values() if each.labels.get(label) == value and each.namespace == namespace
            ]
            items = [each.as_job() if kind == "jobs" else each.as_pod() for each in found]
            version = "batch/v1" if kind == "jobs" else "v1"
            return 200, {"kind": f"{kind[:-1].title()}List", "apiVersion": version, "metadata": {}, "items": items}

    def _create(self, document: dict[str, Any], namespace: str) -> tuple[int, dict[str, Any]]:
        import kubernetes_validate as schemas

        try:
            schemas.validate(document, schemas.latest_version(), strict=True)
        except schemas.ValidationError as error:
            code, status = _status(422, "Invalid", str(error.message))
            causes = [{"reason": "FieldValueInvalid", "message": error.message, "field": "spec"}]
            return code, {**status, "details": {"kind": "Job", "group": "batch", "causes": causes}}
        job = _Job(document, namespace)
        self._jobs[job.document["metadata"]["name"]] = job
        return 201, job.as_job()

    def _delete(self, name: str) -> tuple[int, dict[str, Any]]:
        job = self._jobs.pop(name, None)
        if job is None:
            return _status(404, "NotFound", f'jobs.batch "{name}" not found')
        if job.process is not None:
            _kill(job.process, signal.SIGTERM)
        return 200, {"kind": "Status", "apiVersion": "v1", "status": "Success"}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                asked = self.rfile.read(size)
                if urlsplit(self.path).path == "/openapi/v2":  # no schema: kubectl leaves it to the server then
                    code, body, kind = 200, b"", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
                else:
                    code, document = answer(self.command, self.path, asked)
                    body, kind = json.dumps(document).encode(), "application/json"
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_DELETE = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def _kill(process: "subprocess.Popen[bytes]", sign: int) -> None:
    if process.poll() is None:
        process.send_signal(sign)


def _status(code: int, reason: str, message: str) -> tuple[int, dict[str, Any]]:
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
    return code, {**status, "reason": reason, "message": message}
