"""What the tests of slots share beside their fixtures."""

from collections.abc import Callable

from hpo.storage.slots.slot import Slot

Claim = Callable[..., Slot]  # (worker="w1", lease=60.0) -> the slot it claimed


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now
