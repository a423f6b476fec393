"""Which machine this is."""

import subprocess
import sys

import pytest

from hpo.storage.workers import machine_identity

ASK = [sys.executable, "-c", "from hpo.storage.workers import machine_identity; print(machine_identity.key())"]


def test_every_process_of_a_machine_gives_it_the_same_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HPO_MACHINE", raising=False)
    said = subprocess.run(ASK, capture_output=True, text=True, check=True).stdout.strip()
    assert said == machine_identity.key()
    assert 0 < len(said) <= 64


@pytest.mark.parametrize(("said", "key"), [("rack-3", "rack-3"), (" rack-3 ", "rack-3"), ("x" * 99, "x" * 64)])
def test_a_person_may_name_it(monkeypatch: pytest.MonkeyPatch, said: str, key: str) -> None:
    monkeypatch.setenv("HPO_MACHINE", said)
    assert machine_identity.key() == key


def test_no_name_is_not_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HPO_MACHINE", raising=False)
    key = machine_identity.key()
    monkeypatch.setenv("HPO_MACHINE", " ")
    assert machine_identity.key() == key
