"""An epoch in parts: the same training, number for number, with a sign of life in between where it takes long."""

import math
import time
from collections.abc import Iterator

__all__ = ["LONG", "PARTS", "EpochParts"]

PARTS = 10
LONG = 10.0  # seconds an epoch may take in one part: its order of rows is drawn anew with each, in milliseconds


class EpochParts:
    """Into which steps the epochs of one run fall, by the time that they take; what is trained does not depend on it.

    The first epoch begins with a tenth of its steps, which tells how long the others will take.
    """

    def __init__(self, steps: int) -> None:
        self._steps = steps  # of an epoch
        self._foreseen = math.inf  # seconds of an epoch

    def spans(self, made: int = 0) -> Iterator[tuple[int, int]]:
        """Of each part of one epoch its first step and the one after its last; it is made before the next is asked for.

        An epoch that is short is one part, or two where that was not known when it began. `made`: steps of it that are
        made already.
        """
        part = math.ceil(self._steps / PARTS)
        begin, first = time.perf_counter(), made
        while first < self._steps:
            last = self._steps if self._foreseen <= LONG else min(first + part, self._steps)
            yield first, last
            self._foreseen = (time.perf_counter() - begin) / (last - made) * self._steps
            first = last
