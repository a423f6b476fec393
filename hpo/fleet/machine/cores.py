"""Processor cores this process may use."""

import ctypes
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from hpo.fleet.machine import cgroups

__all__ = ["heed", "quota", "share", "thread_limits", "usable_cores"]

_THREAD_LIMITS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
_OPENBLAS_SETTERS = [f"{prefix}openblas_set_num_threads{suffix}" for prefix in ("", "scipy_") for suffix in ("", "64_")]


def usable_cores() -> int:
    """Processor cores this process may keep busy: those it may run on, or its control group's quota if that is less.

    A quota of one and a half cores counts as two: two workers of one thread then use all of it.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    allowed = quota()
    return cores if allowed is None else max(1, min(cores, math.ceil(allowed)))


def share(processes_here: int) -> int:
    """Threads for each of so many processes that share the usable cores; at least one."""
    return max(1, usable_cores() // max(1, processes_here))


def thread_limits(threads: int) -> dict[str, str]:
    """The environment in which NumPy and TensorFlow take so many threads."""
    return dict.fromkeys(_THREAD_LIMITS, str(threads))


def heed(environment: Mapping[str, str]) -> None:
    """Have this process take as many threads as `environment`, its own from now on, says: in libraries it has, too.

    TensorFlow, OpenMP and MKL read it when they are first used, but OpenBLAS, which NumPy and SciPy bring one each of,
    when it is loaded: it is told.
    """
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    os.environ.update(environment)
    wanted = environment.get("OPENBLAS_NUM_THREADS") or environment.get("OMP_NUM_THREADS") or ""
    threads = min(int(wanted), usable_cores()) if wanted.isdecimal() and int(wanted) else usable_cores()
    for library in _openblas():
        for name in _OPENBLAS_SETTERS:
            with suppress(AttributeError):
                getattr(library, name)(threads)


def _openblas() -> list[ctypes.CDLL]:
    """Each OpenBLAS this process has loaded; none where the system does not say."""
    with suppress(OSError):
        files = {line.split(maxsplit=5)[-1].strip() for line in Path("/proc/self/maps").read_text().splitlines()}
        return [ctypes.CDLL(file) for file in files if "openblas" in Path(file).name]
    return []


def quota() -> float | None:
    """Cores' worth of time the control groups around this process allow it; None: no limit (docker's `--cpus`)."""
    allowed = []
    for _, text in cgroups.values("cpu", "cpu.max"):  # version 2: "150000 100000", or "max 100000"
        allowed.append(_ratio(*text.partition(" ")[::2]))
    periods = {file.parent: text for file, text in cgroups.values("cpu", "cpu.cfs_period_us")}  # version 1
    for file, text in cgroups.values("cpu", "cpu.cfs_quota_us"):
        allowed.append(_ratio(text, periods.get(file.parent, "")))
    limits = [ratio for ratio in allowed if ratio is not None]
    return min(limits, default=None)


def _ratio(microseconds: str, period: str) -> float | None:
    """Cores' worth of time; None where it is not limited, which version 1 says as -1 and version 2 as max."""
    try:
        ratio = int(microseconds) / int(period)
    except (ValueError, ZeroDivisionError):
        return None
    return ratio if ratio > 0 else None
