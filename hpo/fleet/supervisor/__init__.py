"""The processes that keep workers at work: they start, watch, replace and clean up after them, and train nothing.

There is one, `supervisor.py`. What it does is said by its rule: `study_run.py` runs workers on one study until its
slots are settled, `fleet_run.py` on whatever studies have any. It watches its processes (`worker_process.py`) as a pool
(`worker_pool.py`), passes on what these say to people (`worker_messages.py`, `outage.py`), counts the signals that ask
it to stop (`stop_signals.py`), and has a thread put in order (`housekeeping.py`, `worker_exit.py`) what dead ones left;
first process of a container, it reaps orphans (`reaper.py`).
"""

__all__ = [
    "avoided_studies",
    "fleet_run",
    "forkserver",
    "housekeeping",
    "last_words",
    "outage",
    "process_start",
    "reaper",
    "stop_signals",
    "study_run",
    "supervisor",
    "worker_exit",
    "worker_messages",
    "worker_pool",
    "worker_process",
]
