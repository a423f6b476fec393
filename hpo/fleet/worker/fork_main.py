"""The process that workers are forks of: it has imported what they need, once, and has initialised nothing of it.

It imports no code of a definition, starts no thread and touches no GPU, so a fork of it is as good as a fresh process.
`supervisor/forkserver.py` is its other end.
"""

import contextlib
import gc
import importlib
import io
import json
import os
import signal
import socket
import sys
import traceback
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from hpo.fleet.protocol import STOP_SIGNALS
from hpo.fleet.resources import apply_environment
from hpo.fleet.worker.captured_output import Output
from hpo.storage.process_identity import die_with_parent

__all__ = ["DESCRIPTORS", "LONGEST", "READY", "preface", "run"]

DESCRIPTORS = 5
"""At most, that come with the request for a worker: standard input, output and error, its events, and its log."""

LONGEST = 100
"""Bytes of an answer: the worker's process number and the descriptors of its events and its log; empty: it failed."""

READY = b"ready"
"""What is said first, once all is imported."""

PRELOADED = (
    "hpo.fleet.worker.process",
    "optuna",
    "hpo.search.objective",
    "hpo.search.job",
    "hpo.search.samplers",
)
PRELOADED_FOR_KERAS = ("hpo.training.run",)
PRELOADED_FOR_TENSORFLOW = ("hpo.training.compiled_training",)
_HARMLESS = frozenset({"jemalloc_bg_thd"})  # threads whose library sees to forks; TensorFlow brings it
_GPUS = ("/dev/nvidia", "/dev/kfd", "/dev/dri")


def preface(path: Sequence[str], environment: Mapping[str, str]) -> bytes:
    """What a worker reads before its order: where it imports from, and its environment."""
    return json.dumps([list(path), dict(environment)]).encode() + b"\n"


def run(descriptor: str, parent: str, keras: str) -> NoReturn:
    """Import, and then fork a worker for each request until the other end is closed.

    Args:
        descriptor: of the socket that requests come by.
        parent: process number of the supervisor.
        keras: "keras" where workers need it; else they would pay for it in vain.

    """
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)  # which the workers inherit
    del sys.argv[1:]
    die_with_parent(int(parent))
    with contextlib.suppress(OSError):  # no Linux
        Path("/proc/self/comm").write_text("hpo-forkserver")
    gc.disable()  # what is imported stays: to look through it again and again takes a quarter of the time
    output = Output()
    output.take()  # some libraries keep the stream that they find when they are imported
    _preload(PRELOADED)
    if keras:
        with contextlib.suppress(Exception):  # the worker whose study needs it will say so
            importlib.import_module("hpo.training.runtime").load_keras()
            _preload(PRELOADED_FOR_KERAS)
            if os.environ["KERAS_BACKEND"] == "tensorflow":
                _preload(PRELOADED_FOR_TENSORFLOW)
    if not _can_be_forked():
        os._exit(1)
    gc.freeze()  # a collection writes to what it looks at, and a page that is written to is shared no more
    gc.enable()
    with socket.socket(fileno=int(descriptor)) as requests:
        requests.send(READY)
        while True:
            _, descriptors, _, _ = socket.recv_fds(requests, 1, DESCRIPTORS)
            if not descriptors:
                os._exit(0)
            requests.send(_fork(requests, descriptors, output))
            for each in descriptors:
                os.close(each)


def _preload(modules: Sequence[str]) -> None:
    for name in modules:
        with contextlib.suppress(Exception):  # the worker that needs it will say so
            importlib.import_module(name)


def _can_be_forked() -> bool:
    """Whether a fork has all that this process has: threads and what is opened of a GPU stay behind."""
    opened = {os.path.realpath(descriptor) for descriptor in Path("/proc/self/fd").iterdir()}
    threads = [thread for thread in Path("/proc/self/task").iterdir() if int(thread.name) != os.getpid()]
    names = {(thread / "comm").read_text().strip() for thread in threads}
    return names <= _HARMLESS and not any(file.startswith(_GPUS) for file in opened)


def _fork(requests: socket.socket, descriptors: list[int], output: Output) -> bytes:
    """Fork a worker, and answer. Its parent is a process that ends at once, so it becomes the supervisor's child."""
    reader, writer = os.pipe()
    try:
        between = _split()
    except OSError:  # no process or no memory is to be had
        os.close(reader)
        os.close(writer)
        return b""
    if not between:
        try:
            number = _split()
            if not number:
                for each in (reader, writer, requests.detach()):
                    os.close(each)
                _become_worker(descriptors, output)
            os.write(writer, " ".join(map(str, (number, *descriptors[3:]))).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(between, 0)
    answer = os.read(reader, LONGEST)
    os.close(reader)
    return answer


def _split() -> int:
    """As `os.fork`, without its warning of threads, as it knows of none that are harmless."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _become_worker(descriptors: list[int], output: Output) -> NoReturn:
    """What a fresh process would have: a session, standard streams, an import path, an environment, chance."""
    try:
        os.setsid()
        for standard, descriptor in enumerate(descriptors[:3]):
            os.dup2(descriptor, standard)
            os.close(descriptor)
        stdin = io.BufferedReader(io.FileIO(0, closefd=False))  # the one there is may have read ahead
        sys.stdin = io.TextIOWrapper(stdin)
        path, environment = json.loads(stdin.readline())
        sys.path[:] = path
        apply_environment(environment)
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed()  # Python's own generator sees to itself
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    from hpo.fleet.worker import process  # no earlier: the supervisor, which imports this module, has no use for it

    process.run(output)
