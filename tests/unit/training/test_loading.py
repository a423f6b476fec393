"""Keras without the packages it only looks for, in processes of their own: a package is imported only once."""

import subprocess
import sys
from pathlib import Path

import pytest

LOAD = "import sys; from hpo.errors import DefinitionError; from hpo.training.loading import load_keras\n"


def said(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", LOAD + code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_they_are_left_out_and_can_be_had_afterwards() -> None:
    out = said(
        "load_keras()\n"
        "print('tensorflow' in sys.modules, {'sklearn', 'matplotlib'} & set(sys.modules))\n"
        "import sklearn.datasets, matplotlib\n"
        "print(len(sklearn.datasets.load_wine().data))\n"
        "load_keras()\n"
        "print(sys.modules['sklearn'] is sklearn)\n"
    )
    assert out == ["True set()", "178", "True"]


@pytest.mark.slow
def test_a_definition_that_has_imported_one_keeps_it_and_keras_finds_it() -> None:
    out = said(
        "import sklearn\n"
        "load_keras()\n"
        "import keras\n"
        "print(sys.modules['sklearn'] is sklearn, 'matplotlib' in sys.modules)\n"
        "print(keras.wrappers.SKLearnClassifier(lambda x, y: keras.Sequential()) is not None)\n"
    )
    assert out == ["True False", "True"]


def test_what_is_missing_is_told_and_the_packages_can_be_imported_all_the_same() -> None:
    out = said(
        "sys.modules['tensorflow'] = None\n"
        "try: load_keras()\n"
        "except DefinitionError as error: print(str(error).startswith('training needs TensorFlow: pip install'))\n"
        "import sklearn\n"
        "print(sklearn.__name__)\n"
    )
    assert out == ["True", "sklearn"]


@pytest.mark.slow
def test_keras_would_have_imported_them() -> None:
    """Otherwise there is nothing to keep from it, and the module can go."""
    assert said("import keras; print({'sklearn', 'matplotlib'} <= set(sys.modules))") == ["True"]


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
