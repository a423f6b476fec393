"""The import of Keras and TensorFlow, without what Keras only looks for."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from hpo.errors import DefinitionError
from hpo.settings import use_tensorflow

__all__ = ["load_keras"]

_LOOKED_FOR = ("sklearn", "matplotlib")


def load_keras() -> None:
    """Import Keras, and TensorFlow with it; does nothing where that is done already.

    Keras imports scikit-learn and matplotlib where it finds them, for its scikit-learn wrappers and its galleries of
    pictures, and they take longer than all of Keras: a quarter of the import (`python -m benchmarks.startup`). Both
    come with hpo's own dependencies, so Keras always finds them. Here it does not, and so lacks wrappers and galleries;
    whoever imports either package, before or after, has it as ever.

    Raises:
        DefinitionError: TensorFlow or Keras is not installed, or cannot be loaded; or Keras was imported with another
            backend.

    """
    if "keras" not in sys.modules:
        use_tensorflow()
    try:
        with _unfindable(_LOOKED_FOR):
            import keras
    except ImportError as error:
        raise DefinitionError(f"training needs TensorFlow: pip install 'hpo-service[cpu]' ({error})") from error
    if keras.config.backend() != "tensorflow":
        raise DefinitionError(
            f"hpo trains with TensorFlow, and Keras was imported with {keras.config.backend()} in this process: set "
            "KERAS_BACKEND=tensorflow before the first import of Keras"
        )


@contextmanager
def _unfindable(packages: tuple[str, ...]) -> Iterator[None]:
    """Packages not imported so far cannot be: None in `sys.modules` is Python's own way to say so."""
    hidden = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
