"""Fleets of workers as processes: each is a supervisor and its workers, as one host has them."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import toy

from hpo.fleet.worker.process import NAME
from hpo.storage import Storage, studies
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan
from hpo.study import Params

_ELSEWHERE = Path(__file__).resolve().parent / "elsewhere"


class Fleet:
    """One `hpo worker`. What it says goes to a file."""

    def __init__(
        self, url: str, *arguments: str, folder: Path, name: str = "fleet", host: str = "", clock: float | Path = 0.0
    ) -> None:
        """Start it.

        Args:
            url: of the storage.
            arguments: of the command.
            folder: where it works, and where its log is kept.
            name: of the log.
            host: the machine it believes to be on; empty: this one.
            clock: seconds by which its clock is fast, below 0 slow; or a file that says so, absolute.

        """
        self.name = name
        self.log = folder / f"{name}.log"
        self._folder = folder
        self._command = [sys.executable, "-m", "hpo", "worker", "--cpu", *arguments]
        self._env = {**os.environ, "HPO_STORAGE": url}
        if host or clock:
            path = [str(_ELSEWHERE), *filter(None, [os.environ.get("PYTHONPATH")])]
            self._env["PYTHONPATH"] = os.pathsep.join(path)
            self._env |= {"ELSEWHERE": host, "HPO_MACHINE": host} | ({"ELSEWHERE_CLOCK": str(clock)} if clock else {})
        self.start()

    def start(self) -> None:
        """Start it, as a restart policy would once it has ended."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self._env, cwd=self._folder
            )

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.process.poll()

    def workers(self) -> list[psutil.Process]:
        """Its worker processes that live; one that is being started counts as soon as it has read its order."""
        with contextlib.suppress(psutil.Error):
            return [child for child in psutil.Process(self.process.pid).children() if _is_worker(child)]
        return []

    def said(self) -> str:
        """All it printed."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def kill(self) -> None:
        """As a host that loses its power: the supervisor, and with it its workers."""
        if self.exit_code is None:
            self.process.kill()

    def stop(self, seconds: float = 30.0) -> int:
        """As `docker stop`: ask, and kill what has not ended after `seconds`; its exit code, -9 if it came to that."""
        if self.exit_code is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def _is_worker(process: psutil.Process) -> bool:
    try:
        return process.name() == NAME
    except psutil.Error:
        return False


def make(store: Storage, name: str, slots: int, first: tuple[Params, ...] = (), **changes: object) -> None:
    """A study of the toy's with so many slots."""
    plan: dict[str, object] = {
        "name": name,
        "reference": f"{toy.FILE}:study",
        "definition": "toy",
        "space": "line",
        "fingerprint": toy.study.space().fingerprint,
        "fidelity": "quick",
        "direction": "maximize",
        "metric": "accuracy",
        "sampler": "random",
        "pruner": "none",
        "version": toy.study.version,
    }
    studies.create_or_resume(store, StudyPlan(**{**plan, **changes}))  # type: ignore[arg-type]
    Slots(store).open(name, slots, first)


def until(condition: Callable[[], object], seconds: float = 120) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def begun() -> list[Path]:
    """A file for each trial that has begun and says so."""
    return list(Path().glob("began-*"))
