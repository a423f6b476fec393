"""What this process may use of its machine: processor cores, threads and memory, within its control groups."""

import ctypes
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

__all__ = [
    "apply_environment",
    "default_limit",
    "free_bytes",
    "machine_bytes",
    "oom_kills",
    "quota",
    "resident_bytes",
    "share",
    "thread_limits",
    "usable_cores",
]

MOUNT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
_THREAD_LIMITS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
_OPENBLAS_SETTERS = [f"{prefix}openblas_set_num_threads{suffix}" for prefix in ("", "scipy_") for suffix in ("", "64_")]
_ALL_WORKERS = 0.8  # of the machine, for all workers together
_LEAST = 1 << 30  # bytes; a process that has imported TensorFlow and trained once holds about half of this


def _cgroup_values(controller: str, name: str) -> Iterator[tuple[Path, str]]:
    """The file `name` of each control group this process is in, with what it says: innermost first, then those around.

    `controller` (cpu, memory) matters to version 1 alone, where each has a tree of its own. A container sees its own
    group as the root of the tree; a group that cannot be seen from here is passed over. Nothing where there are none.
    """
    for root, path in _trees(controller):
        inner = PurePosixPath(path)
        for part in (inner, *inner.parents):
            file = root / str(part).lstrip("/") / name
            try:
                yield file, file.read_text().strip()
            except OSError:
                continue


def _trees(controller: str) -> Iterator[tuple[Path, str]]:
    """Where the tree of a controller is mounted, and this process's place in it."""
    try:
        lines = MEMBERSHIP.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        number, controllers, path = (*line.split(":", 2), "", "")[:3]
        path = "/" if ".." in path else path  # a place outside of what this container may see
        if not controllers and number == "0":
            yield MOUNT, path  # version 2
        elif controller in controllers.split(","):
            folders = (MOUNT / controllers, MOUNT / controller)  # the second is a link to the first, where there is one
            yield next((folder for folder in folders if folder.is_dir()), MOUNT / controller), path


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


def apply_environment(environment: Mapping[str, str]) -> None:
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
    for _, text in _cgroup_values("cpu", "cpu.max"):  # version 2: "150000 100000", or "max 100000"
        allowed.append(_ratio(*text.partition(" ")[::2]))
    periods = {file.parent: text for file, text in _cgroup_values("cpu", "cpu.cfs_period_us")}  # version 1
    for file, text in _cgroup_values("cpu", "cpu.cfs_quota_us"):
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


def resident_bytes() -> int:
    """Resident size of this process in bytes."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def machine_bytes() -> int:
    """Memory this process may use in bytes: the machine's, or its control groups' where that is less."""
    import psutil

    return min([int(psutil.virtual_memory().total), *(limit for limit, _ in _limits())])


def free_bytes() -> int:
    """Memory that can still be had without swapping, in bytes."""
    import psutil

    return max(0, min([int(psutil.virtual_memory().available), *(limit - used for limit, used in _limits())]))


def oom_kills() -> int | None:
    """Processes of this one's control group that the kernel has killed for want of memory; None: it does not count.

    A process that looks before and after a child was killed knows what killed it, as far as it can be known: another
    process of the same group may have been the one.
    """
    for name in ("memory.events", "memory.oom_control"):  # of versions 2 and 1
        for _, text in _cgroup_values("memory", name):
            counts = dict(line.split() for line in text.splitlines() if len(line.split()) == 2)
            if counts.get("oom_kill", "").isdecimal():
                return int(counts["oom_kill"])
    return None


def default_limit(workers: int) -> int:
    """Resident bytes past which one of `workers` is replaced: its part of 80 % of the machine, at least 1 GiB."""
    return max(_LEAST, int(machine_bytes() * _ALL_WORKERS / workers))


def _limits() -> Iterator[tuple[int, int]]:
    """Bytes each control group around this process allows it and those beside it, and how many of them are in use.

    Files in the page cache count as used and could be given up, so what is free may be more.
    """
    for limit_name, used_name in (
        ("memory.max", "memory.current"),  # version 2
        ("memory.limit_in_bytes", "memory.usage_in_bytes"),  # version 1
    ):
        used = {file.parent: text for file, text in _cgroup_values("memory", used_name)}
        for file, limit in _cgroup_values("memory", limit_name):
            if limit.isdecimal():  # not "max"
                yield int(limit), int(used.get(file.parent, "0"))
