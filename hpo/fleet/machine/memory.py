"""How much memory a worker holds, and how much it may hold before it is replaced."""

from collections.abc import Iterator

from hpo.fleet.machine import cgroups

__all__ = ["default_limit", "free_bytes", "machine_bytes", "oom_kills", "resident_bytes"]

_SHARE = 0.8  # of the machine, for all workers together
_LEAST = 1 << 30  # bytes; a process that has imported TensorFlow and trained once holds about half of this


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
        for _, text in cgroups.values("memory", name):
            counts = dict(line.split() for line in text.splitlines() if len(line.split()) == 2)
            if counts.get("oom_kill", "").isdecimal():
                return int(counts["oom_kill"])
    return None


def default_limit(workers: int) -> int:
    """Resident bytes past which one of `workers` is replaced: its part of 80 % of the machine, at least 1 GiB."""
    return max(_LEAST, int(machine_bytes() * _SHARE / workers))


def _limits() -> Iterator[tuple[int, int]]:
    """Bytes each control group around this process allows it and those beside it, and how many of them are in use.

    Files in the page cache count as used and could be given up, so what is free may be more.
    """
    for limit_name, used_name in (
        ("memory.max", "memory.current"),  # version 2
        ("memory.limit_in_bytes", "memory.usage_in_bytes"),  # version 1
    ):
        used = {file.parent: text for file, text in cgroups.values("memory", used_name)}
        for file, limit in cgroups.values("memory", limit_name):
            if limit.isdecimal():  # not "max"
                yield int(limit), int(used.get(file.parent, "0"))
