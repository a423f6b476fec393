"""How TensorFlow is imported and configured, in processes of their own: both happen only once."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


@pytest.mark.thorough
def test_threads_are_set_and_nothing_is_printed() -> None:
    done = run(
        "from hpo.training import configure; configure(threads=1); configure(threads=1)\n"
        "import tensorflow as tf, pytest\n"
        "from hpo.errors import UsageError\n"
        "print(tf.config.threading.get_intra_op_parallelism_threads(), float(tf.reduce_sum(tf.ones(3))))\n"
        "with pytest.raises(UsageError, match='comes too late'): configure(threads=2)\n"
        "with pytest.raises(UsageError, match='below 1'): configure(threads=0)\n"
    )
    assert done.stdout == "1 3.0\n"
    assert done.stderr == ""


def test_importing_tensorflow_after_preparing_it_leaves_no_import_hook() -> None:
    done = run(
        "from hpo.tensorflow_start import prepare_tensorflow; prepare_tensorflow(); prepare_tensorflow()\n"
        "import sys; ours = lambda: sum('Preparing' in type(one).__name__ for one in sys.meta_path); print(ours())\n"
        "import tensorflow as tf; print(ours(), type(tf.__loader__).__name__, tf.__spec__.loader is tf.__loader__)\n"
        "print('said', file=sys.stderr)"
    )
    assert done.stdout == "1\n0 SourceFileLoader True\n"
    assert done.stderr == "said\n"


@pytest.mark.parametrize(("asked", "used"), [(None, True), ("0", False)])
def test_the_fast_kernels_are_used_unless_the_user_says_otherwise(asked: str | None, used: bool) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from hpo.tensorflow_start import prepare_tensorflow; prepare_tensorflow(); import tensorflow\n"
            "from tensorflow.python.util import _pywrap_util_port as port; print(port.IsMklEnabled())",
        ],
        env={**environment, **({} if asked is None else {"TF_ENABLE_ONEDNN_OPTS": asked})},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{used and platform.machine() in ('x86_64', 'AMD64')}\n"


LOAD = "import sys; from hpo.errors import DefinitionError; from hpo.training.runtime import load_keras\n"


def said(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", LOAD + code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_missing_tensorflow_is_one_line() -> None:
    out = said(
        "sys.modules['tensorflow'] = None\n"
        "try: load_keras()\n"
        "except DefinitionError as error: print(str(error).startswith('training needs TensorFlow: pip install'))\n"
    )
    assert out == ["True"]


@pytest.mark.thorough
def test_another_backend_in_the_environment_gives_way_before_keras_is_imported() -> None:
    out = said(
        "import os, warnings; warnings.simplefilter('ignore'); os.environ['KERAS_BACKEND'] = 'openvino'\n"
        "from hpo.training import Dropout\n"
        "import keras\n"
        "print(keras.config.backend())\n"
    )
    assert out == ["tensorflow"]


def test_keras_with_another_backend_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """A stand-in for this process's Keras says that it has another backend."""
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "__init__.py").write_text(
        "class config:\n    @staticmethod\n    def backend():\n        return 'openvino'\n"
    )
    out = said(
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "import keras\n"
        "try: load_keras()\n"
        "except DefinitionError as error: print(error)\n"
    )
    assert out == [
        "hpo trains with tensorflow, jax, torch, and Keras was imported with openvino in this process: "
        "set KERAS_BACKEND=tensorflow before the first import of Keras"
    ]


@pytest.mark.thorough
def test_garbage_is_collected_again_after_keras_was_imported() -> None:
    done = run("import gc; from hpo.training.runtime import load_keras; load_keras(); print(gc.isenabled())")
    assert done.stdout.split() == ["True"]
