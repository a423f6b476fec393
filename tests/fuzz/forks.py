"""One command in a fork of this process, which has imported what commands need: milliseconds instead of seconds."""

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Outcome", "forked"]

_TOLD = 200_000  # bytes of each stream that are looked at
_quit = os._exit  # before a definition can have replaced it


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a command left behind."""

    code: int  # exit code; negative: the signal that ended it
    out: str
    err: str
    seconds: float
    hung: bool  # it took longer than it may, and was killed


def forked(
    call: Callable[[], int],
    *,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    limit: float = 60.0,
    interrupt: bool = False,
) -> Outcome:
    """Run `call` in a fork whose working folder is `folder`, with nothing to read.

    Args:
        call: gives the exit code.
        folder: where it runs; what it prints is kept beside it.
        environment: what is set besides this process's.
        limit: seconds it may take.
        interrupt: a server: Ctrl-C after a second, by which it must end.

    """
    out, err = folder.with_suffix(".out"), folder.with_suffix(".err")
    began = time.monotonic()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _run(call, folder, environment or {}, out, err)
    hung = not _ended(child, 1.0 if interrupt else limit)
    if hung and interrupt:
        os.kill(child, signal.SIGINT)
        hung = not _ended(child, limit)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # and whatever it has left running
    _, status = os.waitpid(child, 0)
    told = [path.read_bytes()[:_TOLD].decode(errors="replace") for path in (out, err)]
    seconds = time.monotonic() - began
    return Outcome(code=os.waitstatus_to_exitcode(status), out=told[0], err=told[1], seconds=seconds, hung=hung)


def _ended(child: int, seconds: float) -> bool:
    """Whether it ends within that time; it stays to be waited for."""
    handle = os.pidfd_open(child)
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)


def _run(call: Callable[[], int], folder: Path, environment: Mapping[str, str], out: Path, err: Path) -> None:
    code = 99  # of a fork that is not good at all
    try:
        os.setsid()
        os.chdir(folder)
        for name in [name for name in os.environ if name.startswith("HPO_")]:
            del os.environ[name]
        os.environ.update(environment)
        streams = (
            os.open(os.devnull, os.O_RDONLY),
            *(os.open(p, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for p in (out, err)),
        )
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.set_inheritable(number, True)
        sys.stdin, sys.stdout, sys.stderr = (
            open(number, mode, encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115
            for number, mode, errors in ((0, "r", "strict"), (1, "w", "strict"), (2, "w", "backslashreplace"))
        )
        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = call()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # as the interpreter would at the end
        import traceback

        os.write(2, traceback.format_exc().encode(errors="replace"))
    finally:
        _quit(code)
