"""How often somebody may try: a bucket of tries for each key, which fills up again with time."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

__all__ = ["Allowance"]


class Allowance:
    """`burst` tries at once, then one every `every` seconds, for each key apart; threads may share it.

    It remembers the `most` keys that tried last: an address that comes back after so many others begins anew.
    """

    def __init__(
        self, *, burst: int, every: float, most: int = 100_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst = burst
        self._every = every  # seconds
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._tries: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()  # key -> tries left, at which time

    def take(self, key: Hashable) -> float:
        """Take a try: 0 where there was one, else the seconds until there is one."""
        with self._lock:
            now = self._clock()
            left = self._left(key, now)
            taken = left >= 1
            self._keep(key, left - 1 if taken else left, now)
            return 0.0 if taken else (1 - left) * self._every

    def give_back(self, key: Hashable) -> None:
        """Give a try back: it was none, as the password was right."""
        with self._lock:
            now = self._clock()
            self._keep(key, min(self._burst, self._left(key, now) + 1), now)

    def _left(self, key: Hashable, now: float) -> float:
        left, then = self._tries.get(key, (float(self._burst), now))
        return min(float(self._burst), left + (now - then) / self._every)

    def _keep(self, key: Hashable, left: float, now: float) -> None:
        self._tries[key] = (left, now)
        self._tries.move_to_end(key)
        while len(self._tries) > self._most:
            self._tries.popitem(last=False)
