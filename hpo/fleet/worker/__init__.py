"""A worker: the process that takes slots and trains, one at a time.

`process.py` is the process, `fork_main.py` what it may be a fork of, `presence.py` its place in the fleet and who is
told of what it does, `captured_output.py` what definitions print in it. `work_loop.py` is its loop: `slot_sources.py`
says where slots come from, `loaded_study.py` what a study needs at hand, `attempt.py` what is done with one slot,
`outcome.py` what came of it, `heartbeat.py` holds it meanwhile. Importing this imports none of them: looking at workers
needs no worker.
"""

__all__ = [
    "attempt",
    "captured_output",
    "fork_main",
    "heartbeat",
    "loaded_study",
    "outcome",
    "presence",
    "process",
    "slot_sources",
    "work_loop",
]
