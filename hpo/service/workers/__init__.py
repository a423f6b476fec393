"""Running slots: a supervisor, its worker processes, and what keeps them honest about time, memory and death.

`drain.py` is the door: it runs workers on a study until its slots are settled. `worker.py` is the process they are, and
`serve.py` its loop. Importing this imports none of them: a worker needs no supervisor, and looking needs neither.
"""

__all__ = [
    "abandoned",
    "child",
    "drain",
    "effort",
    "lease",
    "order",
    "outcome",
    "serve",
    "stops",
    "supervisor",
    "worker",
]
