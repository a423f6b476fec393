"""A worker: the process that takes slots and trains, one at a time.

`worker.py` is the process, `order.py` what it and its supervisor say to each other, `limits.py` the limits of its run,
`presence.py` its place in the fleet, `output.py` what definitions print in it, cut into `lines.py`. `serve.py` is its
loop: `sources.py` says where slots come from, `prepared.py` what a study needs at hand, `attempt.py` what is done with
one slot, `outcome.py` what came of it, `lease.py` holds it meanwhile; `watcher.py` is told of all that. Importing this
imports none of them: looking at workers needs no worker.
"""

__all__ = [
    "attempt",
    "lease",
    "limits",
    "lines",
    "order",
    "outcome",
    "output",
    "prepared",
    "presence",
    "serve",
    "sources",
    "watcher",
    "worker",
]
