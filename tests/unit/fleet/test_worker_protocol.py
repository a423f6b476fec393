"""What a supervisor and its worker say to each other."""

import os
from dataclasses import fields

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hpo.fleet.protocol import Avoid, Event, WorkOrder
from hpo.fleet.run_limits import Limits
from hpo.fleet.supervisor.worker_process import environment

ORDER = WorkOrder(
    storage="postgresql://u:pä ss\n@h/d",
    study="ß\n",
    worker="w",
    parent=1,
    events=7,
    limits=Limits(timeout=5.0, max_trials=7, trial_timeout=1.5, memory_limit=1 << 30),
    idle=2.5,
    ends_at=12.5,
    objective=None,
    keras=False,
    only=("a", "ß b"),
    avoid={"ß": Avoid(why="exit code 0", seconds=1.5)},
    log="json",
    log_to=9,
)


def test_a_work_order_survives_json_on_one_line() -> None:
    line = ORDER.to_json()
    assert line.count(b"\n") == 1
    assert WorkOrder.from_json(line) == ORDER
    assert "pä ss" not in repr(ORDER)
    assert len(fields(ORDER)) == 18  # whoever adds one says above what it may be


@given(st.text())
@example("\0" * 5000)
@example("\U0001f600" * 5000)
def test_an_event_is_one_line_of_one_write(text: str) -> None:
    reader, writer = os.pipe()
    try:
        Event(kind="error", text=text).send(writer)
        line = os.read(reader, 1 << 16)
    finally:
        os.close(reader)
        os.close(writer)
    assert line.count(b"\n") == 1
    assert len(line) <= 4096  # what a pipe takes whole
    assert text.startswith(Event.parse(line).text)


def test_an_event_to_a_supervisor_that_is_gone_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    Event(kind="beat").send(writer)
    os.close(writer)


def test_the_thread_limit_of_a_worker_reaches_its_libraries() -> None:
    made = environment(3)
    assert {made[name] for name in made if name.endswith("_NUM_THREADS")} == {"3"}
    assert (made["TF_NUM_INTRAOP_THREADS"], made["TF_NUM_INTEROP_THREADS"]) == ("3", "3")


def test_a_worker_on_a_gpu_has_no_thread_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert "OMP_NUM_THREADS" not in environment(None)


@given(st.none() | st.floats(min_value=0.1, max_value=1e9))
def test_a_claimed_event_carries_the_trial_timeout(limit: float | None) -> None:
    reader, writer = os.pipe()
    try:
        sent = Event(kind="claimed", text="a study", limit=limit)
        sent.send(writer)
        assert Event.parse(os.read(reader, 1 << 16)) == sent
    finally:
        os.close(reader)
        os.close(writer)
