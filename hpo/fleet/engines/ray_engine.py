"""Ray: a fleet is named actors that outlive who made them, each with one worker below it."""

import json
import logging
import os
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.errors import UsageError
from hpo.fleet.engines.fleet_engine import EngineError, Job, WorkerJob
from hpo.messages import said

__all__ = ["RayEngine"]

_NAMESPACE = "hpo"
_LOOK = 3.0  # seconds in which actors that run say so; of those that do not, Ray has no place yet
_PATIENCE = 15.0  # seconds a worker gets to give back what it has in hand and to end


class RayEngine:
    """Actors of the cluster that RAY_ADDRESS names, or that this machine belongs to."""

    stays = True

    def __init__(self, job: WorkerJob) -> None:
        """Connect to the cluster; nothing is started yet.

        Raises:
            UsageError: Ray is not installed, or what is to be passed on to it is no NAME=VALUE.
            EngineError: there is no cluster.

        """
        try:
            import ray
        except ImportError:
            raise UsageError("ray is not installed: pip install 'hpo-service[ray]'") from None
        self._job, self._ray = job, ray
        self._options = {"num_cpus": job.cpus or 1, "num_gpus": job.gpus, **_options(job.extra)}
        if not ray.is_initialized():
            try:
                ray.init(address="auto", namespace=_NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
            except Exception as error:  # whatever is wrong with the cluster
                raise EngineError(f"no cluster of Ray can be reached (RAY_ADDRESS says which): {said(error)}") from None

    def jobs(self) -> Sequence[Job]:
        """The fleet's actors that have not ended."""
        ray = self._ray
        asked = {actor.where.remote(): name for name, actor in self._actors().items()}
        ready, waiting = ray.wait(list(asked), num_returns=len(asked), timeout=_LOOK) if asked else ([], [])
        found = [Job(id=asked[each], state="pending") for each in waiting]
        for each in ready:
            try:
                where, seconds = ray.get(each)
            except ray.exceptions.RayActorError:
                continue  # it has ended meanwhile
            found.append(Job(id=asked[each], state="running", where=where, seconds=seconds))
        return sorted(found, key=lambda job: (job.state == "pending", -(job.seconds or 0.0), job.id))

    def start(self, number: int) -> None:
        """Make them; what has no place waits, and has Ray's autoscaler add nodes. Raises UsageError, EngineError."""
        job, ray = self._job, self._ray
        environment = {"HPO_STORAGE": job.environment["HPO_STORAGE"]}
        kept = {name: value for name, value in os.environ.items() if name.startswith("HPO_")}
        kind = ray.remote(_WorkerActor)
        options = {"namespace": _NAMESPACE, "lifetime": "detached", "max_concurrency": 4, **self._options}
        for _ in range(number):
            name = f"{job.label}-{uuid.uuid4().hex[:8]}"
            try:
                kind.options(name=name, **options).remote(job.launched, {**kept, **environment}, str(Path.cwd()))
            except (TypeError, ValueError) as error:
                raise UsageError(f"Ray refuses an option of its actors, {' '.join(job.extra)}: {said(error)}") from None
            except ray.exceptions.RayError as error:
                raise EngineError(f"the cluster of Ray starts no actor: {said(error)}") from None

    def end(self, jobs: Sequence[Job]) -> None:
        """Ask their workers to give back what they have in hand, and end the actors."""
        ray, actors = self._ray, self._actors()
        running = [actors[job.id].stop.remote() for job in jobs if job.state == "running" and job.id in actors]
        if running:
            ray.wait(running, num_returns=len(running), timeout=_PATIENCE + _LOOK)
        for job in jobs:
            if job.id in actors:
                ray.kill(actors[job.id])

    def _actors(self) -> Mapping[str, Any]:
        """The fleet's actors by name. Raises EngineError."""
        ray, found = self._ray, {}
        try:
            there = ray.util.list_named_actors(all_namespaces=True)
        except Exception as error:
            raise EngineError(f"the cluster of Ray does not answer: {said(error)}") from None
        for each in there:
            if each["namespace"] == _NAMESPACE and each["name"].rpartition("-")[0] == self._job.label:
                try:
                    found[each["name"]] = ray.get_actor(each["name"], namespace=_NAMESPACE)
                except ValueError:
                    continue  # it has ended meanwhile
        return found


class _WorkerActor:
    """One worker's place: the actor ends when the worker does, and the worker when the actor does."""

    def __init__(self, words: list[str], environment: Mapping[str, str], folder: str) -> None:
        self._began = time.monotonic()
        self._worker = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environment},
            cwd=folder if Path(folder).is_dir() else None,
        )
        threading.Thread(target=self._end_with_it, daemon=True).start()

    def where(self) -> tuple[str, float]:
        """Its node, and seconds since it began."""
        return os.uname().nodename, time.monotonic() - self._began

    def stop(self) -> None:
        """Have the worker give back what it has in hand, and wait until it has ended."""
        self._worker.send_signal(signal.SIGTERM)
        self._worker.wait(_PATIENCE)

    def _end_with_it(self) -> None:
        self._worker.wait()
        os._exit(0)


def _options(words: Sequence[str]) -> dict[str, Any]:
    """Options of an actor, as NAME=VALUE with values in JSON, or text. Raises UsageError."""
    options = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"{word!r} is no option of Ray's actors: NAME=VALUE, such as accelerator_type=A100")
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    return options
