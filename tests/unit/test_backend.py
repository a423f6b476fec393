"""Keras uses what $KERAS_BACKEND names where hpo can train with it, else TensorFlow; who asked for more is told."""

import os
import warnings

import pytest

from hpo.errors import HpoWarning
from hpo.fleet.supervisor.worker_process import environment
from hpo.settings import use_backend


@pytest.mark.parametrize("asked", ["openvino", "theano"])
def test_an_unsupported_keras_backend_is_replaced_with_one_warning(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.setenv("KERAS_BACKEND", asked)
    with pytest.warns(HpoWarning, match=f"^KERAS_BACKEND={asked} is not heeded: .* and now with tensorflow$"):
        use_backend()
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        use_backend()


@pytest.mark.parametrize("asked", [None, "", "tensorflow", "jax", "torch"])
def test_a_supported_keras_backend_causes_no_warning(monkeypatch: pytest.MonkeyPatch, asked: str | None) -> None:
    monkeypatch.setenv("KERAS_BACKEND", asked or "")
    if asked is None:
        monkeypatch.delenv("KERAS_BACKEND")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        use_backend()
    assert os.environ["KERAS_BACKEND"] == (asked or "tensorflow")


def test_workers_get_the_supported_backend_and_their_starter_the_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "openvino")
    with pytest.warns(HpoWarning, match="KERAS_BACKEND=openvino"):
        assert environment(1)["KERAS_BACKEND"] == "tensorflow"
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert environment(1)["KERAS_BACKEND"] == "jax"
