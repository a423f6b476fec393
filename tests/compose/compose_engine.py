"""Docker Compose as a person calls it, on this project's own files, in a project of its own that goes when it ends."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["Composed", "Failure", "check", "missing", "say", "until"]

ROOT = Path(__file__).resolve().parents[2]
_OURS = ("HPO_", "POSTGRES_", "COMPOSE_")


class Failure(Exception):  # noqa: N818 - what a step raises where it fails
    """What should have been is not: one line."""


def missing() -> str | None:
    """Why nothing can be composed here; None where an engine and the plugin are at hand."""
    try:
        for command in (["docker", "compose", "version"], ["docker", "info", "--format", "{{.ServerVersion}}"]):
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            if done.returncode:
                return f"{' '.join(command[:2])}: {(done.stderr.strip() or 'fails').splitlines()[-1]}"
    except FileNotFoundError:
        return "no docker here"
    except subprocess.TimeoutExpired:
        return "docker does not answer"
    return None


class Composed:
    """The services of docker-compose.yml, as it is, under a project name of their own."""

    def __init__(self, project: str, env_file: Path) -> None:
        self.project = project
        self._env = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        self._base = ["docker", "compose", "-p", project, "--env-file", str(env_file)]

    def __call__(self, *words: str, limit: float = 120.0, show: bool = False) -> str:
        """Standard output of `docker compose WORDS`; whatever else it says is shown where it fails or `show` is set."""
        return self._run([*self._base, *words], limit, show=show)

    def docker(self, *words: str, limit: float = 120.0) -> str:
        """Standard output of `docker WORDS`."""
        return self._run(["docker", *words], limit)

    def hpo(self, *words: str, service: str = "dashboard", limit: float = 240.0) -> str:
        """Standard output of `hpo WORDS` in a running container."""
        return self("exec", "-T", service, "hpo", *words, limit=limit)

    def containers(self, service: str, *, all_of_them: bool = False) -> list[str]:
        """Ids of the service's containers: the running ones, or those that have ended too."""
        return self("ps", "-q", *(["-a"] if all_of_them else []), service).split()

    def inspect(self, container: str) -> dict:
        """All the engine knows of a container."""
        return json.loads(self.docker("inspect", container))[0]

    def left(self) -> dict[str, list[str]]:
        """What exists of the project: containers, volumes, networks; no key where there is nothing."""
        label = f"label=com.docker.compose.project={self.project}"
        kinds = {"container": ["-a"], "volume": [], "network": []}
        found = {
            kind: self.docker(kind, "ls", *options, "-q", "--filter", label).split() for kind, options in kinds.items()
        }
        return {kind: ids for kind, ids in found.items() if ids}

    def _run(self, command: list[str], limit: float, *, show: bool = False) -> str:
        try:
            done = subprocess.run(
                command,
                cwd=ROOT,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=None if show else subprocess.PIPE,
                text=True,
                timeout=limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Failure(f"{' '.join(command)} took more than {limit:g} s") from None
        if done.returncode:
            said = "" if show else f": {done.stderr.strip()[-2000:]}"
            raise Failure(f"{' '.join(command)} exited {done.returncode}{said}")
        return done.stdout


def until(what: str, holds: Callable[[], bool], *, limit: float, between: float = 1.0) -> float:
    """Wait until `holds()`; how long it took, in seconds."""
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > limit:
            raise Failure(f"after {limit:g} s, still not: {what}")
        time.sleep(between)
    return time.monotonic() - begun


def check(holds: bool, otherwise: str) -> None:
    """Fail with that line unless it holds."""
    if not holds:
        raise Failure(otherwise)


def say(text: str) -> None:
    """One line of what is going on."""
    print(f"compose: {text}", flush=True, file=sys.stdout)
