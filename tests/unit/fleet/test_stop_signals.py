"""Signals that ask a run to stop."""

import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from hpo.fleet.protocol import STOP_SIGNALS, WARNING_SIGNALS
from hpo.fleet.supervisor.supervisor import Stops


@pytest.fixture(autouse=True)
def _as_before():
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def wait_until(condition: Callable[[], object]) -> None:
    """A signal may reach another thread first, and is then handled a moment later."""
    while not condition():
        time.sleep(0.001)


def test_each_signal_is_counted_and_the_handlers_before_come_back() -> None:
    heard: list[int] = []
    note: Callable[..., None] = lambda number, frame: heard.append(number)  # noqa: E731
    for number in STOP_SIGNALS - WARNING_SIGNALS:
        signal.signal(number, note)
    with Stops() as stops:
        for number in STOP_SIGNALS:
            os.kill(os.getpid(), number)
        wait_until(lambda: stops.count == len(STOP_SIGNALS))
    os.kill(os.getpid(), signal.SIGTERM)
    wait_until(lambda: heard == [signal.SIGTERM])


def test_a_program_keeps_its_own_use_of_a_schedulers_warning() -> None:
    heard: list[int] = []
    signal.signal(signal.SIGUSR1, lambda number, frame: heard.append(number))
    with Stops() as stops:
        os.kill(os.getpid(), signal.SIGUSR1)
        wait_until(lambda: heard == [signal.SIGUSR1])
        assert stops.count == 0


def test_a_vanished_launcher_counts_as_a_stop_signal() -> None:
    with Stops(launcher=os.getppid()) as stops:
        assert stops.count == 0
    with Stops(launcher=-1) as stops:
        stops.wait(3600)
        assert stops.count == 1
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        wait_until(lambda: stops.count == 2)


def test_under_nohup_a_closed_terminal_stops_nothing() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Stops() as stops:
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)
        wait_until(lambda: stops.count)
        assert stops.count == 1


def test_a_wait_ends_with_the_first_signal() -> None:
    with Stops() as stops:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
        stops.wait(3600)
        stops.wait(3600)  # at once: one has come before
        assert stops.count == 1
