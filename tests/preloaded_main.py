"""`python preloaded_main.py DESCRIPTOR`: the process that those of `preloaded.py` are forks of."""

import atexit
import faulthandler
import fcntl
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import sys
import threading
import types
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from preloaded import LONGEST, PYTHON, Template, customizing, install

import hpo

_MOST = 64  # descriptors of a request
_HIGH = 512  # the first descriptor beyond those a process may be asked to have


def main() -> NoReturn:
    """Import, then answer requests; go on, in a fork, as what was asked for."""
    connection = _raised(socket.socket(fileno=int(sys.argv[1])))
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # those meant for who asks are none of ours
    del sys.path[0]  # this folder
    importlib.import_module("hpo.training.runtime").load_keras()
    for module in pkgutil.walk_packages(hpo.__path__, "hpo."):
        if not module.name.endswith(".__main__") and ".migrations." not in module.name:
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()  # a collection would write to all it looks at
    environment = dict(os.environ)
    while True:
        request, descriptors = _serve(connection)
        connection.close()
        # Whatever the process starts is a fork of this moment, before it has done anything.
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if _fork():
            theirs.close()
            install(Template(environment, _raised(ours)))
            sys.executable = PYTHON
            _become(request, descriptors, keep=_HIGH)
            os._exit(_end(_run, request["argv"]))
        ours.close()
        for each in descriptors:
            os.close(each)
        connection = _raised(theirs)


def _raised(connection: socket.socket) -> socket.socket:
    """The same connection by a descriptor that no process is asked to have."""
    with connection:
        return socket.socket(fileno=fcntl.fcntl(connection, fcntl.F_DUPFD_CLOEXEC, _HIGH))


def _serve(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Fork for each request until the other end is closed; returns, in the fork, what it is asked to be.

    Its parent ends at once, so it becomes a child of who asked; it begins when it is.
    """
    while True:
        message, descriptors, _, _ = socket.recv_fds(connection, LONGEST, _MOST)
        if not message:
            os._exit(0)
        (number, numbered), (begin, begins) = os.pipe(), os.pipe()
        between = _fork()
        if not between:
            if child := _fork():
                os.write(numbered, str(child).encode())
                os._exit(0)
            os.close(begins)
            os.read(begin, 1)
            for each in (number, numbered, begin):
                os.close(each)
            return json.loads(message), descriptors
        os.waitpid(between, 0)
        connection.send(os.read(number, 20))
        for each in (number, numbered, begin, begins, *descriptors):
            os.close(each)


def _fork() -> int:
    """As `os.fork`, without its warning of threads: the one there is, jemalloc's, sees to forks itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _become(request: dict[str, Any], descriptors: Sequence[int], *, keep: int) -> None:
    """Take over session, streams, folder, environment and signals of a fresh process; `keep` descriptors from there."""
    from hpo.fleet.resources import apply_environment

    if request["session"]:
        os.setsid()
    high = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 2 * keep) for each in descriptors]
    os.closerange(3, keep)
    for each, target in zip(high, [0, 1, 2, *request["passed"]], strict=True):
        os.dup2(each, target)
        os.close(each)
    os.chdir(request["folder"])
    apply_environment(request["environment"])
    if os.environ.get("PYTHONFAULTHANDLER"):
        faulthandler.enable()
    sys.modules["numpy"].random.seed()
    signal.pthread_sigmask(signal.SIG_SETMASK, request["blocked"])
    for folder in reversed(customizing(os.environ)):
        sys.path.insert(0, str(folder))
        sys.modules.pop("sitecustomize", None)
        importlib.import_module("sitecustomize")


def _run(argv: list[str]) -> None:
    """What the interpreter does with its arguments."""
    sys.orig_argv = [PYTHON, *argv]
    apart = argv[0] == "-P"  # what lies in the working folder is not imported
    kind, *sys.argv = argv[apart:]
    if kind == "-m":
        if not apart:
            sys.path.insert(0, str(Path.cwd()))
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        code, sys.argv[0] = sys.argv[0], "-c"
        module = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(code, "<string>", "exec"), module.__dict__)
    else:
        sys.argv.insert(0, kind)
        sys.path.insert(0, str(Path(kind).resolve().parent))
        runpy.run_path(kind, run_name="__main__")


def _end(run: Callable[[list[str]], None], argv: list[str]) -> int:
    """Run, and do what the interpreter does at its end, but for taking modules apart, which takes longer than most."""
    code = 0
    try:
        run(argv)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else end.code is not None
        if end.code is not None and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    gc.collect()  # what is of use to nobody closes its files and databases
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = 120
    return int(code) & 0xFF


if __name__ == "__main__":
    main()
