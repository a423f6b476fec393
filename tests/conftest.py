"""What every test stands on: quiet one-thread TensorFlow, none of your settings, a folder of its own."""

import gc
import os
import signal
import sys

# A shell that starts the tests in the background has them ignore Ctrl-C, and so would all that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Before anything imports TensorFlow, and inherited by every process a test starts.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import shutil
from collections.abc import Iterator
from pathlib import Path

import preloaded
import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, sync_playwright

from hpo import data

# How long an example takes says something of the machine only.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

preloaded.install(preloaded.Template(os.environ))

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def pytest_collection_finish() -> None:
    """Leave what has been imported out of garbage collections, each of which would look at all of it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _preloaded() -> Iterator[None]:
    """Processes that a module's tests and fixtures start as `sys.executable` start at once, except as `fresh` ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", preloaded.PYTHON)
        yield


@pytest.fixture(autouse=True)
def _fresh(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test marked `fresh` is about how processes start."""
    if request.node.get_closest_marker("fresh"):
        monkeypatch.setattr(sys, "executable", str(preloaded.PYTHON))


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the storage of the person who runs it, or leaves hpo.db in the repository."""
    monkeypatch.delenv("HPO_STORAGE", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def fashion_mnist() -> data.Dataset:
    """The real Fashion-MNIST, fetched once where it lies nowhere."""
    return data.fashion_mnist()


@pytest.fixture(scope="session")
def fashion_files() -> Path:
    """The folder its four files lie in."""
    folder = data.fetch("fashion-mnist").path
    assert folder is not None
    return folder


@pytest.fixture(scope="session")
def boston_housing() -> data.Dataset:
    """The real Boston Housing."""
    return data.boston_housing()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium, driven by Playwright."""
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("there is no browser here to look with: apt install chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])  # root has no sandbox
        yield launched
        launched.close()
