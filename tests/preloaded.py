"""Python processes that start at once: forks of one that has imported what `hpo` and its workers import.

An import of TensorFlow takes longer than most tests. A process of `[preloaded.PYTHON, …]` is a real one and the child
of whoever starts it: it has its own number, environment, folder, streams, signals, session and end. Only the time that
imports take is lacking. The same holds for what it starts by its own `sys.executable`, as a supervisor does.

Not forked, and fresh in every case: `-c CODE` alone, by which tests ask what an import does, and whatever has another
environment of the kind that is read during imports. Folders of PYTHONPATH in which there is a `sitecustomize.py` and
nothing else hide no import: a fork runs it. A test of the start itself is marked `fresh`.
"""

import atexit
import inspect
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.storage.process_identity import adopting

__all__ = ["LONGEST", "PYTHON", "Popen", "Template", "customizing", "install"]

LONGEST = 200_000
"""Bytes of a request: arguments and environment of a process."""

_READ_DURING_IMPORTS = ("PYTHON", "LD_", "MALLOC_", "LANG", "LC_", "KERAS_", "TF_", "XLA_", "ELSEWHERE_CLOCK")
_READ_WHEN_USED = {"TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "PYTHONFAULTHANDLER"}
_DEFAULTS = {"KERAS_BACKEND": "tensorflow", "PYTHONPATH": "", "TF_ENABLE_ONEDNN_OPTS": "1"}  # that may be said or not
_MAIN = Path(__file__).with_name("preloaded_main.py")


class _Executable(str):
    """The path of this Python; a process of it need not be a fresh one."""

    __slots__ = ()


PYTHON = _Executable(sys.executable)


class Template:
    """The process that others are forks of, as those who start them see it."""

    def __init__(self, environment: Mapping[str, str], connection: socket.socket | None = None) -> None:
        """Where there is no `connection` to one yet, the first request starts one.

        Args:
            environment: it was started in.
            connection: to one that runs.

        """
        self.environment = dict(environment)
        self._connection = connection
        self._lock = threading.Lock()

    def fits(self, args: Sequence[str], environment: Mapping[str, str]) -> bool:
        """Whether a fork of it is what a fresh process of these arguments and this environment would be."""
        words = [str(word) for word in args[1:3]]
        known = (
            words[:1] == ["-m"] or words == ["-P", "-m"] or words == ["-P", "-c"] or "".join(words[:1]).endswith(".py")
        )
        return known and _read_early(environment) == _read_early(self.environment)

    def fork(self, request: Mapping[str, Any], descriptors: Sequence[int]) -> int:
        """Start a process; its number. Raises ChildProcessError where it cannot become a child of this one."""
        with self._lock, adopting() as can:
            if not can:
                raise ChildProcessError("only Linux lets a process adopt others")
            if self._connection is None:
                self._connection = self._launch()
            socket.send_fds(self._connection, [json.dumps(request).encode()], descriptors)
            answer = self._connection.recv(LONGEST)
        if not answer:
            raise ChildProcessError("what processes are forks of has ended")
        return int(answer)

    def _launch(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(
                [str(PYTHON), str(_MAIN), str(theirs.fileno())],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

        def end() -> None:
            process.kill()
            process.wait()

        atexit.register(end)
        return ours


class Popen(subprocess.Popen):  # type: ignore[type-arg]
    """As `subprocess.Popen`; a process of PYTHON is a fork of the template."""

    template = Template({})

    def _execute_child(self, *given: Any) -> None:
        call = _PARAMETERS.bind(self, *given).arguments
        args, environment = call["args"], os.environ if call["env"] is None else call["env"]
        plain = not call["shell"] and call["preexec_fn"] is None and call["uid"] is None and call["process_group"] == -1
        preloaded = isinstance(args, list) and isinstance(args[0], _Executable)
        if not (plain and preloaded and self.template.fits(args, environment)):
            super()._execute_child(*given)
            return
        streams = [call[end] if call[end] != -1 else number for number, end in enumerate(_ENDS)]
        passed = list(call["pass_fds"])
        request = {
            "argv": [str(word) for word in args[1:]],
            "environment": dict(environment),
            "folder": str(Path.cwd() / (call["cwd"] or "")),
            "passed": passed,
            "session": bool(call["start_new_session"]),
            "blocked": [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])],
        }
        self.pid = self.template.fork(request, [*streams, *passed])
        self._child_created = True
        self._close_pipe_fds(*(call[name] for name in _PIPES))


_PARAMETERS = inspect.signature(subprocess.Popen._execute_child)
_ENDS = ("p2cread", "c2pwrite", "errwrite")
_PIPES = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")


def install(template: Template) -> None:
    """Have `subprocess` in this process start processes of PYTHON as forks of `template`."""
    Popen.template = template
    subprocess.Popen = Popen  # type: ignore[misc]


def customizing(environment: Mapping[str, str]) -> list[Path]:
    """The folders of PYTHONPATH in which there is a `sitecustomize.py` and nothing else."""
    folders = [Path(name) for name in environment.get("PYTHONPATH", "").split(os.pathsep) if name]
    return [folder for folder in folders if _files(folder) == {"sitecustomize.py"}]


def _files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"__pycache__"} if folder.is_dir() else set()


def _read_early(environment: Mapping[str, str]) -> dict[str, str]:
    spared = set(map(str, customizing(environment)))
    path = [name for name in environment.get("PYTHONPATH", "").split(os.pathsep) if name not in spared]
    environment = {**environment, "PYTHONPATH": os.pathsep.join(path)}
    return _DEFAULTS | {
        name: value
        for name, value in environment.items()
        if name.startswith(_READ_DURING_IMPORTS) and name not in _READ_WHEN_USED
    }
