"""Who a worker is, whether it is certainly dead, how it dies with its supervisor, and how it becomes its child."""

import contextlib
import ctypes
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from hpo.storage.workers.machine_identity import boot_id

__all__ = ["adopting", "die_with_parent", "identity", "is_certainly_dead"]

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37

_adoption = threading.Lock()  # it is an attribute of the whole process


def identity(pid: int | None = None) -> str:
    """The name of a process no other ever has: host:pid:start:boot, the last two empty where there is no /proc.

    A process number comes again after a restart of the machine, in another container, and after some days; the start
    time (in clock ticks since the machine's start) and the boot and namespace it counts in do not.
    """
    pid = os.getpid() if pid is None else pid
    host = socket.gethostname().replace(":", "-")[:64]
    return f"{host}:{pid}:{_started(pid) or ''}:{_boot()}"


def is_certainly_dead(name: str) -> bool:
    """Whether the process called `name` (see `identity`) ran here and is gone; False wherever that is not certain."""
    try:
        host, pid, started, boot = name.split(":")[:4]  # whatever the name goes on with
        number = int(pid)
    except ValueError:
        return False
    here = identity(number).split(":")
    if not (started and boot) or (host, boot) != (here[0], here[3]):
        return False  # another machine, another container, or an earlier start of this one
    return here[2] != started


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when process `parent`, which started it, ends; only Linux can.

    It works while training holds the interpreter's lock. Elsewhere the closed pipe to the supervisor has to do.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before we asked
        os._exit(1)


@contextlib.contextmanager
def adopting() -> Iterator[bool]:
    """Meanwhile a descendant of this process whose parent ends becomes its child; yields whether it does.

    Only Linux can. Afterwards such orphans go where they went before, so that none that nobody waits for is left here.
    """
    if sys.platform != "linux":
        yield False
        return
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    with _adoption:
        before = ctypes.c_int(0)
        prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(before), 0, 0, 0)
        can = prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0) == 0
        try:
            yield can
        finally:
            if not before.value:
                prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(0), 0, 0, 0)


def _started(pid: int) -> str | None:
    """Start time of a process in clock ticks since boot; None where there is none, or only its zombie is left.

    psutil tells it in seconds since 1970, which move when the clock is set: a name must not.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the command before it may hold spaces; fields[0] is the state
    return None if fields[0] in "ZX" else fields[19]


def _boot() -> str:
    """The machine's present start, and the namespace process numbers are counted in."""
    try:
        return f"{boot_id()[:8]}-{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""
