"""Observers: objects that are told how studies go, by a process of their own, and that cannot harm a trial.

`observing` (hosting.py) starts what tells them and ends it; `Outbox` (outbox.py) reads from the database what is to be
told, in order; `Teller` (telling.py) tells it. What comes with hpo is in destinations/. Slow, hanging, raising: an
observer only falls behind, is warned of once, and is told the rest by the next run on its study.
"""

from hpo.observers.events import (
    Event,
    NewBest,
    ObservedStudy,
    StudyBegun,
    StudyEnded,
    StudyResumed,
    StudyStopped,
    TrialBegun,
    TrialReported,
    TrialSettled,
)
from hpo.observers.observer import Observer

__all__ = [
    "Event",
    "NewBest",
    "ObservedStudy",
    "Observer",
    "StudyBegun",
    "StudyEnded",
    "StudyResumed",
    "StudyStopped",
    "TrialBegun",
    "TrialReported",
    "TrialSettled",
]
