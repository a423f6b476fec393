"""Observers as a program asks for them: by name, or as objects of its own."""

from collections.abc import Sequence
from typing import Any

from hpo.errors import UsageError
from hpo.observers import naming
from hpo.observers.observer import Observer

__all__ = ["observers_asked"]


def observers_asked(asked: Any) -> tuple[naming.Named | Observer, ...]:
    """Those to tell, the environment's among them. Raises UsageError where one is none."""
    if isinstance(asked, str | Observer) or not isinstance(asked, Sequence):
        raise UsageError(f"observers takes several, ['tensorboard:logs'], not {asked!r:.60}")
    for one in asked:
        if not isinstance(one, str | Observer):
            raise UsageError(f"an observer is a text such as 'tensorboard:logs' or an hpo.Observer, not {one!r:.60}")
    objects = [one for one in asked if isinstance(one, Observer)]
    return (*naming.asked(one for one in asked if isinstance(one, str)), *objects)
