"""Keras without the packages it only looks for, in processes of their own: a package is imported only once."""

import subprocess
import sys

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
