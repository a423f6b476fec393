"""The processes that keep workers at work: they start, watch, replace and clean up after them, and train nothing.

There is one, `supervisor.py`; it counts the signals that ask it to stop and, first process of a container, reaps
orphans. What it does is said by its rule: `study_run.py` runs workers on one study until its slots are settled,
`fleet_run.py` on whatever studies have any. `own_process.py` is a run without it, by one worker within this process. It
starts processes (`forkserver.py`), watches them
(`worker_process.py`) as a pool (`worker_pool.py`), passes on what they say to people (`worker_messages.py`), and has a
thread put in order what dead ones left (`worker_exit.py`).
"""

__all__ = [
    "fleet_run",
    "forkserver",
    "own_process",
    "study_run",
    "supervisor",
    "worker_exit",
    "worker_messages",
    "worker_pool",
    "worker_process",
]
