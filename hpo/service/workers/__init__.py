"""Running slots: supervisors, their worker processes, and what keeps them honest about time, memory and death.

Two doors: `drain.py` runs workers on one study until its slots are settled, `fleet.py` on whatever studies have any.
Both watch their processes (`child.py`) as a `crew.py`, and put in order what dead ones left (`aftermath.py`).
`worker.py` is such a process, `serve.py` its loop: `sources.py` says where slots come from, `prepared.py` what a study
needs at hand, `attempt.py` what is done with one slot. Importing this imports none of them: a worker needs no
supervisor, and looking needs neither.
"""

__all__ = [
    "abandoned",
    "aftermath",
    "attempt",
    "child",
    "crew",
    "drain",
    "effort",
    "fleet",
    "housekeeping",
    "lease",
    "order",
    "orphanage",
    "outcome",
    "prepared",
    "presence",
    "serve",
    "sources",
    "stops",
    "supervisor",
    "terms",
    "worker",
]
