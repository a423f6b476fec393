"""How much memory a worker holds, and how much it may hold before it is replaced."""

import os
from pathlib import Path

__all__ = ["default_limit", "machine_bytes", "resident_bytes"]

_SHARE = 0.8  # of the machine, for all workers together
_LEAST = 1 << 30  # bytes; a process that has imported TensorFlow and trained once holds about half of this


def resident_bytes() -> int:
    """Resident size of this process in bytes; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def machine_bytes() -> int:
    """Memory this process may use in bytes: the machine's, or its control group's where that is less."""
    sizes = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            sizes.append(int(Path(limit).read_text()))
        except (OSError, ValueError):  # no control groups, or "max"
            continue
    return min(sizes)


def default_limit(workers: int) -> int:
    """Resident bytes past which one of `workers` is replaced: its part of 80 % of the machine, at least 1 GiB."""
    return max(_LEAST, int(machine_bytes() * _SHARE / workers))
