"""Signals that ask a run to stop, counted in place of being died of."""

import contextlib
import signal
import time
from types import FrameType, TracebackType

from hpo.fleet.worker.protocol import STOP_SIGNALS

__all__ = ["Stops"]

_TICK = 0.1  # seconds; a sleep goes on after a signal was counted


class Stops:
    """While inside, SIGINT, SIGTERM and SIGHUP are counted; only a program's main thread can, others hear of none."""

    def __init__(self) -> None:
        self.count = 0  # signals received so far
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> "Stops":
        with contextlib.suppress(ValueError):  # not the main thread
            for number in sorted(STOP_SIGNALS):
                if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                    continue  # nohup: it shall outlive its terminal
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def wait(self, seconds: float) -> None:
        """Sleep for so long, or until a signal comes; at once where one has come before."""
        deadline = time.monotonic() + seconds
        while not self.count and time.monotonic() < deadline:
            time.sleep(min(_TICK, seconds))

    def _receive(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - what Python passes
        self.count += 1
