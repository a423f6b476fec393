"""The processes that keep workers at work: they start, watch, replace and bury them, and train nothing themselves.

Two doors: `drain.py` runs workers on one study until its slots are settled (`supervisor.py`), `fleet.py` on whatever
studies have any. Both watch their processes (`child.py`) as a `crew.py`, pass on what these say to people (`words.py`),
count the signals that ask them to stop (`stops.py`) and put in order what dead ones left (`aftermath.py`,
`abandoned.py`); a fleet does so in a thread of its own (`housekeeping.py`) and, first process of a container, buries
orphans (`orphanage.py`). `effort.py` says how many workers, and within which limits.
"""

__all__ = [
    "abandoned",
    "aftermath",
    "child",
    "crew",
    "drain",
    "effort",
    "fleet",
    "housekeeping",
    "ordering",
    "orphanage",
    "stops",
    "supervisor",
    "words",
]
