"""The processes that keep workers at work: they start, watch, replace and clean up after them, and train nothing.

There is one, `supervisor.py`. What it does is said by its rule: `drain.py` runs workers on one study until its slots
are settled, `fleet.py` on whatever studies have any. It watches its processes (`child.py`) as a pool (`crew.py`),
passes on what these say to people (`words.py`, `outage.py`), counts the signals that ask it to stop (`stops.py`), and
has a thread put in order (`housekeeping.py`, `cleanup.py`) what dead ones left; first process of a container, it reaps
orphans (`orphanage.py`).
"""

__all__ = [
    "child",
    "cleanup",
    "crew",
    "drain",
    "fleet",
    "housekeeping",
    "orphanage",
    "outage",
    "stops",
    "supervisor",
    "words",
]
