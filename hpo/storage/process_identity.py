"""Which machine and which process this is, whether a worker is certainly dead, and how one dies with its supervisor."""

import contextlib
import ctypes
import getpass
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = [
    "adopting",
    "die_with_parent",
    "host_prefix",
    "hostname",
    "identity",
    "is_certainly_dead",
    "machine_key",
    "person",
    "program",
]

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_LONGEST = 64  # characters of hpo_worker.machine

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37

_adoption = threading.Lock()  # it is an attribute of the whole process


def machine_key() -> str:
    """The running machine, as GPU leases and the roster know it: $HPO_MACHINE where set, else the kernel's boot id.

    It is the same for all containers of a machine, which share the kernel, and another after its next start. Where the
    kernel has none (not Linux) it is the host's name; a sandbox that hides the host's kernel needs $HPO_MACHINE set to
    one word in all containers of a host.
    """
    return (os.environ.get("HPO_MACHINE", "").strip() or _boot_id() or hostname())[:_LONGEST]


def hostname() -> str:
    """Its name, for people; a container's own within a container."""
    return socket.gethostname()[:255] or "localhost"


def person() -> str:
    """Who is at this machine's keyboard, for whoever finds that somebody has done something."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        user = "somebody"
    return f"{user} on {socket.gethostname()}"


@cache
def program() -> str:
    """The version of hpo that runs here."""
    try:
        return version("hpo-service")[:64]
    except PackageNotFoundError:  # run from a folder it was never installed from
        return "unknown"


def identity(pid: int | None = None) -> str:
    """The name of a process no other ever has: host:pid:start:boot, the last two empty where there is no /proc.

    A process number comes again after a restart of the machine, in another container, and after some days; the start
    time (in clock ticks since the machine's start) and the boot and namespace it counts in do not.
    """
    pid = os.getpid() if pid is None else pid
    return f"{host_prefix()}{pid}:{_started(pid) or ''}:{_boot()}"


def host_prefix() -> str:
    """How the names of all processes of this host begin; a container is a host of its own."""
    return socket.gethostname().replace(":", "-")[:64] + ":"


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
        return f"{_boot_id()[:8]}-{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


@cache
def _boot_id() -> str:
    """What the kernel calls the machine's present start; empty where it has no name for it (not Linux)."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""
