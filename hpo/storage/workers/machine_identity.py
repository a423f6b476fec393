"""Which running machine this is: the same for all containers on it, another after its next start."""

import os
import socket
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["boot_id", "hostname", "key", "program"]

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_LONGEST = 64  # characters of hpo_worker.machine


def key() -> str:
    """The running machine, as GPU leases and the roster know it: $HPO_MACHINE where set, else the kernel's boot id.

    Containers share their host's kernel, and thereby this key. Where the kernel has none (not Linux) it is the host's
    name; a sandbox that hides the host's kernel needs $HPO_MACHINE set to one word in all containers of a host.
    """
    return (os.environ.get("HPO_MACHINE", "").strip() or boot_id() or hostname())[:_LONGEST]


def hostname() -> str:
    """Its name, for people; a container's own within a container."""
    return socket.gethostname()[:255] or "localhost"


@cache
def program() -> str:
    """The version of hpo that runs here."""
    try:
        return version("hpo-service")[:64]
    except PackageNotFoundError:  # run from a folder it was never installed from
        return "unknown"


@cache
def boot_id() -> str:
    """What the kernel calls the machine's present start; empty where it has no name for it (not Linux)."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""
