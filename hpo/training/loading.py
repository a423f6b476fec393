"""The import of Keras and TensorFlow, and in one line what stands in its way."""

import sys

from hpo.errors import DefinitionError
from hpo.settings import use_tensorflow

__all__ = ["load_keras"]


def load_keras() -> None:
    """Import Keras, and TensorFlow with it; does nothing where that is done already.

    Raises:
        DefinitionError: TensorFlow or Keras is not installed, or cannot be loaded; or Keras was imported with another
            backend.

    """
    if "keras" not in sys.modules:
        use_tensorflow()
    try:
        import keras
    except ImportError as error:
        raise DefinitionError(f"training needs TensorFlow: pip install 'hpo-service[cpu]' ({error})") from error
    if keras.config.backend() != "tensorflow":
        raise DefinitionError(
            f"hpo trains with TensorFlow, and Keras was imported with {keras.config.backend()} in this process: set "
            "KERAS_BACKEND=tensorflow before the first import of Keras"
        )
