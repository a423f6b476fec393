"""The duty of a container's first process: processes whose parent died become its children, and it must bury them."""

import contextlib
import os
from collections.abc import Iterable

__all__ = ["adopt"]


def adopt(own: Iterable[int]) -> int:
    """Bury the dead that are not one's `own` children, whose end somebody else waits for; how many those were.

    Without it every process a worker leaves behind would stay a zombie for as long as the container runs.
    """
    mine = set(own)
    buried = 0
    with contextlib.suppress(ChildProcessError):  # no child at all
        while True:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)  # looks, and leaves it there
            if found is None or found.si_pid in mine:
                return buried
            os.waitpid(found.si_pid, os.WNOHANG)
            buried += 1
    return buried
