"""Which machine and which process this is, and when one is certainly dead."""

import os
import subprocess
import sys

import pytest

from hpo.storage import process_identity
from hpo.storage.process_identity import identity, is_certainly_dead

ASK = [sys.executable, "-c", "from hpo.storage import process_identity; print(process_identity.machine_key())"]

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="nothing is certain without /proc")


@needs_proc
def test_a_living_process_is_not_called_dead() -> None:
    assert identity() == identity(os.getpid())
    assert not is_certainly_dead(identity())
    assert not is_certainly_dead(f"{identity()}:and more")


@needs_proc
def test_dead_processes_and_zombies_are_certainly_dead() -> None:
    child = subprocess.Popen(["sleep", "3600"])
    name = identity(child.pid)
    assert not is_certainly_dead(name)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie from here on
    assert is_certainly_dead(name)
    child.wait()
    assert is_certainly_dead(name)


@needs_proc
def test_a_reused_process_id_is_another_process() -> None:
    host, pid, started, boot = identity().split(":")
    assert is_certainly_dead(f"{host}:{pid}:{int(started) - 1}:{boot}")


@needs_proc
@pytest.mark.parametrize("part", [0, 3])
def test_processes_of_another_machine_or_boot_are_not_certainly_dead(part: int) -> None:
    fields = identity().split(":")
    fields[1], fields[2] = "999999999", "1"  # no such process
    assert is_certainly_dead(":".join(fields))
    fields[part] += "x"
    assert not is_certainly_dead(":".join(fields))


@needs_proc
@pytest.mark.parametrize("name", ["", "worker", "a:b:c:d", "a:1::", "1:2:3"])
def test_a_malformed_worker_name_is_not_certainly_dead(name: str) -> None:
    assert not is_certainly_dead(name)


def test_every_process_of_a_machine_has_the_same_machine_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HPO_MACHINE", raising=False)
    said = subprocess.run(ASK, capture_output=True, text=True, check=True).stdout.strip()
    assert said == process_identity.machine_key()
    assert 0 < len(said) <= 64


@pytest.mark.parametrize(("said", "key"), [("rack-3", "rack-3"), (" rack-3 ", "rack-3"), ("x" * 99, "x" * 64)])
def test_hpo_machine_sets_the_machine_key(monkeypatch: pytest.MonkeyPatch, said: str, key: str) -> None:
    monkeypatch.setenv("HPO_MACHINE", said)
    assert process_identity.machine_key() == key


def test_a_blank_hpo_machine_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HPO_MACHINE", raising=False)
    key = process_identity.machine_key()
    monkeypatch.setenv("HPO_MACHINE", " ")
    assert process_identity.machine_key() == key
