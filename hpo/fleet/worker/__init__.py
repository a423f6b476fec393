"""A worker: the process that takes slots and trains, one at a time.

`process.py` is the process, `protocol.py` what it and its supervisor say to each other, `run_limits.py` the limits of
its run, `presence.py` its place in the fleet, `captured_output.py` what definitions print in it, cut into
`terminal_lines.py`. `work_loop.py` is its loop: `slot_sources.py` says where slots come from, `loaded_study.py` what a
study needs at hand, `attempt.py` what is done with one slot, `outcome.py` what came of it, `heartbeat.py` holds it
meanwhile; `watcher.py` is told of all that. Importing this imports none of them: looking at workers needs no worker.
"""

__all__ = [
    "attempt",
    "captured_output",
    "fork_main",
    "heartbeat",
    "loaded_study",
    "lost_results",
    "outcome",
    "presence",
    "process",
    "protocol",
    "run_limits",
    "slot_sources",
    "terminal_lines",
    "watcher",
    "work_loop",
]
