"""What stands in the way of Keras, in processes of their own: a package is imported only once."""

import subprocess
import sys
from pathlib import Path

LOAD = "import sys; from hpo.errors import DefinitionError; from hpo.training.runtime import load_keras\n"


def said(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", LOAD + code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_what_is_missing_is_told() -> None:
    out = said(
        "sys.modules['tensorflow'] = None\n"
        "try: load_keras()\n"
        "except DefinitionError as error: print(str(error).startswith('training needs TensorFlow: pip install'))\n"
    )
    assert out == ["True"]


def test_another_backend_in_the_environment_gives_way_before_keras_is_imported() -> None:
    out = said(
        "import os, warnings; warnings.simplefilter('ignore'); os.environ['KERAS_BACKEND'] = 'jax'\n"
        "from hpo.training import Dropout\n"
        "import keras\n"
        "print(keras.config.backend())\n"
    )
    assert out == ["tensorflow"]


def test_keras_with_another_backend_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """Of this process's Keras: no other backend is installed, so one that says so stands in for it."""
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "__init__.py").write_text(
        "class config:\n    @staticmethod\n    def backend():\n        return 'jax'\n"
    )
    out = said(
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "import keras\n"
        "try: load_keras()\n"
        "except DefinitionError as error: print(error)\n"
    )
    assert out == [
        "hpo trains with TensorFlow, and Keras was imported with jax in this process: "
        "set KERAS_BACKEND=tensorflow before the first import of Keras"
    ]
