"""What this machine has: Python, packages, cores, memory, disks."""

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hpo.experiments.doctor.check import Check
from hpo.fleet.machine import cores, memory
from hpo.settings import cache_folder

__all__ = ["checks"]

_PACKAGES = ("optuna", "sqlalchemy", "keras", "numpy")
_GIB = 1024**3
_MEMORY_OF_A_WORKER = 1.0  # GiB: TensorFlow, one cnn and its rows
_DISK_NEEDED = 1.0  # GiB: data sets, a database, saved models


def checks() -> Iterator[Check]:
    """What there is of each."""
    yield _python()
    yield _packages()
    yield _machine()
    yield _disk()


def _python() -> Check:
    found = f"{platform.python_version()} at {sys.executable}"
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Check(name="python", state="ok", found=found)
    return Check(name="python", state="fail", found=found, remedy="use Python 3.11, 3.12 or 3.13")


def _packages() -> Check:
    found, missing = [], []
    for name in ("hpo-service", *_PACKAGES):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        remedy = "pip install 'hpo-service[cpu]'"
        return Check(name="packages", state="fail", found=f"missing: {', '.join(missing)}", remedy=remedy)
    return Check(name="packages", state="ok", found=", ".join(found))


def _machine() -> Check:
    usable, free = cores.usable_cores(), memory.free_bytes()
    quota = cores.quota()
    found = f"{usable} cores" + ("" if quota is None else f" (a quota of {quota:g})")
    gib = free / _GIB
    found += f", {gib:.1f} GiB of memory free"
    fitting = int(gib / _MEMORY_OF_A_WORKER)
    if fitting >= usable:
        return Check(name="machine", state="ok", found=found)
    remedy = f"close other programs, or run with {max(fitting, 1)} workers: each needs about 1 GiB"
    return Check(name="machine", state="warn", found=found, remedy=remedy)


def _disk() -> Check:
    folders = {"here": Path.cwd(), "cache": _existing(cache_folder())}
    free = {name: shutil.disk_usage(folder).free / _GIB for name, folder in folders.items()}
    found = ", ".join(f"{gib:.1f} GiB free in {folders[name]}" for name, gib in free.items())
    unwritable = [str(folder) for folder in folders.values() if not os.access(folder, os.W_OK)]
    if unwritable:
        remedy = "work in a folder of your own, or set XDG_CACHE_HOME"
        return Check(name="disk", state="warn", found=f"{found}; not writable: {', '.join(unwritable)}", remedy=remedy)
    if min(free.values()) < _DISK_NEEDED:
        return Check(name="disk", state="warn", found=found, remedy=f"free {_DISK_NEEDED:.0f} GiB")
    return Check(name="disk", state="ok", found=found)


def _existing(folder: Path) -> Path:
    return next(parent for parent in (folder, *folder.parents) if parent.is_dir())
