"""The duty of a container's first process: processes whose parent died become its children, and it must reap them."""

import contextlib
import os
from collections.abc import Iterable

__all__ = ["reap_orphans"]


def reap_orphans(own: Iterable[int]) -> int:
    """Reap the dead that are not one's `own` children, whose end somebody else waits for; how many those were.

    Without it every process a worker leaves behind would stay a zombie for as long as the container runs.
    """
    mine = set(own)
    reaped = 0
    with contextlib.suppress(ChildProcessError):  # no child at all
        while True:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)  # looks, and leaves it there
            if found is None or found.si_pid in mine:
                return reaped
            os.waitpid(found.si_pid, os.WNOHANG)
            reaped += 1
    return reaped
