"""The machine one is on as an engine: each worker is a process, which ends with the one that started it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

import psutil

from hpo.errors import UsageError
from hpo.fleet.engines.fleet_engine import EngineError, Job, WorkerJob

__all__ = ["MARK", "LocalEngine"]

MARK = "HPO_FLEET"
"""The environment variable by which the processes of a fleet are known."""
_TICK = 0.1  # seconds between looks at those that end
_PATIENCE = 15.0  # seconds a worker gets to give back what it has in hand and to end


class LocalEngine:
    """Processes on this machine, of this user."""

    stays = False

    def __init__(self, job: WorkerJob) -> None:
        """Nothing is started yet.

        Raises:
            UsageError: there is nothing to pass arguments on to, nor anything that gives out cores.

        """
        if job.extra:
            raise UsageError(f"local has no engine to pass {job.extra[0]!r} on to")
        self._job = job
        self._children: list[subprocess.Popen[bytes]] = []

    def jobs(self) -> Sequence[Job]:
        """The processes that are there, whoever started them."""
        self._children = [child for child in self._children if child.poll() is None]
        found = sorted(self._processes(), key=lambda process: process.create_time())
        node, now = os.uname().nodename, time.time()
        return [
            Job(id=str(process.pid), state="running", where=node, seconds=max(0.0, now - process.create_time()))
            for process in found
        ]

    def start(self, number: int) -> None:
        """Start them, as children of this process."""
        job = self._job
        environment = {**job.environment, MARK: job.label}
        if job.cpus is not None:
            for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
                environment[name] = str(job.cpus)
        for _ in range(number):
            try:
                child = subprocess.Popen(job.launched, stdin=subprocess.DEVNULL, stdout=sys.stderr, env=environment)
            except OSError as error:
                raise EngineError(f"no worker can be started: {error.strerror}") from None
            self._children.append(child)

    def end(self, jobs: Sequence[Job]) -> None:
        """Ask them to give back what they have in hand and to end, and wait until they have."""
        wanted = {int(job.id) for job in jobs}
        ending = [process for process in self._processes() if process.pid in wanted]
        for process in ending:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE
        while left := [process for process in ending if _lives(process)]:
            if time.monotonic() > deadline:
                raise EngineError(f"these do not end: {', '.join(str(process.pid) for process in left)}")
            time.sleep(_TICK)

    def _processes(self) -> list[psutil.Process]:
        """Supervisors of the fleet; their workers have its mark, too, and such a parent."""
        marked: dict[int, psutil.Process] = {}
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == self._job.label and _lives(process):
                    marked[process.pid] = process
        return [process for process in marked.values() if _parent(process) not in marked]


def _lives(process: psutil.Process) -> bool:
    """Whether it runs; one whose end its parent has not heard of yet does not."""
    with suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def _parent(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return int(process.ppid())
    return 0
