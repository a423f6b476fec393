"""The machine here: Python, packages, cores, memory, disks; and what trainings need: data sets, TensorFlow, GPUs."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hpo.experiments.doctor.check import Check, fail, ok, warn
from hpo.fleet import gpus, resources
from hpo.fleet.supervisor.forkserver import command, first_line
from hpo.settings import cache_folder, use_backend

__all__ = ["machine_checks", "training_checks"]


_PACKAGES = ("optuna", "sqlalchemy", "keras", "numpy")
_GIB = 1024**3
_MEMORY_OF_A_WORKER = 1.0  # GiB: TensorFlow, one cnn and its rows
_DISK_NEEDED = 1.0  # GiB: data sets, a database, saved models
_SEEN_BY_TENSORFLOW = (
    "import json, tensorflow as tf, keras;"
    "print(json.dumps([tf.__version__, keras.__version__,"
    " [d.name for d in tf.config.list_physical_devices() if d.device_type == 'GPU']]))"
)
_START_LIMIT = 300  # seconds
_INSTALL_TENSORFLOW = "pip install 'hpo-service[cpu]', or [gpu] on a machine with an NVIDIA card"


def machine_checks() -> Iterator[Check]:
    """What this machine has."""
    yield _python()
    yield _packages()
    yield _machine()
    yield _disk()


def _python() -> Check:
    found = f"{platform.python_version()} at {sys.executable}"
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return ok("python", found)
    return fail("python", found, "use Python 3.11, 3.12 or 3.13")


def _packages() -> Check:
    found, missing = [], []
    for name in ("hpo-service", *_PACKAGES):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return fail("packages", f"missing: {', '.join(missing)}", "pip install 'hpo-service[cpu]'")
    return ok("packages", ", ".join(found))


def _machine() -> Check:
    usable, free = resources.usable_cores(), resources.free_bytes()
    quota = resources.quota()
    found = f"{usable} cores" + ("" if quota is None else f" (a quota of {quota:g})")
    gib = free / _GIB
    found += f", {gib:.1f} GiB of memory free"
    fitting = int(gib / _MEMORY_OF_A_WORKER)
    if fitting >= usable:
        return ok("machine", found)
    remedy = f"close other programs, or run with {max(fitting, 1)} workers: each needs about 1 GiB"
    return warn("machine", found, remedy)


def _disk() -> Check:
    folders = {"here": Path.cwd(), "cache": _existing(cache_folder())}
    free = {name: shutil.disk_usage(folder).free / _GIB for name, folder in folders.items()}
    found = ", ".join(f"{gib:.1f} GiB free in {folders[name]}" for name, gib in free.items())
    unwritable = [str(folder) for folder in folders.values() if not os.access(folder, os.W_OK)]
    if unwritable:
        remedy = "work in a folder of your own, or set XDG_CACHE_HOME"
        return warn("disk", f"{found}; not writable: {', '.join(unwritable)}", remedy)
    if min(free.values()) < _DISK_NEEDED:
        return warn("disk", found, f"free {_DISK_NEEDED:.0f} GiB")
    return ok("disk", found)


def _existing(folder: Path) -> Path:
    return next(parent for parent in (folder, *folder.parents) if parent.is_dir())


def training_checks() -> Iterator[Check]:
    """What trainings need, TensorFlow last."""
    yield from _data()
    yield _tensorflow(len(gpus.look().gpus))


def _data() -> Iterator[Check]:
    from hpo.data import DATASETS, locate

    for name in DATASETS:
        located = locate(name)
        if not located.ok:
            found = "; ".join(located.problems) or "not here"
            yield warn(name, found, "hpo data")
        elif located.problems:
            yield warn(name, "; ".join(located.problems), "replace or remove the damaged files: they are passed over")
        else:
            yield ok(name, f"{located.path} ({located.source})")


def _tensorflow(listed: int) -> Check:
    """In a process of its own: the import takes seconds, and a broken build can end the process that tries it."""
    use_backend()
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        run = subprocess.run(
            command(_SEEN_BY_TENSORFLOW),
            input=first_line().decode(),
            capture_output=True,
            text=True,
            timeout=_START_LIMIT,
            env=environment,
            check=False,
        )
        tensorflow, keras, seen = json.loads(run.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return fail("tensorflow", "does not start within 5 minutes", _INSTALL_TENSORFLOW)
    except (IndexError, ValueError):
        lines = run.stderr.strip().splitlines()
        found = f"does not start: {lines[-1] if lines else f'exit code {run.returncode}'}"
        return fail("tensorflow", found, _INSTALL_TENSORFLOW)
    found = f"tensorflow {tensorflow}, keras {keras}, {', '.join(seen) if seen else 'no GPU, so CPU'}"
    if listed and not seen:
        remedy = "workers would lease GPUs and train on cores: pip install 'hpo-service[gpu]', or hpo worker --cpu"
        return warn("tensorflow", f"{found}, though the driver lists {listed}", remedy)
    return ok("tensorflow", found)
