"""Keras uses TensorFlow wherever hpo runs, and who has asked for something else is told."""

import os
import warnings

import pytest

from hpo.errors import HpoWarning
from hpo.fleet.supervisor.worker_process import environment
from hpo.settings import use_tensorflow


@pytest.mark.parametrize("asked", ["jax", "torch"])
def test_another_backend_is_not_heeded_which_is_told_once(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.setenv("KERAS_BACKEND", asked)
    with pytest.warns(HpoWarning, match=f"^KERAS_BACKEND={asked} is not heeded: hpo trains with TensorFlow$"):
        use_tensorflow()
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        use_tensorflow()


@pytest.mark.parametrize("asked", [None, "", "tensorflow"])
def test_nothing_is_told_where_nothing_else_was_asked_for(monkeypatch: pytest.MonkeyPatch, asked: str | None) -> None:
    monkeypatch.setenv("KERAS_BACKEND", asked or "")
    if asked is None:
        monkeypatch.delenv("KERAS_BACKEND")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        use_tensorflow()
    assert os.environ["KERAS_BACKEND"] == "tensorflow"


def test_whoever_starts_workers_is_told_and_the_workers_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.warns(HpoWarning, match="KERAS_BACKEND=jax"):
        assert environment(1)["KERAS_BACKEND"] == "tensorflow"
