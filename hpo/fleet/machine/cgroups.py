"""The control groups this process is in, which may allow it less than the machine has (Linux; containers, systemd)."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

__all__ = ["values"]

MOUNT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def values(controller: str, name: str) -> Iterator[tuple[Path, str]]:
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
