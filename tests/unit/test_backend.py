"""Keras uses what $KERAS_BACKEND names where hpo can train with it, else TensorFlow; who asked for more is told."""

import os
import warnings

import pytest

from hpo.errors import HpoWarning
from hpo.fleet.supervisor.worker_process import environment
from hpo.settings import use_backend


@pytest.mark.parametrize("asked", ["openvino", "theano"])
def test_a_backend_that_trains_nothing_is_not_heeded_which_is_told_once(
    monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", asked)
    with pytest.warns(HpoWarning, match=f"^KERAS_BACKEND={asked} is not heeded: .* and now with tensorflow$"):
        use_backend()
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        use_backend()


@pytest.mark.parametrize("asked", [None, "", "tensorflow", "jax", "torch"])
def test_nothing_is_told_of_what_is_heeded(monkeypatch: pytest.MonkeyPatch, asked: str | None) -> None:
    monkeypatch.setenv("KERAS_BACKEND", asked or "")
    if asked is None:
        monkeypatch.delenv("KERAS_BACKEND")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        use_backend()
    assert os.environ["KERAS_BACKEND"] == (asked or "tensorflow")


def test_whoever_starts_workers_is_told_and_the_workers_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "openvino")
    with pytest.warns(HpoWarning, match="KERAS_BACKEND=openvino"):
        assert environment(1)["KERAS_BACKEND"] == "tensorflow"
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert environment(1)["KERAS_BACKEND"] == "jax"
