"""What many watch at once, looked at once: twenty open pages cost the database no more than one."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["Shared"]

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Shared(Generic[K, T]):
    """Values by key, each made anew when it is asked for and older than `seconds`; safe to use from many threads."""

    def __init__(self, make: Callable[[K], T], *, seconds: float, most: int = 64) -> None:
        self._make = make
        self._seconds = seconds
        self._most = most  # keys kept; the one asked for longest ago goes first
        self._kept: OrderedDict[K, tuple[float, T]] = OrderedDict()
        self._making: dict[K, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: K) -> T:
        """The value of that key, at most so many seconds old. Whatever `make` raises is raised and not kept."""
        found = self._fresh(key)
        if found is not None:
            return found[1]
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            found = self._fresh(key)  # somebody else may have made it while we waited
            if found is not None:
                return found[1]
            try:
                began = time.monotonic()
                made = self._make(key)
                with self._lock:
                    self._kept[key] = (began, made)
                    self._kept.move_to_end(key)
                    while len(self._kept) > self._most:
                        self._kept.popitem(last=False)
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return made

    def forget(self) -> None:
        """Have everything made anew: something was changed."""
        with self._lock:
            self._kept.clear()

    def _fresh(self, key: K) -> tuple[float, T] | None:
        with self._lock:
            found = self._kept.get(key)
            if found is None or time.monotonic() - found[0] > self._seconds:
                return None
            self._kept.move_to_end(key)
            return found
