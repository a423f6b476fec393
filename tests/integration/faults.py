"""What goes wrong, again and again, while fleets work: each fault is a thread that strikes every now and then."""

import contextlib
import random
import signal
import threading
import time
from collections.abc import Sequence

import psutil
from fleets import Fleet
from servers import OwnServer

_WHOLE_HOST = 1 / 8  # of the kills take a supervisor and all its workers


class Fault(threading.Thread):
    """Strikes every `every` seconds or so until it is called off."""

    word = ""  # what one of them is called where they are counted

    def __init__(self, every: float, seed: int) -> None:
        super().__init__(daemon=True)
        self._every = every
        self._over = threading.Event()
        self.random = random.Random(f"{seed} {type(self).__name__}")
        self.struck = 0
        self.error: Exception | None = None  # why it ended early

    def run(self) -> None:
        try:
            while not self._over.wait(self._every * self.random.uniform(0.5, 1.5)):
                self.struck += self.strike()
        except Exception as error:
            self.error = error

    def strike(self) -> bool:
        """Cause the fault; return whether it hit anything."""
        raise NotImplementedError

    def wait(self, seconds: float) -> None:
        """Let that much time pass, or less where it is called off."""
        self._over.wait(seconds)

    def call_off(self) -> None:
        """End it, with everything put back."""
        self._over.set()
        self.join()


class Kills(Fault):
    """SIGKILL for a worker, wherever it is in its work; now and then for a whole host. No mercy, but some patience:

    after a kill none follows before a slot was settled, as on a slow machine none might get past its start.
    """

    word = "kills"

    def __init__(self, fleets: Sequence[Fleet], every: float, seed: int) -> None:
        super().__init__(every, seed)
        self._fleets = fleets
        self._settled = threading.Event()
        self.hosts = 0

    def see_progress(self) -> None:
        """Something was settled."""
        self._settled.set()

    def strike(self) -> bool:
        if not self._settled.is_set():
            return False
        fleet = self.random.choice([fleet for fleet in self._fleets if fleet.exit_code is None] or self._fleets)
        if self.random.random() < _WHOLE_HOST:
            fleet.kill()
            self.hosts += 1
        else:
            victims = fleet.workers()
            if not victims:
                return False
            with contextlib.suppress(psutil.Error):
                self.random.choice(victims).send_signal(signal.SIGKILL)
        self._settled.clear()
        return True


class Stops(Fault):
    """SIGSTOP for a worker, for longer than its lease, and back: it goes on as if no time had passed."""

    word = "stops"

    def __init__(self, fleets: Sequence[Fleet], every: float, seed: int, *, seconds: float) -> None:
        super().__init__(every, seed)
        self._fleets = fleets
        self._seconds = seconds

    def strike(self) -> bool:
        workers = [worker for fleet in self._fleets for worker in fleet.workers()]
        if not workers:
            return False
        worker = self.random.choice(workers)
        try:
            worker.suspend()
            self.wait(self._seconds)
            worker.resume()
        except psutil.Error:  # it was killed while it stood
            return False
        return True


class Cuts(Fault):
    """Every connection to PostgreSQL ended by pg_terminate_backend."""

    word = "connections cut"

    def __init__(self, server: OwnServer, every: float, seed: int) -> None:
        super().__init__(every, seed)
        self._server = server
        self.cut = 0

    def strike(self) -> bool:
        if not self._server.running:
            return False
        with contextlib.suppress(Exception):  # it was stopped just now
            self.cut += self._server.cut()
        return True


class Restarts(threading.Thread):
    """PostgreSQL stopped and started as the study passes certain numbers of settled slots."""

    def __init__(self, server: OwnServer, at: Sequence[int], down: Sequence[float]) -> None:
        """
        Args:
            server: to be stopped.
            at: settled slots, one for each restart.
            down: seconds it stays away, one for each; the odd ones it is killed, the even ones shut down.

        """
        super().__init__(daemon=True)
        self._server = server
        self._todo = list(zip(at, down, strict=True))
        self._settled = 0
        self._moved = threading.Event()
        self._over = False
        self.struck = 0
        self.error: Exception | None = None

    def see_progress(self, settled: int) -> None:
        """So many are settled by now."""
        self._settled = settled
        self._moved.set()

    def run(self) -> None:
        try:
            for at, down in self._todo:
                while self._settled < at:
                    self._moved.wait()
                    self._moved.clear()
                    if self._over:
                        return
                self._server.stop("immediate" if self.struck % 2 == 0 else "fast")
                time.sleep(down)
                self._server.start()
                self.struck += 1
        except Exception as error:
            self.error = error

    def call_off(self) -> None:
        """End it; the server runs."""
        self._over = True
        self._moved.set()
        self.join()
