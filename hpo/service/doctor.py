"""Whether this machine can do the work: one check a question, each with its remedy."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from hpo.errors import HpoError
from hpo.settings import cache_folder

__all__ = ["Check", "examine"]

State = Literal["ok", "warn", "fail"]

_PACKAGES = ("optuna", "sqlalchemy", "keras", "numpy")
_GIB = 1024**3
_MEMORY_OF_A_WORKER = 1.0  # GiB: TensorFlow, one cnn and its rows
_DISK_NEEDED = 1.0  # GiB: data sets, a database, saved models


@dataclass(frozen=True, kw_only=True)
class Check:
    """The answer to one question about this machine."""

    name: str  # what was looked at
    state: State  # fail: nothing can run before it is mended; warn: something will be slower, smaller or missing
    found: str  # what is there, as one line
    remedy: str = ""  # what to do about it; empty where state is ok


def examine(url: str) -> Iterator[Check]:
    """Every check in turn, the slow one (TensorFlow starts in a process of its own) last."""
    yield _python()
    yield _packages()
    yield _processors()
    yield _disk()
    yield _guarded("storage", lambda: _storage(url), "give another --storage, or set HPO_STORAGE")
    yield from _data()
    yield _tensorflow()


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


def _processors() -> Check:
    from hpo.service.hosts.cores import usable_cores

    cores = usable_cores()
    memory = _free_memory()
    if memory is None:
        return Check(name="machine", state="ok", found=f"{cores} cores")
    found = f"{cores} cores, {memory:.1f} GiB of memory free"
    fitting = int(memory / _MEMORY_OF_A_WORKER)
    if fitting >= cores:
        return Check(name="machine", state="ok", found=found)
    remedy = f"close other programs, or run with --workers {max(fitting, 1)}: a worker needs about 1 GiB"
    return Check(name="machine", state="warn", found=found, remedy=remedy)


def _free_memory() -> float | None:
    """Memory that can be had without swapping, GiB; the control group's limit where that is lower. None off Linux."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        free = int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        free = min(free, limit - int(Path("/sys/fs/cgroup/memory.current").read_text()))
    except (OSError, ValueError):  # no control group, or "max": no limit
        pass
    return free / _GIB


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


def _tensorflow() -> Check:
    """In a process of its own: the import takes seconds, and a broken build can end the process that tries it."""
    code = (
        "import json, tensorflow as tf, keras;"
        "print(json.dumps([tf.__version__, keras.__version__,"
        " [d.name for d in tf.config.list_physical_devices() if d.device_type == 'GPU']]))"
    )
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    remedy = "pip install 'hpo-service[cpu]', or [gpu] on a machine with an NVIDIA card"
    try:
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, env=environment, check=False
        )
        tensorflow, keras, gpus = json.loads(run.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return Check(name="tensorflow", state="fail", found="does not start within 5 minutes", remedy=remedy)
    except (IndexError, ValueError):
        lines = run.stderr.strip().splitlines()
        found = f"does not start: {lines[-1] if lines else f'exit code {run.returncode}'}"
        return Check(name="tensorflow", state="fail", found=found, remedy=remedy)
    devices = ", ".join(gpus) if gpus else "no GPU, so CPU"
    return Check(name="tensorflow", state="ok", found=f"tensorflow {tensorflow}, keras {keras}, {devices}")


def _guarded(name: str, check: Callable[[], Check], remedy: str) -> Check:
    try:
        return check()
    except HpoError as error:
        return Check(name=name, state="fail", found=str(error), remedy=remedy)


def _data() -> Iterator[Check]:
    from hpo.data import DATASETS, locate

    for name in DATASETS:
        located = locate(name)
        if not located.ok:
            found = "; ".join(located.problems) or "not here"
            yield Check(name=name, state="warn", found=found, remedy="hpo data")
        elif located.problems:
            remedy = "replace or remove the damaged files: they are passed over"
            yield Check(name=name, state="warn", found="; ".join(located.problems), remedy=remedy)
        else:
            yield Check(name=name, state="ok", found=f"{located.path} ({located.source})")


def _storage(url: str) -> Check:
    """Reachable, ours, and writable; a database that is not there yet is not made."""
    from hpo.service import storage, studies
    from hpo.service.storage.url import parse

    where = parse(url)
    opened = storage.find(url)
    if opened is None:
        folder = where.path.parent if where.path is not None else None
        if folder is not None and not os.access(folder, os.W_OK):
            remedy = "give another --storage, or set HPO_STORAGE"
            return Check(name="storage", state="fail", found=f"nothing can be written in {folder}", remedy=remedy)
        return Check(name="storage", state="ok", found=f"{where.safe}: not there yet, hpo optimize makes it")
    count = len(studies.list_all(opened))
    opened.close()
    storage.prepare(url).close()  # its tables are there, so this only finds out whether they can be written
    return Check(name="storage", state="ok", found=f"{where.safe}: {count} {'study' if count == 1 else 'studies'}")
