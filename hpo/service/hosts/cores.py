"""Processor cores this process may use."""

import math
import os

from hpo.service.hosts import cgroups

__all__ = ["quota", "share", "thread_limits", "usable_cores"]

_THREAD_LIMITS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


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
    """The environment in which NumPy and TensorFlow take so many threads; they read it when they are imported."""
    return dict.fromkeys(_THREAD_LIMITS, str(threads))


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
