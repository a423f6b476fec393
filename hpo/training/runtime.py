"""Keras in this process: imported with its backend, configured, and used by one thread at a time.

Programs, and the random numbers of Python and NumPy that weights are drawn from, belong to the whole process. With
`study.optimize(..., n_jobs=2)` two trainings of one shape would otherwise write into each other's weights.
"""

import functools
import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from typing import ParamSpec, TypeVar

from hpo.errors import DefinitionError, UsageError
from hpo.settings import BACKENDS, use_backend
from hpo.tensorflow_start import prepare_tensorflow, silent_stderr

__all__ = [
    "configure",
    "exclusive",
    "load_keras",
    "needs_tensorflow",
    "own_version",
]


def load_keras() -> None:
    """Import Keras, and its backend with it; does nothing where that is done already.

    Raises:
        DefinitionError: Keras or its backend is not installed, or cannot be loaded; or Keras was imported with a
            backend that trains nothing.

    """
    if "keras" not in sys.modules:
        use_backend()
        prepare_tensorflow()
    asked = os.environ.get("KERAS_BACKEND", BACKENDS[0])
    try:
        with _uncollected():
            import keras
    except ImportError as error:
        if asked != "tensorflow":
            raise DefinitionError(
                f"KERAS_BACKEND={asked} cannot be loaded: install it, or unset it ({error})"
            ) from error
        raise DefinitionError(f"training needs TensorFlow: pip install 'hpo-service[cpu]' ({error})") from error
    if keras.config.backend() not in BACKENDS:
        raise DefinitionError(
            f"hpo trains with {', '.join(BACKENDS)}, and Keras was imported with {keras.config.backend()} in this "
            "process: set KERAS_BACKEND=tensorflow before the first import of Keras"
        )


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage is looked for meanwhile: an import keeps what it makes, and the search takes a quarter of its time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def needs_tensorflow(what: str) -> None:
    """Refuse what nothing but TensorFlow can do. Raises DefinitionError where Keras has another backend."""
    load_keras()
    import keras

    if keras.config.backend() != "tensorflow":
        raise DefinitionError(
            f"{what} needs TensorFlow, and Keras runs on {keras.config.backend()}: set KERAS_BACKEND=tensorflow"
        )


def own_version() -> str:
    """The version of hpo; nothing where it is run from sources that are not installed."""
    try:
        return version("hpo-service")
    except PackageNotFoundError:
        return ""


def configure(*, threads: int | None = None) -> None:
    """Prepare Keras's backend in this process; call it before anything else uses it.

    Quiets TensorFlow's start-up log and lets GPU memory grow instead of being taken whole. A worker uses one thread:
    two one-thread processes train 2.4 times the epochs an hour of one two-thread process.

    Args:
        threads: threads within an operation and between operations alike; None leaves TensorFlow's own choice.

    Raises:
        UsageError: `threads` is below 1, or TensorFlow has already started and runs with another number.
        DefinitionError: TensorFlow is not installed, or cannot be loaded.

    """
    if threads is not None and threads < 1:
        raise UsageError(f"threads {threads} is below 1: give each training process at least one thread")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if threads is not None:
        one = f"--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads={threads}"
        os.environ.setdefault("XLA_FLAGS", one)  # of JAX
    with silent_stderr():
        load_keras()
        import keras

        if keras.config.backend() == "torch" and threads is not None:
            import torch

            torch.set_num_threads(threads)
        if keras.config.backend() != "tensorflow":
            return
        import tensorflow as tf

        tf.get_logger().setLevel("ERROR")
        if threads is not None:
            _set_threads(threads)
        for device in tf.config.list_physical_devices("GPU"):
            with suppress(RuntimeError):  # in use already: its memory stays as it was set
                tf.config.experimental.set_memory_growth(device, True)
        tf.zeros(())


def _set_threads(threads: int) -> None:
    import tensorflow as tf

    threading = tf.config.threading
    try:
        threading.set_intra_op_parallelism_threads(threads)
        threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError as error:
        now = threading.get_intra_op_parallelism_threads() or "its own number of"
        raise UsageError(
            f"threads {threads} comes too late: TensorFlow has started with {now} threads; configure the process first"
        ) from error


P = ParamSpec("P")
T = TypeVar("T")

_turn = threading.RLock()


def exclusive(function: Callable[P, T]) -> Callable[P, T]:
    """`function`, which only one thread of the process is in at a time, in it or in any other so marked."""

    @functools.wraps(function)
    def alone(*args: P.args, **kwargs: P.kwargs) -> T:
        with _turn:
            return function(*args, **kwargs)

    return alone
